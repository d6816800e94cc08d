"""The assessed VMs whose assessment was made before the scan: how many, and how old the oldest is."""

from __future__ import annotations

from fleetscan.records.report import EarlierAssessments, Report
from fleetscan.records.row import Row
from fleetscan.records.times import moment_of
from fleetscan.records.totals import GroupTotals
from fleetscan.report.figures import counted, duration

FRESH = "fresh"
HOUR_S, DAY_S = 3600, 86_400


class OldestEarlier:
    """The oldest of a run's earlier assessments, by its rows."""

    def __init__(self) -> None:
        self.assessed_at: str | None = None

    def add(self, row: Row) -> None:
        """Take in a row. (Times of a run are all written alike, so that their texts sort as they do.)"""
        at = row["assessed_at"]
        if row["reason"] == FRESH and at is not None:
            self.assessed_at = at if self.assessed_at is None else min(self.assessed_at, at)


def earlier_of(fleet: GroupTotals, oldest_at: str | None = None) -> EarlierAssessments | None:
    """What a report tells of them; None where there are none."""
    vms = fleet["reasons"].get(FRESH, 0)
    return {"vms": vms, "oldest_at": oldest_at} if vms else None


def earlier_words(report: Report) -> str:
    """The same in words: "40 VMs were assessed before this scan, the oldest 27 h before"; empty of none."""
    if (earlier := report["earlier"]) is None:
        return ""
    words = f"{counted(earlier['vms'], 'VM was', 'VMs were')} assessed before this scan"
    oldest, began = moment_of(earlier["oldest_at"]), moment_of(report["started_at"])
    if oldest is None or began is None:
        return words
    return f"{words}, the oldest {_span((began - oldest).total_seconds())} before"


def _span(span_s: float) -> str:
    """As rough as an age is told: in hours up to two days, then in days."""
    if span_s < HOUR_S:
        return duration(span_s)
    return f"{span_s // HOUR_S:.0f} h" if span_s < 2 * DAY_S else f"{span_s / DAY_S:.1f} days"
