"""JSON as this program reads and writes it: one reader and one writer, for a reply, a line or a file.

orjson does the work. It refuses lone surrogates, which names and titles of strangers may hold ("\\ud800"):
for those Python's own reader and writer stand in, so that what came as an escape is recorded as an escape.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

import orjson

from fleetscan.model import Json

# TypedDicts are mappings of objects to mypy; what is no JSON in them is refused when it is written.
Written: TypeAlias = "Json | Mapping[str, object]"

# An escape that is half a character; together with its other half orjson reads it.
HALF = re.compile(rb"\\u[dD][89a-fA-F]")
COMPACT = (",", ":")


def parse(text: bytes) -> Json:
    """The value that `text` holds; raises ValueError when it is not JSON.

    A whole number beyond 64 bits becomes the nearest float, and of equal names in one object the last counts.
    """
    try:
        parsed: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        if HALF.search(text) is None:
            raise
        return _parse_with_halves(text)
    return parsed


def encode(value: Written) -> bytes:
    """`value` in UTF-8 without a blank, lone surrogates as escapes.

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
        return json.dumps(value, allow_nan=False, indent=indent, separators=None if indent else COMPACT)
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error


def _encode(value: Written, option: int) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:
        text = encode_ascii(value, 2 if option & orjson.OPT_INDENT_2 else None)
        return f"{text}\n".encode() if option & orjson.OPT_APPEND_NEWLINE else text.encode()


def _parse_with_halves(text: bytes) -> Json:
    """As orjson reads, but for lone surrogates: as strict, and numbers as they are there."""
    try:
        parsed: Json = json.loads(
            text.decode(), parse_constant=_refuse, parse_float=_finite, parse_int=_whole
        )
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error
    return parsed


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _whole(digits: str) -> int | float:
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else _finite(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError("a number is too large")
    return number
