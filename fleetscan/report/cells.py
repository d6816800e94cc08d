"""Text in a terminal's columns: how many it takes, cut to so many, and names one below the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fleetscan.report.sanitize import ELLIPSIS

GAP = "  "
# A name that is cut shorter tells nothing.
LEAST_CELLS = 10


def cells(text: str) -> int:
    """The columns that `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """`text` in at most `width` columns."""
    from rich.cells import set_cell_size

    if cells(text) <= width:
        return text
    return set_cell_size(text, max(width - len(ELLIPSIS), 0)).rstrip() + ELLIPSIS[: max(width, 0)]


def aligned(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Each row on a line of at most `width` columns, its cells one below the other's.

    Where they do not fit, the longest are cut, the first column last. Where not even that fits, a line has
    its cells one after the other and is as long as it is.
    """
    widths = widths_within(rows, width)
    if widths is None:
        return [", ".join(filter(None, row)) for row in rows]
    return [in_columns(row, widths) for row in rows]


def folded(text: str, width: int) -> list[str]:
    """`text` on lines of at most `width` columns, broken at blanks where that can be."""
    if cells(text) <= width:
        return [text]
    from rich.cells import chop_cells

    lines = [""]
    for word in text.split(" "):
        if cells(f"{lines[-1]} {word}") <= width:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
            continue
        # A wide character needs two columns.
        lines.extend(chop_cells(word, max(width, 2)))
    return [line for line in lines if line]


def widths_within(rows: Sequence[Sequence[str]], width: int, whole: Collection[int] = ()) -> list[int] | None:
    """How wide each column may be in so much room, or None where they do not fit; those at `whole` places
    are never cut.
    """
    if not rows:
        return []
    room = width - cells(GAP) * (len(rows[0]) - 1)
    return _shrunk([max(cells(row[place]) for row in rows) for place in range(len(rows[0]))], room, whole)


def in_columns(row: Sequence[str], widths: Sequence[int]) -> str:
    """The cells of a row in columns of these widths."""
    return GAP.join(map(_padded, row, widths)).rstrip()


def _shrunk(widths: list[int], room: int, whole: Collection[int]) -> list[int] | None:
    """The widths of columns in so much room; None where it is too little."""
    widths = [*widths]
    while sum(widths) > room:
        wide = [place for place, size in enumerate(widths) if size > LEAST_CELLS and place not in whole]
        others = [place for place in wide if place > 0] or wide
        if not others:
            return None
        widths[max(others, key=lambda place: widths[place])] -= 1
    return widths


def _padded(text: str, width: int) -> str:
    text = cut(text, width)
    return text + " " * (width - cells(text))
