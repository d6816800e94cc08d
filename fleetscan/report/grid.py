"""Figures in columns on a screen, each below its heading; where they do not fit, each row as a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan.report.cells import GAP, cells


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str] | None:
    """The lines of a table whose first column is words and the others figures; None if it is too wide."""
    lines = [head, *rows]
    widths = [max(cells(line[place]) for line in lines) for place in range(len(head))]
    if sum(widths) + cells(GAP) * (len(widths) - 1) > width:
        return None
    return [_in_columns(line, widths) for line in lines]


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Such a table; where it is too wide, each row as a sentence, however long that is.

    What the heading of the first column says stands above the sentences.
    """
    lines = columns(head, rows, width)
    return [*filter(None, [head[0]]), *(_sentence(head, row) for row in rows)] if lines is None else lines


def _in_columns(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *figures = line
    padded = [figure.rjust(wide) for figure, wide in zip(figures, widths[1:], strict=True)]
    return GAP.join([first + " " * (widths[0] - cells(first)), *padded]).rstrip()


def _sentence(head: Sequence[str], row: Sequence[str]) -> str:
    told = ", ".join(f"{label}: {figure}" for label, figure in zip(head[1:], row[1:], strict=True) if figure)
    return f"{row[0]}{GAP}{told}"
