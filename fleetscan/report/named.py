"""The VMs and patches that are worth a name: the worst, those that were not assessed, the most missed.

Rows are given one at a time; of each as much is kept as a view shows. Patches are counted over assessed VMs
alone, and one that a VM lists twice counts once for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fleetscan.judgement.counting import CountedVm
from fleetscan.records.foremost import Foremost
from fleetscan.records.report import MissedPatch, UnassessedReason, UnassessedVm, WorstVm
from fleetscan.records.reported_vm import MOST_PATCHES, MOST_VMS, reported_vm
from fleetscan.records.row import OutcomeWord, ReasonWord, Row
from fleetscan.report.causes import Causes, How
from fleetscan.report.missed_patches import MissedPatches, missed
from fleetscan.report.reasons import how_bad, meaning_of


class Named:
    """Call `add` with each row."""

    def __init__(self) -> None:
        self._worst: Foremost[WorstVm] = Foremost(MOST_VMS)
        self._others: dict[How, Foremost[UnassessedVm]] = {}
        self._causes = Causes()
        self._missed = MissedPatches()

    def add(self, counted: CountedVm) -> None:
        """Take up one row, and its patches that count."""
        row = counted.row
        if row["outcome"] != "assessed":
            self._add_other(row)
            return
        critical, pending, other = badness = how_bad(row)
        key = (-critical, -pending, -other, *_place(row))
        if any(badness) and self._worst.takes(key):
            self._worst.add(key, _worst_vm(row))
        self._missed.add([patch for patch, _ in counted.patches])

    def worst(self) -> list[WorstVm]:
        """The worst of the assessed VMs."""
        return self._worst.in_order()

    def not_assessed(self) -> list[UnassessedReason]:
        """Why VMs were not assessed, with the first of them by name: see `in_order`."""
        return in_order(
            reason_of(*how, count, self._others[how].in_order()) for how, count in self._causes.ends.items()
        )

    @property
    def distinct_patches(self) -> int:
        """How many different patches are missing."""
        return len(self._missed)

    def patches(self) -> list[MissedPatch]:
        """The patches that most VMs miss, critical and security ones first."""
        return [missed(*each) for each in self._missed.foremost(MOST_PATCHES)]

    def _add_other(self, row: Row) -> None:
        how = self._causes.add(row)
        found = self._others.setdefault(how, Foremost(MOST_VMS))
        key = _place(row)
        if found.takes(key):
            found.add(key, _unassessed_vm(row))


def reason_of(
    outcome: OutcomeWord, reason: ReasonWord, code: str | None, count: int, vms: list[UnassessedVm]
) -> UnassessedReason:
    """The `count` VMs that ended so, with those of them that are named."""
    meaning = meaning_of(reason)
    return {
        "outcome": outcome,
        "reason": reason,
        "code": code,
        "count": count,
        "what": meaning.what,
        "to_do": meaning.to_do,
        "vms": vms,
    }


def in_order(reasons: Iterable[UnassessedReason]) -> list[UnassessedReason]:
    """Failed and timed-out VMs before skipped ones, the most frequent reason and code first."""
    return sorted(
        reasons,
        key=lambda each: (
            each["outcome"] == "skipped",
            -each["count"],
            str(each["reason"]),
            each["code"] or "",
        ),
    )


def told_code(reason: UnassessedReason) -> str | None:
    """The code that is told beside the reason's word; None where it is the same word, or there is none."""
    code, word = reason["code"], str(reason["reason"])
    return None if code is None or code.lower() == word.replace("_", "") else code


def by_reason(reasons: Iterable[UnassessedReason], outcome: OutcomeWord) -> list[tuple[str, int]]:
    """The reasons of this outcome in words, each with its VMs of all codes, the most frequent first."""
    counts: Counter[str] = Counter()
    for each in reasons:
        if each["outcome"] == outcome:
            counts[str(each["reason"]).replace("_", " ")] += each["count"]
    return counts.most_common()


def _place(row: Row) -> tuple[str, str]:
    """The order among VMs that are as bad as another: by name, then by id, the case of neither."""
    return row["name"].lower(), row["resource_id"].lower()


def _worst_vm(row: Row) -> WorstVm:
    return {
        **reported_vm(row),
        "critical_and_security_count": row["critical_and_security_count"],
        "other_count": row["other_count"],
        "reboot_pending": row["reboot_pending"],
    }


def _unassessed_vm(row: Row) -> UnassessedVm:
    error = row["error"]
    return {
        **reported_vm(row),
        "code": None if error is None else error["code"],
        "message": None if error is None else error["message"],
        "http_status": None if error is None else error["http_status"],
    }
