"""What the fields of records are made of, and the one derivation from a declared record to its JSON Schema.

A record is a TypedDict or a frozen dataclass whose fields are `Annotated[type, "a sentence for the reader"]`.
A shape is a type with what JSON Schema (draft 2020-12) says of it besides, and may add a sentence of its own.
Every key of a record is always there, and there are no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    ClassVar,
    Literal,
    NamedTuple,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from fleetscan.model import Json

UTC_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"
NAMES = {str: "string", int: "integer", float: "number", bool: "boolean"}


class Keyword(NamedTuple):
    """A keyword of JSON Schema that a shape adds to what its type says; hashable, as unions need it."""

    name: str
    value: str | int | float


Count: TypeAlias = Annotated[int, Keyword("minimum", 0)]
"""A whole number from 0."""
Seconds: TypeAlias = Annotated[float, Keyword("minimum", 0)]
"""A span of time."""
UtcTime: TypeAlias = Annotated[str, "UTC, ISO 8601 with Z.", Keyword("pattern", UTC_PATTERN)]
"""A moment as `times.utc_text` writes it."""
Percent: TypeAlias = Annotated[
    float | None, "Null when nothing is listed.", Keyword("minimum", 0), Keyword("maximum", 100)
]
"""A share of the machines listed, with two decimals."""
HttpStatus: TypeAlias = Annotated[
    int | None, "The reply's HTTP status; null without a reply.", Keyword("minimum", 100)
]
"""A reply's status code."""
Tally: TypeAlias = dict[str, Annotated[int, Keyword("minimum", 1)]]
"""Counts by a word that is not ours to list."""


def object_schema(record: type) -> dict[str, Json]:
    """The schema of a declared record, described by the first paragraph of its docstring."""
    hints = get_type_hints(record, include_extras=True)
    # A class's own constants are no fields.
    properties = {name: _schema(hint) for name, hint in hints.items() if hint is not ClassVar}
    return {
        "description": " ".join((record.__doc__ or "").partition("\n\n")[0].split()),
        "type": "object",
        "properties": {**properties},
        "required": [*properties],
        "additionalProperties": False,
    }


def _schema(hint: object) -> dict[str, Json]:
    """The schema of a field's type; one that is not told apart here may be any JSON."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(_schema(arguments[0]), arguments[1:])
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": [*arguments]}
    if origin in (list, tuple):
        return {"type": "array", "items": _schema(arguments[0])}
    if origin in (dict, Mapping):
        values = _schema(arguments[1])
        return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
    if isinstance(hint, type) and (is_typeddict(hint) or is_dataclass(hint)):
        return object_schema(hint)
    return {"type": NAMES[hint]} if isinstance(hint, type) and hint in NAMES else {}


def _annotated(schema: dict[str, Json], told: Iterable[object]) -> dict[str, Json]:
    """`schema` with what is told of it: the field's sentence before a shape's, and in a record's place."""
    sentences: list[str] = []
    keywords: dict[str, Json] = {}
    for each in told:
        match each:
            case Keyword(name, value):
                keywords[name] = value
            case str(sentence):
                sentences.insert(0, sentence)
    if "properties" not in schema:
        sentences.append(str(schema.get("description", "")))
    sentence = " ".join(filter(None, sentences))
    described: dict[str, Json] = {"description": sentence} if sentence else {}
    return {**described, **schema, **keywords, **described}


def _union(arguments: tuple[object, ...]) -> dict[str, Json]:
    """The schema of a type or null; a choice of several types is no shape of ours and may be any JSON."""
    types = [argument for argument in arguments if argument is not NoneType]
    if len(types) != 1:
        return {}
    schema = _schema(types[0])
    match schema:
        case {"enum": list(words)}:
            return {**schema, "enum": [*words, None]}
        case {"const": word}:
            return {"enum": [word, None]}
    return {**schema, "type": [schema["type"], "null"]}
