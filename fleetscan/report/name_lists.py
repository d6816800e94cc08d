"""VMs and patches by name on a screen: the worst VMs, those that failed and why, the most missed patches.

Reads only the record of fleetscan.report/1. Lines fit the width; names that do not are cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from fleetscan.records.patches import UNNAMED
from fleetscan.records.report import MissedPatch, Report, UnassessedReason, UnassessedVm
from fleetscan.records.reported_vm import ReportedVm
from fleetscan.report.arc_mark import name_with_kind
from fleetscan.report.cells import aligned, cells, cut
from fleetscan.report.commands import Spelled, next_command, show_flags
from fleetscan.report.figures import counted, of_each, to_do_label
from fleetscan.report.missed_patches import HEADING, title_beside
from fleetscan.report.named import told_code
from fleetscan.report.not_counted import also_marked
from fleetscan.report.reasons import meaning_of
from fleetscan.report.sanitize import sanitize

Style: TypeAlias = str
BAD: Style = "bold red"

WORST_SHOWN = 5
INDENT = 2
NAME_LIMIT_CHARS = 100
MESSAGE_LIMIT_CHARS = 1000
# Of an id in a message the names are worth their room.
WHERE = re.compile(
    r"/subscriptions/[0-9a-f-]{36}(?=/)(/resourceGroups)?|/providers/Microsoft\.Compute/virtualMachines", re.I
)
TITLE_LIMIT_CHARS = 150
# Narrower, what Azure said is left out: it takes several lines.
MESSAGE_CELLS = 40


class Room(NamedTuple):
    """How much of a screen there is: so many reasons in full, so many VMs of these together, one at least of
    each; so many more reasons on one line each, with one VM; and so many patches.
    """

    reasons: int
    vms: int
    brief: int
    patches: int


ORDINARY = Room(reasons=3, vms=6, brief=0, patches=5)
# Where VMs failed for more reasons than that.
BUSY = Room(reasons=2, vms=4, brief=2, patches=3)


class Line(NamedTuple):
    """A line of a section: words, each with its style, behind so many blanks."""

    indent: int
    parts: Sequence[tuple[str, Style]]


class NameLists:
    """The sections of a report for a screen of so many columns, in words that `fit` makes showable."""

    def __init__(self, report: Report, fit: Callable[[str], str], width: int) -> None:
        self._report = report
        self._fit = fit
        self._width = width
        self._failed_for = [each for each in report["not_assessed"] if each["outcome"] != "skipped"]
        self._room = ORDINARY if len(self._failed_for) <= ORDINARY.reasons else BUSY

    def sections(self) -> Iterator[list[Line]]:
        """Each section's lines, its heading first; none for what there is nothing of."""
        for lines in (self._worst(), self._failed(), self._patches()):
            if found := [*lines]:
                yield found

    def commands(self, spelled: Spelled) -> list[str]:
        """The commands that show more of the run, and the one that retries what failed."""
        flags = show_flags(self._report)
        found = [f"{spelled.show} {flags[0]}"] if flags else []
        if flags[1:]:
            found.append(f"or with {', '.join(flags[1:])}")
        return [*found, *filter(None, [next_command(self._report, spelled)])]

    def _worst(self) -> Iterator[Line]:
        worst = (self._report["worst"] or [])[:WORST_SHOWN]
        if not worst:
            return
        yield heading("Worst VMs", also_marked("critical and security, other patches missing", self._report))
        figures = [[_number(vm["critical_and_security_count"]), _number(vm["other_count"])] for vm in worst]
        widths = [max(len(row[place]) for row in figures) for place in (0, 1)]
        before = sum(widths) + 4
        ends = ["reboot" if vm["reboot_pending"] else "" for vm in worst]
        names = aligned(
            [[*self._place(vm), end] for vm, end in zip(worst, ends, strict=True)],
            self._width - INDENT - before,
        )
        for (critical, other), name in zip(figures, names, strict=True):
            style = BAD if critical.strip("0") else ""
            parts = [(critical.rjust(widths[0]), style), (f"  {other.rjust(widths[1])}  ", ""), (name, "")]
            yield Line(INDENT, parts)

    def _failed(self) -> Iterator[Line]:
        failed, room = self._failed_for, self._room
        if not any(each["vms"] for each in failed):
            return
        ends = self._report["fleet"]["outcomes"]
        counts = ((ends["failed"], "failed"), (ends["timed_out"], "timed out"))
        words = ", ".join(f"{number:,} {word}" for number, word in counts if number)
        yield Line(0, [(f"Not assessed: {words}", BAD), (" (what these VMs miss is unknown)", "")])
        for reason, shown in _shared_out(failed[: room.reasons], room.vms):
            yield from self._reason(reason, shown)
        yield from map(self._brief, failed[room.reasons : room.reasons + room.brief])
        if rest := failed[room.reasons + room.brief :]:
            causes = counted(len(rest), "other cause", "other causes")
            yield Line(INDENT, [(f"{sum(each['count'] for each in rest):,} for {causes}", BAD)])

    def _brief(self, reason: UnassessedReason) -> Line:
        """A reason on one line, with the first of its VMs."""
        words = self._heading_of(reason)
        more = f" and {reason['count'] - 1:,} more" if reason["count"] > 1 else ""
        before = INDENT + cells(f"{words}: {more}")
        [name] = self._names(reason["vms"][:1], before) or [""]
        if before + cells(name) > self._width:
            return Line(INDENT, [(words, BAD)])
        return Line(INDENT, [(words, BAD), (f": {name}{more}", "")])

    def _reason(self, reason: UnassessedReason, shown: int) -> Iterator[Line]:
        meaning = meaning_of(reason["reason"])
        inner = INDENT + 2
        words, what = self._heading_of(reason), f": {of_each(reason['count'], meaning.what)}"
        # On a busy screen a line is worth more than what a reason word means; the code stays.
        is_told = self._room is ORDINARY or INDENT + cells(words + what) <= self._width
        yield Line(INDENT, [(words, BAD), (what if is_told else "", "")])
        vms = reason["vms"][:shown]
        more = reason["count"] - len(vms)
        ends = [f"and {more:,} more" if more and vm is vms[-1] else "" for vm in vms]
        for name in self._names(vms, inner, ends):
            yield Line(inner, [(name, "")])
        if "message" in meaning.mend and self._width >= MESSAGE_CELLS and vms and (said := _said(vms[0])):
            yield Line(inner, [(cut(f"Message: {self._fit(said)}", self._width - inner), "")])
        if meaning.mend:
            yield Line(inner, [(f"{to_do_label(reason['count'])}: ", "bold"), (meaning.mend, "")])

    def _heading_of(self, reason: UnassessedReason) -> str:
        """How many VMs, why, and the error code, which is never cut to fit."""
        words, code = f"{reason['count']:,} {str(reason['reason']).replace('_', ' ')}", told_code(reason)
        return f"{words}, {self._shown(code, NAME_LIMIT_CHARS)}" if code else words

    def _patches(self) -> Iterator[Line]:
        patches = (self._report["patches"] or [])[: self._room.patches]
        if not patches:
            return
        unknown = self._report["vms_unknown"]
        of_unknown = f"; {unknown:,} unknown" if unknown else ""
        at_least = ", at least" if self._report["fleet"]["patches_incomplete"] else ""
        yield heading(HEADING, also_marked(f"VMs{at_least}{of_unknown}", self._report))
        numbers = [f"{each['vms']:,}" for each in patches]
        before = max(map(len, numbers))
        rows = [[self._named(each["patch"]), self._title(each)] for each in patches]
        if any(kinds := [*map(_kind, patches)]):
            rows = [[*row, kind] for row, kind in zip(rows, kinds, strict=True)]
        for number, words in zip(numbers, aligned(rows, self._width - INDENT - before - 2), strict=True):
            yield Line(INDENT, [(number.rjust(before), ""), (f"  {words}", "")])

    def _title(self, patch: MissedPatch) -> str:
        return self._shown(title_beside(patch["patch"], patch["name"]), TITLE_LIMIT_CHARS)

    def _names(self, vms: Sequence[ReportedVm], before: int, ends: Sequence[str] = ()) -> list[str]:
        """Name, resource group and subscription of each VM, and its end, where `before` columns are taken."""
        rows = [self._place(vm) for vm in vms]
        if not any(ends):
            return aligned(rows, self._width - before)
        room = self._width - before - 2 - max(map(cells, ends))
        names = aligned(rows, room)
        return [f"{name}  {end}".rstrip() for name, end in zip(names, ends, strict=True)]

    def _place(self, vm: ReportedVm) -> list[str]:
        return place_of(vm, self._shown)

    def _named(self, name: str) -> str:
        """A name that has nothing to be seen in it is said to be none."""
        return self._shown(name) or UNNAMED

    def _shown(self, text: str, limit: int = NAME_LIMIT_CHARS) -> str:
        return self._fit(sanitize(text, limit))


def heading(label: str, words: str) -> Line:
    """A section's first line: what it shows, and what its columns are."""
    return Line(0, [(label, "bold"), (f" ({words})", "")])


def place_of(vm: ReportedVm, shown: Callable[[str], str]) -> list[str]:
    """A VM's name, resource group and subscription, as `shown` makes foreign text safe."""
    subscription = vm["subscription_name"] or vm["subscription_id"]
    return [shown(name_with_kind(vm)) or UNNAMED, shown(vm["resource_group"]), shown(subscription)]


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def _kind(patch: MissedPatch) -> str:
    """Told of those alone that are not critical or security, which are why the others come first."""
    return "" if patch["is_critical_or_security"] else "other"


def _said(vm: UnassessedVm) -> str:
    return sanitize(WHERE.sub("", (vm["message"] or "")[:MESSAGE_LIMIT_CHARS]), MESSAGE_LIMIT_CHARS)


def _shared_out(reasons: Sequence[UnassessedReason], room: int) -> list[tuple[UnassessedReason, int]]:
    """Each reason with how many of its VMs are named: in turn one more of each, as long as there is room."""
    shown = [0] * len(reasons)
    for _ in range(room):
        places = [place for place, each in enumerate(reasons) if shown[place] < len(each["vms"])]
        if places and sum(shown) < room:
            shown[min(places, key=lambda place: shown[place])] += 1
    return [*zip(reasons, shown, strict=True)]
