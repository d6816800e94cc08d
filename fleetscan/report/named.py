"""The VMs and patches that are worth a name: the worst, those that were not assessed, the most missed.

Rows are given one at a time; of each as much is kept as a view shows. Patches are counted over assessed VMs
alone, and one that a VM lists twice counts once for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fleetscan.records.patches import Patch, PatchReader
from fleetscan.records.report import (
    MOST_PATCHES,
    MOST_VMS,
    MissedPatch,
    ReportedVm,
    UnassessedReason,
    UnassessedVm,
    WorstVm,
)
from fleetscan.records.row import OutcomeWord, ReasonWord, Row
from fleetscan.report.foremost import Foremost
from fleetscan.report.reasons import how_bad, meaning_of


class Named:
    """Call `add` with each row."""

    def __init__(self) -> None:
        self._worst: Foremost[WorstVm] = Foremost(MOST_VMS)
        self._others: dict[tuple[OutcomeWord, ReasonWord], Foremost[UnassessedVm]] = {}
        self._ends: Counter[tuple[OutcomeWord, ReasonWord]] = Counter()
        self.rows = 0
        self._reader = PatchReader()
        self._vms_missing: Counter[str] = Counter()
        self._patches: set[Patch] = set()

    def add(self, row: Row) -> None:
        """Take up one row."""
        self.rows += 1
        if row["outcome"] != "assessed":
            self._add_other(row)
            return
        critical, pending, other = badness = how_bad(row)
        key = (-critical, -pending, -other, *_place(row))
        if any(badness) and self._worst.takes(key):
            self._worst.add(key, _worst_vm(row))
        patches = self._reader.of(row)
        self._vms_missing.update({patch.key for patch in patches})
        self._patches.update(patches)

    def worst(self) -> list[WorstVm]:
        """The worst of the assessed VMs."""
        return self._worst.in_order()

    def not_assessed(self) -> list[UnassessedReason]:
        """Why VMs were not assessed, with the first of them by name: see `in_order`."""
        return in_order(
            reason_of(outcome, reason, count, self._others[outcome, reason].in_order())
            for (outcome, reason), count in self._ends.items()
        )

    @property
    def distinct_patches(self) -> int:
        """How many different patches are missing."""
        return len(self._vms_missing)

    def patches(self) -> list[MissedPatch]:
        """The patches that most VMs miss, critical and security ones first."""
        pressing = {patch.key for patch in self._patches if patch.is_critical_or_security}
        first: Foremost[str] = Foremost(MOST_PATCHES)
        for key, vms in self._vms_missing.items():
            first.add((key not in pressing, -vms, key), key)
        shown = first.in_order()
        titles = self._titles(set(shown))
        return [self._missed(titles[key], key in pressing) for key in shown]

    def _titles(self, keys: set[str]) -> dict[str, Patch]:
        """Of the descriptions of each patch the newest: one KB has many titles."""
        found: dict[str, Patch] = {}
        for patch in self._patches:
            if patch.key in keys and (patch.key not in found or _newness(found[patch.key]) < _newness(patch)):
                found[patch.key] = patch
        return found

    def _missed(self, patch: Patch, is_pressing: bool) -> MissedPatch:
        return {
            "patch": patch.key,
            "name": patch.name,
            "classifications": [*patch.classifications],
            "is_critical_or_security": is_pressing,
            "vms": self._vms_missing[patch.key],
        }

    def _add_other(self, row: Row) -> None:
        how = row["outcome"], row["reason"]
        self._ends[how] += 1
        found = self._others.setdefault(how, Foremost(MOST_VMS))
        key = _place(row)
        if found.takes(key):
            found.add(key, _unassessed_vm(row))


def reason_of(
    outcome: OutcomeWord, reason: ReasonWord, count: int, vms: list[UnassessedVm]
) -> UnassessedReason:
    """The `count` VMs that ended so, with those of them that are named."""
    meaning = meaning_of(reason)
    return {
        "outcome": outcome,
        "reason": reason,
        "count": count,
        "what": meaning.what,
        "to_do": meaning.to_do,
        "vms": vms,
    }


def in_order(reasons: Iterable[UnassessedReason]) -> list[UnassessedReason]:
    """Failed and timed-out VMs before skipped ones, the most frequent reason first."""
    return sorted(
        reasons, key=lambda each: (each["outcome"] == "skipped", -each["count"], str(each["reason"]))
    )


def _place(row: Row) -> tuple[str, str]:
    """The order among VMs that are as bad as another: by name, then by id, the case of neither."""
    return row["name"].lower(), row["resource_id"].lower()


def _newness(patch: Patch) -> tuple[bool, str, str, tuple[str, ...]]:
    """By this the description of a patch is chosen, whatever the order of the rows."""
    return patch.is_critical_or_security, patch.published_on or "", patch.name or "", patch.classifications


def _vm(row: Row) -> ReportedVm:
    return {
        "resource_id": row["resource_id"],
        "name": row["name"],
        "resource_group": row["resource_group"],
        "subscription_id": row["subscription_id"],
        "subscription_name": row["subscription_name"],
        "location": row["location"],
        "os_type": row["os_type"],
    }


def _worst_vm(row: Row) -> WorstVm:
    return {
        **_vm(row),
        "critical_and_security_count": row["critical_and_security_count"],
        "other_count": row["other_count"],
        "reboot_pending": row["reboot_pending"],
    }


def _unassessed_vm(row: Row) -> UnassessedVm:
    error = row["error"]
    return {
        **_vm(row),
        "code": None if error is None else error["code"],
        "message": None if error is None else error["message"],
        "http_status": None if error is None else error["http_status"],
    }
