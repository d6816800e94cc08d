"""Columns that tell each distinct value once: a fleet repeats its regions, reasons and lists of patches.

As JSON a column is `{"values": [...], "at": [...]}`: the value of VM i is `values[at[i]]`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import TypeAlias, cast

from fleetscan import json_text
from fleetscan.model import Json

# What a column holds: what JSON has, and tuples for its lists, so that equal ones are found.
Value: TypeAlias = str | int | bool | bytes | tuple[str | int | None, ...] | None
# A part of a column is made at a time: as Python's own list of numbers all of it takes tens of megabytes.
PART = 4096


class Column:
    """Values in the order in which they are added; equal ones are held once."""

    def __init__(self) -> None:
        self.numbers: dict[Value, int] = {}
        """Each distinct value with its number: 0 for the first, 1 for the second."""
        self.at = array("I")

    def add(self, value: Value) -> int:
        """Add `value`, and return its number."""
        number = self.numbers.setdefault(value, len(self.numbers))
        self.at.append(number)
        return number

    def json(self, order: Sequence[int]) -> Iterator[bytes]:
        """The column as parts of JSON, its rows in the given order."""
        yield b'{"values":' + self._values() + b',"at":'
        yield from numbers_json([self.at[index] for index in order])
        yield b"}"

    def _values(self) -> bytes:
        return json_text.encode(cast("Json", [*self.numbers]))


class JsonColumn(Column):
    """A column whose values are JSON themselves, as bytes."""

    def _values(self) -> bytes:
        return b"[" + b",".join(value for value in self.numbers if isinstance(value, bytes)) + b"]"


def numbers_json(numbers: Sequence[int]) -> Iterator[bytes]:
    """A JSON array of `numbers`, in parts."""
    yield b"["
    for start in range(0, len(numbers), PART):
        yield b"," if start else b""
        yield ",".join(map(str, numbers[start : start + PART])).encode()
    yield b"]"
