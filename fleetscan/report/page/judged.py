"""What is judged of a run, as the page tells it: gates, service levels, and what does not count.

Plain values for the template. Reasons, owners and scopes come from a file: they are sanitized like any name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from fleetscan.records.judged import (
    BreachingVm,
    ClassWord,
    ExceptionState,
    IgnoredClassification,
    JudgedException,
    LeftOut,
    Levels,
    ServiceLevelsJudged,
)
from fleetscan.records.report import Report
from fleetscan.report.figures import counted
from fleetscan.report.page.buckets import SINCE, ages_values
from fleetscan.report.page.overview import NamedVm
from fleetscan.report.page.shown import MESSAGE_LIMIT_CHARS, NAME_LIMIT_CHARS, cut, patch_key, patch_link

SCOPES_SHOWN = 3
CLASSES: dict[ClassWord, str] = {
    "critical": "Critical",
    "security": "Security",
    "critical_and_security": "Critical and security, of lists that are cut short",
    "other": "Other",
}
STATES: dict[ExceptionState, str] = {
    "expired": "EXPIRED",
    "unused": "unused: covers nothing that is missing",
    "shadowed": "shadowed: covers only what is left out already",
    "applied": "applied",
}


@dataclass(frozen=True, slots=True)
class Excepted:
    """An exception of the file."""

    number: int
    state: str
    is_expired: bool
    is_idle: bool
    patch: str
    scope: str
    reason: str
    owner: str
    expires: str
    patches: int
    vms: int


@dataclass(frozen=True, slots=True)
class LevelLine:
    """A class of patches, its limit, and how many are within it."""

    label: str
    limit: str
    levels: Levels


@dataclass(frozen=True, slots=True)
class Breach:
    """The patch of a VM that is furthest beyond its rule; `more` are others of that VM."""

    key: str
    link: str
    label: str
    age: str
    basis: str
    limit: str
    breached: int


def judged_values(report: Report, has_gates: bool) -> dict[str, object]:
    """The template's values, by their names."""
    judged, breaches = report["judged"], report["breaches"]
    assert judged is not None  # the page's pass has read the rows
    left_out, levels = judged["left_out"], judged["service_levels"]
    return {
        "ages": ages_values(judged["ages"]),
        "breaches": [cut(f"{each[:1].upper()}{each[1:]}", MESSAGE_LIMIT_CHARS) for each in breaches or []],
        "are_gates_passed": breaches == [],
        "are_gates_open": has_gates and breaches is None,
        "left_out": left_out,
        "ignored": [] if left_out is None else _ignored(left_out),
        "exceptions": [] if left_out is None else _exceptions(left_out),
        "exceptions_told": "" if left_out is None else _states(left_out),
        "expired": 0 if left_out is None else _count(left_out)["expired"],
        "is_lowered": left_out is not None and left_out["patches"] > 0,
        "lowered": _lowered(left_out),
        "levels": None if levels is None else levels["vms"],
        "level_lines": [] if levels is None else _level_lines(levels),
        "breaching": [] if levels is None else [(NamedVm.of(vm), _breach(vm)) for vm in levels["worst"]],
    }


def _lowered(left_out: LeftOut | None) -> dict[str, bool]:
    """Which counts are lower than Azure's."""
    return {
        "critical": left_out is not None and left_out["critical_and_security_count"] > 0,
        "other": left_out is not None and left_out["other_count"] > 0,
    }


def _ignored(left_out: LeftOut) -> list[tuple[str, IgnoredClassification]]:
    ignored = left_out["ignored_classifications"]
    return [(cut(each["classification"], NAME_LIMIT_CHARS), each) for each in ignored]


def _count(left_out: LeftOut) -> Counter[ExceptionState]:
    return Counter(each["state"] for each in left_out["exceptions"])


def _states(left_out: LeftOut) -> str:
    """ "3 exceptions: 1 EXPIRED, 2 applied"; empty without one."""
    counts = _count(left_out)
    told = [f"{counts[state]:,} {STATES[state].partition(':')[0]}" for state in STATES if counts[state]]
    total = len(left_out["exceptions"])
    return f"{counted(total, 'exception', 'exceptions')}: {', '.join(told)}" if told else ""


def _exceptions(left_out: LeftOut) -> list[Excepted]:
    """Those first that need a hand: expired, then unused ones."""
    order = [*STATES]
    found = sorted(left_out["exceptions"], key=lambda each: (order.index(each["state"]), each["number"]))
    return [_exception(each) for each in found]


def _exception(told: JudgedException) -> Excepted:
    scopes = [cut(each, NAME_LIMIT_CHARS) for each in told["scope"]]
    more = len(scopes) - SCOPES_SHOWN
    return Excepted(
        number=told["number"],
        state=STATES[told["state"]],
        is_expired=told["state"] == "expired",
        is_idle=told["state"] in ("unused", "shadowed"),
        patch=cut(told["patch"], NAME_LIMIT_CHARS),
        scope=", ".join(scopes[:SCOPES_SHOWN]) + (f" and {more:,} more" if more > 0 else ""),
        reason=cut(told["reason"], MESSAGE_LIMIT_CHARS),
        owner=cut(told["owner"], NAME_LIMIT_CHARS),
        expires=told["expires"],
        patches=told["patches"],
        vms=told["vms"],
    )


def _level_lines(judged: ServiceLevelsJudged) -> list[LevelLine]:
    """The classes that have a rule; lists that are cut short only where there are any."""
    rules, patches = judged["rules"], judged["patches"]
    joint = [each for each in (rules["critical_days"], rules["security_days"]) if each is not None]
    limits: dict[ClassWord, int | None] = {
        "critical": rules["critical_days"],
        "security": rules["security_days"],
        "critical_and_security": min(joint, default=None) if any(_of_cut(judged)) else None,
        "other": rules["other_days"],
    }
    return [
        LevelLine(CLASSES[word], counted(days, "day", "days"), patches[word])
        for word, days in limits.items()
        if days is not None
    ]


def _of_cut(judged: ServiceLevelsJudged) -> tuple[int, int, int]:
    levels = judged["patches"]["critical_and_security"]
    return levels["within"], levels["breached"], levels["unknown"]


def _breach(vm: BreachingVm) -> Breach:
    key = patch_key(vm["patch"])
    return Breach(
        key=key,
        link=patch_link(key),
        label=CLASSES[vm["patch_class"]].partition(",")[0].lower(),
        age=counted(vm["age_days"], "day", "days"),
        basis=SINCE[vm["age_basis"]],
        limit=counted(vm["limit_days"], "day", "days"),
        breached=vm["breached"],
    )
