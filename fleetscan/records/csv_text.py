"""Lines of CSV (RFC 4180, UTF-8, lines that end with LF) that every tool reads.

Every text is in quotes and nothing else is, so that an empty text is not null. A text that a spreadsheet
would take for a formula has a `'` before it, and so has one that begins with `'`: take one off for the text.
"""

from __future__ import annotations

from collections.abc import Iterable

from fleetscan.records.flat_tables import Cell

# What begins a formula in some spreadsheet, wide forms too; a tab and a line end hide one behind them.
FORMULAS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
GUARD = "'"
WORDS = {True: "true", False: "false"}


def line_of(cells: Iterable[Cell]) -> bytes:
    """A line of CSV with these cells."""
    return (",".join(map(_cell, cells)) + "\n").encode()


def _cell(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return WORDS[value]
        case str():
            return quoted(value)
    return str(value)


def quoted(text: str) -> str:
    """`text` in quotes, guarded against spreadsheets; CSV has no NUL."""
    guard = GUARD if text[:1] in FORMULAS or text[:1] == GUARD else ""
    return f'"{guard}{text}"' if '"' not in text and "\0" not in text else _escaped(guard + text)


def _escaped(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""').replace("\0", "\ufffd"))
