"""A TOML file of settings, read into text that is then understood exactly as a flag's would be.

Keys are the flags' names, with hyphens or underscores; a key that is none of the command's is an error. A
plan reads a scan's file: what only the scan has is passed over.
"""

from __future__ import annotations

import tomllib
from typing import TypeAlias

from fleetscan.errors import UsageError
from fleetscan.knobs import Knob, Settings, knobs, nearest

Texts: TypeAlias = dict[str, str | list[str]]


def read_config(path: str, settings: type[Settings]) -> Texts:
    """The values in the file at `path` by attribute; raises UsageError about the first that is wrong."""
    by_name = {knob.name: knob for knob in knobs(settings)}
    passed_over = {knob.name for wider in settings.__subclasses__() for knob in knobs(wider)} - set(by_name)
    texts: Texts = {}
    for key, value in _load(path).items():
        name = key.replace("_", "-")
        if name in passed_over:
            continue
        knob = by_name.get(name)
        if knob is None:
            raise UsageError(f"{path}: there is no setting {key!r} here.{_hint(key, by_name)}")
        if knob.attribute in texts:
            raise UsageError(f"{path}: {knob.name} is there twice, with hyphens and with underscores")
        texts[knob.attribute] = _texts(path, knob, value)
    return texts


def _load(path: str) -> dict[str, object]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: it is not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def _hint(key: str, names: dict[str, Knob]) -> str:
    name = nearest(key.replace("_", "-"), names)
    return f" Did you mean {name}?" if name else f" There are {', '.join(names)}."


def _texts(path: str, knob: Knob, value: object) -> str | list[str]:
    """The text of a value, or of each in an array where the setting takes several."""
    if knob.is_list and isinstance(value, list):
        return [_text(path, knob, single) for single in value]
    text = _text(path, knob, value)
    return [text] if knob.is_list else text


def _text(path: str, knob: Knob, value: object) -> str:
    # 1. Text says everything. 2. A number or a switch may also be written as TOML's own, but true is
    #    no number (though Python thinks so). 3. A number where text belongs is told what it lacks.
    if isinstance(value, str):
        return value
    if type(value) in knob.form.plain:
        return str(value)
    try:
        knob.read(str(value))
    except ValueError as refusal:
        raise UsageError(f"{path}: {knob.name} {refusal}") from None
    raise UsageError(f"{path}: {knob.name} must be {knob.form.expected}, in quotes")
