"""Figures in columns on a screen, each below its heading; where they do not fit, each row as a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan.report.cells import GAP, cells


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The lines of a table whose first column is words and whose others are figures.

    Of at most `width` columns. A row that does not fit is a sentence, however long it is, and what the first
    column's heading says stands above those.
    """
    lines = [head, *rows]
    widths = [max(cells(line[place]) for line in lines) for place in range(len(head))]
    if sum(widths) + cells(GAP) * (len(widths) - 1) > width:
        return [*filter(None, [head[0]]), *(_sentence(head, row) for row in rows)]
    return [_in_columns(line, widths) for line in lines]


def _in_columns(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *figures = line
    padded = [figure.rjust(wide) for figure, wide in zip(figures, widths[1:], strict=True)]
    return GAP.join([first + " " * (widths[0] - cells(first)), *padded]).rstrip()


def _sentence(head: Sequence[str], row: Sequence[str]) -> str:
    told = ", ".join(f"{label}: {figure}" for label, figure in zip(head[1:], row[1:], strict=True) if figure)
    return f"{row[0]}{GAP}{told}"
