"""The groups of a plan in a table that fits a screen: the largest first, the rest summed in one line.

Foreign names go through `sanitize`. A name is cut in its middle, because many differ at their ends alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from fleetscan.records.plan import PlanGroup
from fleetscan.report.cells import GAP, cells, folded, in_columns, widths_within
from fleetscan.report.figures import duration
from fleetscan.report.sanitize import ELLIPSIS, sanitize

# With fewer groups in it a table says nothing that the sentences do not.
LEAST_SHOWN = 3
NAME_LIMIT_CHARS = 100
REGION_LIMIT_CHARS = 40
# So much of an id tells subscriptions of one name apart.
ID_CHARS = 8
FIRST_FIGURE = 2
# A stranger's words are not to begin a line, where they look like ours.
INDENT = "  "
HANGING = "  "


def heading(groups: Sequence[PlanGroup]) -> list[str]:
    """The titles of the columns; a column that is empty in all groups is left out."""
    figures = ["To assess", *(title for title, _ in _optional(groups))]
    return ["Subscription", "Region", *figures, *(["Last start"] if _has_starts(groups) else [])]


def ordered(groups: Sequence[PlanGroup]) -> list[PlanGroup]:
    """The largest first: those with the most VMs to assess, then those with the most VMs."""
    return sorted(groups, key=lambda group: (-group["to_assess"], -group["listed"]))


def folded_to(groups: Sequence[PlanGroup], lines: int) -> tuple[list[PlanGroup], list[PlanGroup]]:
    """The groups that are shown on so many lines below a heading, and those that one line sums up."""
    largest = ordered(groups)
    if len(largest) <= max(lines, LEAST_SHOWN):
        return largest, []
    shown = max(lines - 1, LEAST_SHOWN)
    return largest[:shown], largest[shown:]


def figures_of(group: PlanGroup, groups: Sequence[PlanGroup]) -> list[str]:
    """A group's figures below the titles that `heading` has for all `groups`."""
    return _figures([group], groups)


def rest_of(rest: Sequence[PlanGroup], groups: Sequence[PlanGroup]) -> list[str]:
    """The line that sums up `rest`."""
    return [f"{len(rest):,} more", "", *_figures(rest, groups)]


def table_lines(
    groups: Sequence[PlanGroup], *, width: int, lines: int, shown_as: Callable[[str], str]
) -> list[str]:
    """The table on at most `lines` lines of `width` columns; where no table fits, each group as a sentence.

    `shown_as` gives a text in characters that the stream has.
    """
    width -= len(INDENT)
    shown, rest = folded_to(groups, lines - 1)
    head = heading(groups)
    rows = [[*_place(group, shown_as), *figures_of(group, groups)] for group in shown]
    rows += [rest_of(rest, groups)] if rest else []
    _align_figures(head, rows)
    ids = [shown_as(sanitize(group["subscription_id"])) for group in shown]
    _tell_apart(rows, ids)
    widths = widths_within([head, *rows], width, [[0, 1]])
    if widths is None:
        return [INDENT + line for row in rows for line in _hanging(_sentence(head, row), width)]
    _tell_apart(rows, ids, widths[0])
    return [INDENT + in_columns([cut_within(row[0], widths[0]), *row[1:]], widths) for row in (head, *rows)]


def cut_within(text: str, width: int) -> str:
    """`text` in at most `width` columns, what does not fit left out of its middle."""
    from rich.cells import set_cell_size

    if cells(text) <= width:
        return text
    room = width - len(ELLIPSIS)
    end = text[-(room // 2) :] if room > 1 else ""
    while cells(end) > room // 2:
        end = end[1:]
    return set_cell_size(text, max(room - cells(end), 0)).rstrip() + ELLIPSIS[: max(width, 0)] + end


def name_of_group(group: PlanGroup) -> str:
    """What people call its subscription."""
    return (group["subscription_name"] or "").strip() or group["subscription_id"]


def _place(group: PlanGroup, shown_as: Callable[[str], str]) -> tuple[str, str]:
    name = sanitize(name_of_group(group), NAME_LIMIT_CHARS)
    return shown_as(name), shown_as(sanitize(group["location"] or "unknown", REGION_LIMIT_CHARS))


def _tell_apart(rows: Sequence[list[str]], ids: Sequence[str], width: int | None = None) -> None:
    """Give names the end of their id where another subscription's is shown alike on so many columns."""
    shown = [row[0] if width is None else cut_within(row[0], width) for row in rows]
    owners = Counter(name for name, _ in {*zip(shown, map(str.lower, ids), strict=False)})
    for row, name, subscription_id in zip(rows, shown, ids, strict=False):
        if owners[name] > 1:
            end = f" ({subscription_id[-ID_CHARS:]})"
            row[0] = (row[0] if width is None else cut_within(row[0], width - cells(end))) + end


def _optional(groups: Sequence[PlanGroup]) -> list[tuple[str, Callable[[PlanGroup], int]]]:
    """The columns of figures that only some fleets have."""
    columns: list[tuple[str, Callable[[PlanGroup], int]]] = [
        ("Fresh", lambda group: group["fresh"]),
        ("Skipped", lambda group: group["skipped"]),
    ]
    return [each for each in columns if any(map(each[1], groups))]


def _figures(some: Sequence[PlanGroup], groups: Sequence[PlanGroup]) -> list[str]:
    starts = [group["last_start_after_s"] for group in some if group["last_start_after_s"] is not None]
    counts = [sum(group["to_assess"] for group in some)]
    counts += [sum(map(count, some)) for _, count in _optional(groups)]
    last = [duration(max(starts)) if starts else "none"] if _has_starts(groups) else []
    return [*(f"{count:,}" for count in counts), *last]


def _has_starts(groups: Sequence[PlanGroup]) -> bool:
    return any(group["to_assess"] for group in groups)


def _align_figures(head: list[str], rows: Sequence[list[str]]) -> None:
    """Figures stand at the right of their columns, and so do their titles."""
    for place in range(FIRST_FIGURE, len(head)):
        widest = max(len(row[place]) for row in (head, *rows))
        for row in (head, *rows):
            row[place] = row[place].rjust(widest)


def _hanging(text: str, width: int) -> list[str]:
    """What is folded is indented, so that it is seen where the next group begins."""
    first, *others = [text] if cells(text) <= width else folded(text, width - len(HANGING))
    return [first, *(HANGING + part for part in others)]


def _sentence(head: Sequence[str], row: Sequence[str]) -> str:
    place = ", ".join(filter(None, row[:FIRST_FIGURE]))
    told = zip(head[FIRST_FIGURE:], row[FIRST_FIGURE:], strict=True)
    return GAP.join([place, ", ".join(f"{title.strip()}: {figure.strip()}" for title, figure in told)])
