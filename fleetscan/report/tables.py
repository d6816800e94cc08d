"""Lines of values as a table for people, as Markdown, as CSV, or as one JSON object a line.

Values are foreign text: a table shows it sanitized, Markdown in code spans, CSV guarded against spreadsheets,
JSON as it is. What is not known is empty, or `?` where a number or a yes would stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, zip_longest
from typing import Any, Literal, TypeAlias

from fleetscan import json_text
from fleetscan.records.csv_text import line_of
from fleetscan.report.cells import GAP, cells, cut, folded, in_columns, widths_within
from fleetscan.report.columns import BELOW, RATHER_BELOW, WHOSE, Column
from fleetscan.report.markdown_text import code
from fleetscan.report.sanitize import sanitize

Form: TypeAlias = Literal["table", "csv", "json", "markdown"]
CELL_LIMIT_CHARS = 300
UNKNOWN = "?"
INDENT = "  "
HANGING = "    "
# The order in which columns are cut; others are 1.
CUT_LATE = {"subscription": 0, "resource_group": 2, "name": 3}
# A package's name has seldom more.
MOST_WHOLE_CELLS = 32
# Texts that repeat from line to line are made safe once.
TEXTS_SHARED = 10_000


def lines_in(
    form: Form,
    columns: Sequence[Column],
    lines: Sequence[Sequence[Any]],
    width: int | None,
    whose: int = 0,
    on_cut: Callable[[], None] = lambda: None,
) -> Iterator[str]:
    """The text of each line, the heading first where the format has one; a table has `width` columns, or as
    many as it needs. Where it is fitted to a screen, the first `whose` values head the lines that share them;
    `on_cut` is called where a text is cut to fit.
    """
    match form:
        case "csv":
            return _csv(columns, lines)
        case "json":
            return _json(columns, lines)
        case "markdown":
            return _markdown(columns, lines)
    if width is not None and whose:
        return _grouped(columns, lines, width, whose, on_cut)
    return _table(columns, lines, width, on_cut)


def _json(columns: Sequence[Column], lines: Iterable[Sequence[Any]]) -> Iterator[str]:
    names = [column.name for column in columns]
    for line in lines:
        yield json_text.encode_ascii(dict(zip(names, line, strict=True)))


def _csv(columns: Sequence[Column], lines: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield line_of(column.name for column in columns).decode().rstrip("\n")
    for line in lines:
        yield line_of(map(_flat, line)).decode().removesuffix("\n")


def _flat(value: Any) -> str | int | float | bool | None:
    """A list or an object is a text of JSON, as in the flat tables."""
    is_flat = value is None or isinstance(value, (str, int, float))
    return value if is_flat else json_text.encode(value).decode()


def _markdown(columns: Sequence[Column], lines: Iterable[Sequence[Any]]) -> Iterator[str]:
    if not columns:
        return
    yield _piped(column.heading for column in columns)
    yield _piped("--:" if column.is_number else "---" for column in columns)
    for line in lines:
        yield _piped(map(_in_markdown, columns, line))


def _piped(shown: Iterable[str]) -> str:
    return f"| {' | '.join(shown)} |"


def _in_markdown(column: Column, value: Any) -> str:
    text = _shown(column, value)
    return text if column.is_number or column.is_truth else code(text, CELL_LIMIT_CHARS)


def _table(
    columns: Sequence[Column], lines: Iterable[Sequence[Any]], width: int | None, on_cut: Callable[[], None]
) -> Iterator[str]:
    shown = [[_shown(column, value) for column, value in zip(columns, line, strict=True)] for line in lines]
    rows = [[column.heading.upper() for column in columns], *shown]
    for place, column in enumerate(columns):
        if column.is_number:
            _to_the_right(rows, place)
    return _wide(rows) if width is None else _fitted(columns, rows, width, on_cut)


def _grouped(
    columns: Sequence[Column],
    lines: Iterable[Sequence[Any]],
    width: int,
    whose: int,
    on_cut: Callable[[], None],
) -> Iterator[str]:
    """A table for each VM, below its name and place."""
    for heads, of_one in groupby(lines, lambda line: line[:whose]):
        yield from _hanging(", ".join(map(_shown, columns, heads)), width)
        within = _table(columns[whose:], [line[whose:] for line in of_one], width - len(INDENT), on_cut)
        yield from (f"{INDENT}{line}" for line in within)


def _to_the_right(rows: Sequence[list[str]], place: int) -> None:
    """Numbers stand one below the other, under the heading's end."""
    widest = max(cells(row[place]) for row in rows)
    for row in rows:
        row[place] = " " * (widest - cells(row[place])) + row[place]


def _fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, on_cut: Callable[[], None]
) -> Iterator[str]:
    """At most `width` columns; long texts stand in a line of their own below what they are about."""
    given, below = _shared_out(columns, rows, width)
    if given is None:
        yield from _stacked(columns, rows, width)
        return
    if any(cells(row[place]) > size for row in rows for place, size in given.items()):
        on_cut()
    sizes = {place: given[place] for place in given if columns[place].name in WHOSE}
    alike = _alike(rows, sizes)
    for row in rows:
        yield in_columns([row[place] for place in given], [*given.values()])
        if alike and _whose_cut(row, sizes) in alike:
            whose = ", ".join(row[place] for place in sizes if row[place])
            yield from (INDENT + part for part in folded(whose, width - len(INDENT)))
        if row is not rows[0] and below:
            for text in _below(columns, row, below):
                if cells(INDENT + text) > width:
                    on_cut()
                yield cut(INDENT + text, width)


def _shared_out(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int
) -> tuple[dict[int, int] | None, list[int]]:
    """How wide each column is that stands beside others, and which stand below; None without room."""
    given, below = None, list[int]()
    for names in (BELOW, BELOW | RATHER_BELOW):
        low = [place for place, column in enumerate(columns) if column.name in names]
        beside = [place for place in range(len(columns)) if place not in low] or low
        widths = widths_within(
            [[row[place] for place in beside] for row in rows], width, _cut_first(columns, rows, beside)
        )
        given = None if widths is None else dict(zip(beside, widths, strict=True))
        below = [] if beside == low else low
        if given is not None and _is_named_whole(columns, rows, given):
            break
    return given, below


def _cut_first(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], beside: Sequence[int]
) -> list[list[int]]:
    """What may be cut of the columns that stand `beside` each other: a VM's subscription first, then what is
    told of it, then its group, and its name last.
    """
    ranks: dict[int, list[int]] = {}
    for at, place in enumerate(beside):
        if not _stays_whole(columns[place], rows, place):
            ranks.setdefault(CUT_LATE.get(columns[place].name, 1), []).append(at)
    return [ranks[rank] for rank in sorted(ranks)]


def _is_named_whole(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], given: Mapping[int, int]
) -> bool:
    """Whether no name or group is cut."""
    late = [place for place in given if CUT_LATE.get(columns[place].name, 0) > 1]
    return all(cells(row[place]) <= given[place] for row in rows for place in late)


def _below(columns: Sequence[Column], row: Sequence[str], below: Sequence[int]) -> Iterator[str]:
    """The texts below a line; an error's code begins the line of its message, where no cut reaches it."""
    code = ""
    for place, after in zip_longest(below, below[1:]):
        is_begun = columns[place].name == "error_code" and after == place + 1
        if is_begun and columns[after].name == "error_message" and row[after]:
            code = row[place]
        elif text := ": ".join(filter(None, (code, row[place]))):
            yield text
            code = ""


def _alike(rows: Sequence[Sequence[str]], sizes: Mapping[int, int]) -> set[str]:
    """What different VMs are called alike, because their names and places are cut: a line is to say which."""
    if all(cells(row[place]) <= size for row in rows for place, size in sizes.items()):
        return set()
    first, alike = dict[str, Sequence[str]](), set[str]()
    for row in rows:
        other = first.setdefault(shown := _whose_cut(row, sizes), row)
        if any(row[place] != other[place] for place in sizes):
            alike.add(shown)
    return alike


def _whose_cut(row: Sequence[str], sizes: Mapping[int, int]) -> str:
    return GAP.join(cut(row[place], size) for place, size in sizes.items())


def _stays_whole(column: Column, rows: Sequence[Sequence[str]], place: int) -> bool:
    """One long name among thousands is no reason to give up columns for all."""
    return column.is_whole and max(cells(row[place]) for row in rows) <= MOST_WHOLE_CELLS


def _stacked(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """For a screen without room for columns: the values of a line below its first text, with their names."""
    first = next((place for place, column in enumerate(columns) if not column.is_number), 0)
    for row in rows[1:]:
        yield from _hanging(row[first].strip(), width)
        for place, column in enumerate(columns):
            if place != first and (text := row[place].strip()):
                told = folded(f"{column.heading}: {text}", width - len(INDENT))
                yield from (INDENT + part for part in told)


def _hanging(text: str, width: int) -> Iterator[str]:
    """What is folded is indented: a stranger's words are not to begin a line, where they look like ours."""
    first, *others = [text] if cells(text) <= width else folded(text, width - len(HANGING))
    yield first
    yield from (HANGING + part for part in others)


def _wide(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Nothing is cut: other programs read it."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (text + " " * (size - cells(text)) for text, size in zip(row, widths, strict=True))
        yield GAP.join(padded).rstrip()


def _shown(column: Column, value: Any) -> str:
    match value:
        case None:
            return UNKNOWN if column.is_number or column.is_truth else ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case str():
            return _safe(value)
    return sanitize(json_text.encode(value).decode(), CELL_LIMIT_CHARS)


@lru_cache(TEXTS_SHARED)
def _safe(text: str) -> str:
    return sanitize(text, CELL_LIMIT_CHARS)
