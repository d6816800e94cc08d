"""The nights up to a run in rows, and what changed from the first to the last in a sentence.

Figures are those of the runs' own totals. One that is unknown is said to be, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fleetscan.records.history import Night
from fleetscan.records.report import Report
from fleetscan.report.figures import counted, percent_words
from fleetscan.report.not_counted import mark
from fleetscan.report.which_run import minute

LINES = 8
HEAD = ("night (UTC)", "VMs", "coverage", "compliance", "critical/security", "reboots")
UNKNOWN = "unknown"


def heading_note(report: Report, nights: Sequence[Night]) -> str:
    """How many nights there are, and what their figures are."""
    told = [counted(len(nights), "night of this selection", "nights of this selection")]
    if mark(report):
        told.append("totals as they were, nothing left out")
    if report["state"] != "complete":
        told.append("this run is not complete and not among them")
    return "; ".join(told)


def shown_nights(nights: Sequence[Night], lines: int = LINES) -> tuple[Sequence[Night], int, Sequence[Night]]:
    """The first nights shown, how many are left out after them, and the last ones: all on so many lines."""
    if len(nights) <= lines:
        return nights, 0, ()
    last = lines - 2
    return nights[:1], len(nights) - 1 - last, nights[-last:]


def left_out_words(number: int) -> str:
    """What stands for the nights between."""
    return f"... {counted(number, 'night', 'nights')} left out"


def night_row(night: Night) -> tuple[str, ...]:
    """The figures of a night, as `HEAD` names them."""
    return (
        _when(night),
        f"{night['listed']:,}",
        _share(night["coverage_pct"]),
        _share(night["compliance_pct"]),
        _count(night["critical_and_security_count"]),
        _count(night["reboot_pending"]),
    )


def change_words(nights: Sequence[Night]) -> str:
    """What changed from the first night to the last."""
    if len(nights) < 2:
        return "One night is no trend yet: the next one makes it." if nights else ""
    first, last = nights[0], nights[-1]
    figures = [
        _Figure(
            "critical and security patches",
            first["critical_and_security_count"],
            last["critical_and_security_count"],
        ),
        _Figure("compliance", first["compliance_pct"], last["compliance_pct"], is_share=True),
        _Figure("coverage", first["coverage_pct"], last["coverage_pct"], is_share=True),
        _Figure("VMs", first["listed"], last["listed"]),
        _Figure("pending reboots", first["reboot_pending"], last["reboot_pending"]),
    ]
    told = [each.change for each in figures if not each.is_same]
    if not told:
        return f"The figures of {_when(last)} are those of {_when(first)}."
    if same := [each.name for each in figures if each.is_same]:
        told.append(f"unchanged: {', '.join(same)}")
    return f"From {_when(first)} to {_when(last)}: {'; '.join(told)}."


class _Figure(NamedTuple):
    """A figure of two nights; None where it is unknown."""

    name: str
    before: float | None
    after: float | None
    is_share: bool = False

    @property
    def is_same(self) -> bool:
        """Whether it is known of both nights and did not change."""
        return self.before is not None and self.before == self.after

    @property
    def change(self) -> str:
        """How it changed: "VMs 300 to 310 (+10)"."""
        if self.before is None and self.after is None:
            return f"{self.name} {UNKNOWN}"
        known = _share if self.is_share else _count
        told = f"{self.name} {known(self.before)} to {known(self.after)}"
        if self.before is None or self.after is None:
            return told
        return f"{told} ({self.after - self.before:{'+,.2f' if self.is_share else '+,.0f'}})"


def _when(night: Night) -> str:
    return minute(night["started_at"]).removesuffix(" UTC")


def _count(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:,.0f}"


def _share(percent: float | None) -> str:
    return UNKNOWN if percent is None else percent_words(percent)
