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

    Where they do not fit, the last columns are cut first: a VM's subscription before its group, and its name
    last. Where not even that fits, a line has its cells one after the other and is as long as it is.
    """
    widths = widths_within(rows, width, [[place] for place in reversed(range(len(rows[0]) if rows else 0))])
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


def widths_within(
    rows: Sequence[Sequence[str]], width: int, cut_first: Sequence[Collection[int]]
) -> list[int] | None:
    """How wide each column may be in so much room, or None where they do not fit.

    `cut_first` has the places of columns that may be cut, those together that are cut together; the first are
    cut as far as they can be before the next are touched.
    """
    if not rows:
        return []
    room = width - cells(GAP) * (len(rows[0]) - 1)
    widths = [max(cells(row[place]) for row in rows) for place in range(len(rows[0]))]
    for places in cut_first:
        _shrink(widths, room, places)
    return widths if sum(widths) <= room else None


def in_columns(row: Sequence[str], widths: Sequence[int]) -> str:
    """The cells of a row in columns of these widths."""
    return GAP.join(map(_padded, row, widths)).rstrip()


def _shrink(widths: list[int], room: int, places: Collection[int]) -> None:
    """Make the columns at `places` narrower, the widest first, until all fit or these can be no narrower."""
    while sum(widths) > room:
        wide = [place for place in places if widths[place] > LEAST_CELLS]
        if not wide:
            return
        widths[max(wide, key=lambda place: widths[place])] -= 1


def _padded(text: str, width: int) -> str:
    text = cut(text, width)
    return text + " " * (width - cells(text))
