"""From JSON to declared types: a value is checked against a type hint, and made into it, or refused.

For what this program wrote itself and reads back. Hints are those of dataclasses and TypedDicts; keys that
are not declared are passed over, so that a later version may add some.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from typing import (
    Annotated,
    Any,
    Literal,
    TypeAlias,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from fleetscan.records.shapes import Keyword

Check: TypeAlias = Callable[[Any], Any]

BOUNDS = {"minimum": -math.inf, "maximum": math.inf}


def check_of(hint: Any, *, may_grow: bool = False) -> Check:
    """A function that makes JSON into a value of the type `hint`; it raises ValueError where it is none.

    `may_grow` lets a word that is not among a field's words pass: a later version may have more of them.
    """
    return _check_of(hint, may_grow)


@cache
def _check_of(hint: Any, may_grow: bool) -> Check:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(arguments, may_grow)
    if origin is Literal:
        return _words(arguments, may_grow)
    if origin in (Union, types.UnionType):
        return _union(arguments, may_grow)
    if origin in (list, tuple):
        return partial(_items, _check_of(arguments[0], may_grow), origin)
    if origin is not None and issubclass(origin, Mapping):
        return partial(_entries, _check_of(arguments[1], may_grow))
    if is_typeddict(hint):
        return partial(_keys_checked, _keys_of(hint, may_grow))
    if is_dataclass(hint):
        return partial(_made, _keys_of(hint, may_grow), cast(Callable[..., Any], hint))
    return _anything if hint in (Any, object) else partial(_plain, hint)


def _annotated(arguments: tuple[Any, ...], may_grow: bool) -> Check:
    inner, *told = arguments
    check = _check_of(inner, may_grow)
    keywords = {each.name: each.value for each in told if isinstance(each, Keyword)}
    if keywords.keys().isdisjoint(BOUNDS):
        return check
    low, high = (float(keywords.get(name, unbounded)) for name, unbounded in BOUNDS.items())
    return partial(_within, check, low, high)


def _words(words: tuple[Any, ...], may_grow: bool) -> Check:
    # A schema's own name is no word among several: another one is another record.
    if not may_grow or len(words) == 1:
        return partial(_one_of, words)
    kinds = dict.fromkeys(map(type, words))
    return partial(_any_of, tuple(partial(_plain, kind) for kind in kinds))


def _union(arguments: tuple[Any, ...], may_grow: bool) -> Check:
    # What may be a list or an object, among others, may be any JSON.
    if {list, dict} <= {get_origin(part) for part in arguments}:
        return _anything
    return partial(_any_of, tuple(_check_of(part, may_grow) for part in arguments))


def _keys_of(cls: Any, may_grow: bool) -> dict[str, tuple[Check, bool]]:
    """Each key of an object of `cls` with its check, and whether it must be there."""
    checks = {
        name: _check_of(hint, may_grow) for name, hint in get_type_hints(cls, include_extras=True).items()
    }
    if not is_dataclass(cls):
        return {name: (check, name in cls.__required_keys__) for name, check in checks.items()}
    defaults = {each.name: (each.default, each.default_factory) for each in fields(cls)}
    return {name: (checks[name], default == (MISSING, MISSING)) for name, default in defaults.items()}


def _plain(kind: type | None, value: Any) -> Any:
    # True is no number here, and a whole number is a fraction too.
    if value is None:
        fits = kind in (None, types.NoneType)
    elif kind is float:
        fits = type(value) in (int, float)
    else:
        fits = type(value) is kind
    if not fits:
        raise ValueError(f"{value!r:.80} is not of the type {getattr(kind, '__name__', kind)}")
    return value


def _anything(value: Any) -> Any:
    return value


def _one_of(words: tuple[object, ...], value: Any) -> Any:
    if value not in words:
        raise ValueError(f"{value!r:.80} is none of {', '.join(map(str, words))}")
    return value


def _any_of(checks: tuple[Check, ...], value: Any) -> Any:
    for check in checks[:-1]:
        try:
            return check(value)
        except ValueError:
            continue
    return checks[-1](value)


def _within(check: Check, low: float, high: float, value: Any) -> Any:
    number = check(value)
    if number is not None and not low <= number <= high:
        raise ValueError(f"{number!r:.80} is out of bounds")
    return number


def _items(check: Check, kind: Callable[[list[Any]], Any], value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError(f"{value!r:.80} is no list")
    return kind([check(item) for item in value])


def _entries(check: Check, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.80} is no object")
    return {name: check(item) for name, item in value.items()}


def _keys_checked(keys: Mapping[str, tuple[Check, bool]], value: Any) -> Any:
    """`value` itself, keys that are not declared too."""
    _checked(keys, value)
    return value


def _made(keys: Mapping[str, tuple[Check, bool]], make: Callable[..., Any], value: Any) -> Any:
    return make(**_checked(keys, value))


def _checked(keys: Mapping[str, tuple[Check, bool]], value: Any) -> dict[str, Any]:
    """The declared keys of `value` with what they were made into."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.80} is no object")
    made = {}
    for name, (check, is_needed) in keys.items():
        if name in value:
            made[name] = check(value[name])
        elif is_needed:
            raise ValueError(f"{name!r} is missing")
    return made
