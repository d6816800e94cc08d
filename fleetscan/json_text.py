"""JSON as this program reads and writes it: one reader and one writer, for a reply, a line or a file.

orjson does the work; a dataclass is written as an object of its fields. It refuses lone surrogates, which
strangers' text may hold as an escape ("\\ud800") and paths on the command line as a byte: U+FFFD stands for
each of them, in what is read and in what is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias, cast

import orjson

from fleetscan.model import Json

# TypedDicts are mappings of objects to mypy; what is no JSON in them is refused when it is written.
Written: TypeAlias = "Json | Mapping[str, object]"

# An escape that is half a character.
HALF = re.compile(rb"\\u[dD][89a-fA-F]")
# The same, apart from an escaped backslash before a "u", and from two halves that are one character.
_ESCAPES = re.compile(
    rb"\\\\"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
COMPACT = (",", ":")


def parse(text: bytes) -> Json:
    """The value that `text` holds; raises ValueError when it is not JSON.

    A whole number beyond 64 bits becomes the nearest float, and of equal names in one object the last counts.
    """
    try:
        return cast("Json", orjson.loads(text))
    except orjson.JSONDecodeError:
        if HALF.search(text) is None:
            raise
    # Here and not above, where the error still holds a copy of the text.
    return cast("Json", orjson.loads(_without_halves(text)))


def encode(value: Written) -> bytes:
    """`value` in UTF-8 without a blank.

    Raises ValueError where it nests too deeply to be written, as all of these do: some hundreds of levels.
    """
    return _encode(value, 0)


def encode_line(value: Written) -> bytes:
    """`encode` and a newline, the only one in it: lines end there, and at no other kind of line end."""
    return _encode(value, orjson.OPT_APPEND_NEWLINE)


def encode_indented(value: Written) -> bytes:
    """`encode_line` on as many lines as people like to read."""
    return _encode(value, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def encode_ascii(value: Written, indent: int | None = None) -> str:
    """`value` with all but ASCII escaped: the same to a parser, and harmless to a terminal."""
    try:
        text = json.dumps(
            value, allow_nan=False, indent=indent, separators=None if indent else COMPACT, default=_fields_of
        )
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error
    return _without_halves(text.encode()).decode()


def whole(text: str) -> str:
    """`text` as it is written: with U+FFFD for each lone surrogate."""
    return _SURROGATES.sub("\ufffd", text)


def _encode(value: Written, option: int) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:
        pass
    # 1. Half characters: what is read of it is written the same, so a line is known again by its bytes.
    # 2. What orjson has no form for: whole numbers beyond 64 bits, and deeper nesting than it takes.
    try:
        return orjson.dumps(_without_surrogates(value), option=option)
    except (orjson.JSONEncodeError, RecursionError):
        text = encode_ascii(value, 2 if option & orjson.OPT_INDENT_2 else None)
        return f"{text}\n".encode() if option & orjson.OPT_APPEND_NEWLINE else text.encode()


def _without_surrogates(value: Any) -> Any:
    """`value` with U+FFFD for each lone surrogate in its texts."""
    match value:
        case str():
            return whole(value)
        case dict():
            return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
        case list() | tuple():
            return [_without_surrogates(each) for each in value]
        case _ if is_dataclass(value):
            return _without_surrogates(_fields_of(value))
    return value


def _fields_of(value: Any) -> dict[str, object]:
    """What orjson writes of a dataclass; raises TypeError for anything else, which is no JSON."""
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _without_halves(text: bytes) -> bytes:
    """JSON `text` with U+FFFD, as an escape, for each escape that is half a character by itself."""
    return _ESCAPES.sub(lambda found: rb"\ufffd" if found["half"] else found[0], text)
