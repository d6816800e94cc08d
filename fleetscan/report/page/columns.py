"""Columns in which each distinct value is told once: a fleet repeats its regions, reasons and lists of patches.

As JSON a column is `{"values": [...], "at": [...]}`: the value of VM i is `values[at[i]]`.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator, Sequence

from fleetscan import json_text

# A part of a column is made at a time: as Python's own list of numbers all of it takes tens of megabytes.
PART = 4096


class Column:
    """Values in the order in which they are added; equal ones are held once."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, int] = {}
        """Each distinct value with its number: 0 for the first, 1 for the second."""
        self.at = array("I")

    def add(self, value: Hashable) -> int:
        """Add `value`, and return its number."""
        number = self.numbers.setdefault(value, len(self.numbers))
        self.at.append(number)
        return number

    def value(self, index: int, values: Sequence[Hashable]) -> Hashable:
        """The value that was added as number `index`; `values` are the distinct ones in their order."""
        return values[self.at[index]]

    def json(self, order: Sequence[int]) -> Iterator[bytes]:
        """The column as parts of JSON, its rows in the given order."""
        yield b'{"values":' + self._values() + b',"at":'
        yield from numbers_json([self.at[index] for index in order])
        yield b"}"

    def _values(self) -> bytes:
        return json_text.encode([*self.numbers])


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
