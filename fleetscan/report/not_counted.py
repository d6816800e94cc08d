"""What a run's figures leave out though it is missing: exceptions, ignored classifications, later patches.

A mark stands beside every figure that is lowered. Owners, reasons and scopes come from a file: they go
through `shown`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fleetscan.records.judged import ExceptionState, JudgedException, LeftOut
from fleetscan.records.report import Report
from fleetscan.report.age_words import Shown
from fleetscan.report.figures import counted

# The worst first: what no longer holds, what is left out, and what may be deleted from the file.
STATES: tuple[ExceptionState, ...] = ("expired", "applied", "shadowed", "unused")
SCOPES_SHOWN = 3
NUMBERS_SHOWN = 20


class ExceptionsOfState(NamedTuple):
    """The first exceptions of one state, and the others' places in the file."""

    state: ExceptionState
    first: list[JudgedException]
    others: list[int]


def left_out_of(report: Report) -> LeftOut | None:
    """What a report's figures leave out; None where everything counts."""
    judged = report["judged"]
    return None if judged is None else judged["left_out"]


def mark(report: Report) -> str:
    """What stands beside a figure that is lowered: "without 120 excepted"; empty where none is."""
    left_out = left_out_of(report)
    if left_out is None or not left_out["patches"]:
        return ""
    as_of = left_out["as_of"]
    causes = {
        "excepted": any(each["state"] == "applied" for each in left_out["exceptions"]),
        "ignored": any(each["patches"] for each in left_out["ignored_classifications"]),
        "newer": as_of is not None and bool(as_of["patches"]),
    }
    words = [word for word, holds in causes.items() if holds]
    return f"without {left_out['patches']:,} {words[0] if len(words) == 1 else 'left out'}"


def marked(words: str, report: Report) -> str:
    """`words` and the mark behind them, where there is one."""
    told = mark(report)
    return f"{words} ({told})" if told else words


def also_marked(words: str, report: Report) -> str:
    """`words` that stand in brackets already, and the mark beside them."""
    return "; ".join(filter(None, (words, mark(report))))


def summary_words(left_out: LeftOut) -> str:
    """How much is left out, and by how much it lowers Azure's counts."""
    if not left_out["patches"]:
        return "nothing: all that is missing counts"
    verb = "does" if left_out["patches"] == 1 else "do"
    return (
        f"{_on_vms(left_out['patches'], left_out['vms'])} {verb} not count: critical and security lower by "
        f"{left_out['critical_and_security_count']:,}, other by {left_out['other_count']:,}"
    )


def other_causes(left_out: LeftOut, shown: Shown) -> Iterator[str]:
    """A clause for each classification that is ignored, and for the day after which patches do not count."""
    for each in left_out["ignored_classifications"]:
        told = _on_vms(each["patches"], each["vms"]) if each["patches"] else "nothing is left out by it"
        yield f"classification {shown(each['classification'])} ignored: {told}"
    if (as_of := left_out["as_of"]) is not None:
        told = _on_vms(as_of["patches"], as_of["vms"]) if as_of["patches"] else "nothing is left out by it"
        yield f"as of {shown(as_of['day'])}, later patches left out: {told}"


def by_state(left_out: LeftOut, most: int) -> Iterator[ExceptionsOfState]:
    """The exceptions, `most` of each state in full: those with most patches first, then as in the file."""
    for state in STATES:
        found = [each for each in left_out["exceptions"] if each["state"] == state]
        found.sort(key=lambda each: (-each["patches"], each["number"]))
        if found:
            yield ExceptionsOfState(state, found[:most], sorted(each["number"] for each in found[most:]))


def state_words(exception: JudgedException) -> str:
    """Its state and its last day: "EXPIRED 2026-10-31", "until 2027-01-31", "unused, until 2027-01-31"."""
    until = f"until {exception['expires']}"
    match exception["state"]:
        case "expired":
            return f"EXPIRED {exception['expires']}"
        case "applied":
            return until
        case other:
            return f"{other}, {until}"


def effect_words(exception: JudgedException) -> str:
    """What it does, a clause that follows it."""
    patches = _on_vms(exception["patches"], exception["vms"])
    match exception["state"]:
        case "expired":
            return f"{patches} count again" if exception["patches"] else "covers nothing that is missing"
        case "applied":
            return patches
        case "shadowed":
            return "covers only what is left out already"
        case _:
            return "covers nothing that is missing"


def scope_words(exception: JudgedException, shown: Shown) -> str:
    """Which VMs it is for."""
    scope = exception["scope"]
    if not scope:
        return "the fleet"
    more = f" and {len(scope) - SCOPES_SHOWN:,} more" if len(scope) > SCOPES_SHOWN else ""
    return f"{', '.join(map(shown, scope[:SCOPES_SHOWN]))}{more}"


def others_words(group: ExceptionsOfState) -> str:
    """How many more exceptions of a state there are and where they stand in the file; empty for none."""
    if not group.others:
        return ""
    state = "EXPIRED" if group.state == "expired" else group.state
    numbers = ", ".join(map(str, group.others[:NUMBERS_SHOWN]))
    rest = len(group.others) - NUMBERS_SHOWN
    more = f" and {rest:,} more" if rest > 0 else ""
    return f"{len(group.others):,} more {state}: in the file's order {numbers}{more}"


def _on_vms(patches: int, vms: int) -> str:
    return f"{counted(patches, 'patch', 'patches')} on {counted(vms, 'VM', 'VMs')}"
