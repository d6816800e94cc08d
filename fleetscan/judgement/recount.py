"""The totals of a run after what does not count was left out: over rows as `counting` gives them.

The sums about patches change, and compliance with them; what was listed, how it ended and coverage do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from fleetscan.records.machine_row import target_of
from fleetscan.records.row import Row
from fleetscan.records.sums import RunningTotals, percent
from fleetscan.records.totals import GroupTotals, Totals

Line = TypeVar("Line", GroupTotals, Totals)


class Recount:
    """Call `add` for each row after what does not count was left out of it, then `recounted`."""

    def __init__(self, group_by: Sequence[str]) -> None:
        """`group_by` are the tags for whose values the run has totals, such as "tag:owner"."""
        self._sums = RunningTotals("", group_by)
        self._compliant = RunningTotals("", group_by)

    def add(self, row: Row) -> None:
        """Take up a row; of one that was not assessed nothing is summed."""
        if row["outcome"] != "assessed":
            return
        target = target_of(row)
        self._sums.listed(target)
        self._sums.ended(target, row)
        if row["critical_and_security_count"] == 0:
            self._compliant.listed(target)

    def recounted(self, totals: Line, groups: Sequence[GroupTotals]) -> tuple[Line, list[GroupTotals]]:
        """The fleet's line and those of the groups, with the figures that count."""
        summed, compliant = _by_group(self._sums), _by_group(self._compliant)
        return _with(totals, summed, compliant), [_with(group, summed, compliant) for group in groups]


def _by_group(sums: RunningTotals) -> dict[tuple[str, str | None], GroupTotals]:
    fleet, groups = sums.sums()
    return {_which(line): line for line in (fleet, *groups)}


def _which(line: GroupTotals) -> tuple[str, str | None]:
    return line["scope"], line["key"]


def _with(
    line: Line,
    summed: Mapping[tuple[str, str | None], GroupTotals],
    compliant: Mapping[tuple[str, str | None], GroupTotals],
) -> Line:
    """A copy of `line` with the sums of its group; those of a group without an assessed VM are 0."""
    which = _which(line)
    sums, good = summed.get(which), compliant.get(which)
    return cast(
        Line,
        {
            **line,
            "critical_and_security_count": 0 if sums is None else sums["critical_and_security_count"],
            "other_count": 0 if sums is None else sums["other_count"],
            "vms_with_critical_or_security": 0 if sums is None else sums["vms_with_critical_or_security"],
            "compliance_pct": percent(0 if good is None else good["listed"], line["listed"]),
        },
    )
