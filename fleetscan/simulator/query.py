"""A Resource Graph query as functions over rows: what its steps show, and what its order sorts by.

Rows are dictionaries of columns; nothing here reads query text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson

from fleetscan.model import Json

Row = dict[str, Json]
Value = Callable[[Row], Json]
Test = Callable[[Row], bool]
Step = Callable[[Row], "Row | None"]

_ASCII_LOWER = {ord(upper): ord(upper) + 32 for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@dataclass(frozen=True, slots=True)
class SortBy:
    """One key of an `order by`."""

    column: str
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A `summarize`: the column `count` has how many rows have one text of `value`, which is in `key`."""

    count: str
    key: str
    value: Value

    def of(self, rows: Iterable[Row]) -> list[Row]:
        """A row for each group."""
        counts = Counter(as_text(self.value(row)) for row in rows)
        return [{self.key: text, self.count: count} for text, count in counts.items()]


@dataclass(frozen=True, slots=True)
class Query:
    """A query that has been read. `order` sorts by the rows that the first `order_at` steps show.

    A `summary` is made of what all steps show, and is what is sorted.

    `tables` are those it reads. Rows of a type that is not in `types` (lower case), or with an id that does
    not begin with one of `id_prefixes` (lower case), are dropped for certain and need not be made; `types`
    None and no `id_prefixes` rule nothing out.
    """

    steps: tuple[Step, ...]
    order: tuple[SortBy, ...]
    order_at: int
    tables: tuple[str, ...] = ("resources",)
    types: frozenset[str] | None = None
    id_prefixes: tuple[str, ...] = ()
    summary: Summary | None = None

    def apply(self, row: Row) -> Row | None:
        """The row as the query shows it, or None where a `where` drops it."""
        return _run(self.steps, row)

    def sort_texts(self, row: Row) -> tuple[str, ...]:
        """What a row that `apply` shows is sorted by, a text for each key of `order`."""
        seen = _run(self.steps[: self.order_at], row) or {}
        return tuple(as_text(seen.get(key.column)) for key in self.order)


def _run(steps: tuple[Step, ...], row: Row) -> Row | None:
    shown: Row | None = row
    for step in steps:
        if shown is None:
            return None
        shown = step(shown)
    return shown


def as_text(value: Json) -> str:
    """`tostring`: "" for null, JSON for objects, the word itself for a string."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def path_value(names: list[str]) -> Value:
    """What a path leads to; null where it leads nowhere."""
    if len(names) == 1:
        only = names[0]
        return lambda row: row.get(only)

    def walk(row: Row) -> Json:
        value: Json = row
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return walk


def text_value(inner: Value) -> Value:
    """`tostring(inner)`."""
    return lambda row: as_text(inner(row))


def lower_value(inner: Value) -> Value:
    """`tolower(inner)`."""
    return lambda row: as_text(inner(row)).lower()


def without_case(text: str) -> str:
    """`text` as operators without case compare it: they know letters of ASCII alone."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def comparison(left: Value, sign: str, right: Value) -> Test:
    """`==` and `!=` mind case, `=~` and `!~` do not; null is an empty text."""
    is_equal = sign in ("==", "=~")
    if sign in ("==", "!="):
        return lambda row: (as_text(left(row)) == as_text(right(row))) is is_equal
    return lambda row: (without_case(as_text(left(row))) == without_case(as_text(right(row)))) is is_equal


def is_not(test: Test) -> Test:
    """The contrary of `test`."""
    return lambda row: not test(row)


def is_among(left: Value, texts: frozenset[str]) -> Test:
    """`in~`: one of the `texts`, which are `without_case`."""
    return lambda row: without_case(as_text(left(row))) in texts


def begins_with(left: Value, prefix: str) -> Test:
    """`startswith` the `prefix`, which is `without_case`."""
    return lambda row: without_case(as_text(left(row))).startswith(prefix)


def holds(left: Value, text: str) -> Test:
    """`contains` the `text`, which is `without_case`."""
    return lambda row: text in without_case(as_text(left(row)))
