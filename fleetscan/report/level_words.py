"""Service levels in words and rows: within, breached and unknown, by VM and by class of patch."""

from __future__ import annotations

from collections.abc import Iterator

from fleetscan.records.judged import BreachingVm, Levels, ServiceLevelsJudged
from fleetscan.records.report import Report
from fleetscan.report.age_words import BASIS
from fleetscan.report.figures import counted

HEAD = ("", "within", "breached", "unknown")


def levels_of(report: Report) -> ServiceLevelsJudged | None:
    """The service levels of a report; None where none are set or its rows were not read."""
    judged = report["judged"]
    return None if judged is None else judged["service_levels"]


def rules_words(levels: ServiceLevelsJudged) -> str:
    """The rules: "critical 7 days, security 30 days"."""
    rules = levels["rules"]
    days = (
        ("critical", rules["critical_days"]),
        ("security", rules["security_days"]),
        ("other", rules["other_days"]),
    )
    return ", ".join(f"{name} {counted(most, 'day', 'days')}" for name, most in days if most is not None)


def level_rows(levels: ServiceLevelsJudged) -> Iterator[tuple[str, Levels]]:
    """What is counted, with its levels: VMs, then each class of patches that has a rule."""
    yield "VMs", levels["vms"]
    rules, patches = levels["rules"], levels["patches"]
    if rules["critical_days"] is not None:
        yield "critical patches", patches["critical"]
    if rules["security_days"] is not None:
        yield "security patches", patches["security"]
    if any(patches["critical_and_security"].values()):
        yield "critical/security, of lists cut short", patches["critical_and_security"]
    if rules["other_days"] is not None:
        yield "other patches", patches["other"]


def unknown_note(report: Report) -> str:
    """Which VMs are unknown without a look at their patches; empty where all VMs were assessed."""
    outcomes = report["fleet"]["outcomes"]
    unassessed = outcomes["failed"] + outcomes["timed_out"] + outcomes["skipped"]
    told = []
    if unassessed:
        was = "was" if unassessed == 1 else "were"
        told.append(f"of the unknown VMs {unassessed:,} {was} not assessed")
    if left := outcomes["interrupted"]:
        told.append(f"{counted(left, 'VM has', 'VMs have')} no row and no part in these figures")
    return "; ".join(told)


def more_breached(levels: ServiceLevelsJudged, shown: int) -> int:
    """How many VMs breach a rule besides the `shown` first."""
    return max(0, levels["vms"]["breached"] - shown)


def basis_words(vm: BreachingVm) -> str:
    """What the days of a breach count from."""
    return BASIS[vm["age_basis"]]
