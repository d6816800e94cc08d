"""What is known of VMs besides their assessments, in words that every view shows; none if not asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from fleetscan.records.known_facts import COUNTED
from fleetscan.records.totals import GroupTotals
from fleetscan.report.figures import counted

HEADING = "What a clean assessment does not tell"
# What is said of one VM and of several, and what is unknown without the figure.
WORDS: Mapping[str, tuple[str, str, str]] = {
    "wsus": (
        "has a WSUS that decides what is missing",
        "have a WSUS that decides what is missing",
        "patch services",
    ),
    "schedule_without_effect": (
        "has a maintenance schedule without effect",
        "have a maintenance schedule without effect",
        "maintenance schedules",
    ),
    "failed_installation": (
        "had failures in its last patch installation",
        "had failures in their last patch installation",
        "failed installations",
    ),
    "window_exceeded": (
        "ran out of the maintenance window last time",
        "ran out of the maintenance window last time",
        "exceeded windows",
    ),
    "periodic_assessment_off": (
        "is not assessed by Azure itself",
        "are not assessed by Azure itself",
        "periodic assessments",
    ),
    "unsupported_os": (
        "runs an operating system whose support has ended",
        "run an operating system whose support has ended",
        "ends of OS support",
    ),
}


def fact_clauses(fleet: GroupTotals) -> Iterator[str]:
    """A clause for each fact that holds of a VM, then what is unknown; none where no fact was asked for."""
    told: Mapping[str, object] = fleet
    figures = {name: cast("int | None", told.get(name)) for name in COUNTED}
    if all(figure is None for figure in figures.values()):
        return
    for name, figure in figures.items():
        if figure:
            one, many, _ = WORDS[name]
            yield f"{counted(figure, 'VM', 'VMs')} {one if figure == 1 else many}"
    if not any(figures.values()):
        yield "nothing of what was read"
    if unknown := [WORDS[name][2] for name, figure in figures.items() if figure is None]:
        yield f"unknown, at least in part: {', '.join(unknown)}"
