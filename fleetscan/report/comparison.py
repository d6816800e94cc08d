"""What changed between two runs, in one record: schema fleetscan.diff/1. One pass over each.

Of the old run it holds a few numbers for each VM, and of the new one nothing. A VM that is not assessed in
one of the runs is not compared, and neither are lists that say less than the truth: what a list that was cut
short does not have may be missing all the same.
"""

from __future__ import annotations

from array import array
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fleetscan import places
from fleetscan.history.installed_before import seen_between
from fleetscan.records.asked import is_same
from fleetscan.records.diff import SCHEMA, ChangedPatch, ChangedVm, ChangedVms, Diff, DiffRun
from fleetscan.records.foremost import Foremost
from fleetscan.records.patches import Patch, PatchReader
from fleetscan.records.reported_vm import MOST_PATCHES, MOST_VMS, ReportedVm, reported_vm
from fleetscan.records.row import OutcomeWord, Row
from fleetscan.report.back_again import BackAgainSums
from fleetscan.report.missed_patches import newest_of
from fleetscan.runs.looked import looked_at
from fleetscan.runs.own_totals import not_listed
from fleetscan.runs.reader import Run

ENDED_BADLY = ("failed", "timed_out")


class Before(NamedTuple):
    """What is kept of a VM of the old run: who it is, how it ended, and the numbers of its patches."""

    vm: ReportedVm
    outcome: OutcomeWord
    reboot_pending: bool | None
    critical: int
    other: int
    is_list_whole: bool
    patches: array[int]


class Numbers:
    """A number for each patch, by which lists are compared."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._keys: list[str] = []
        self._reader = PatchReader()
        self.patches: set[Patch] = set()

    def of(self, row: Row) -> array[int]:
        """The numbers of the patches that a row lists."""
        patches = self._reader.of(row)
        self.patches.update(patches)
        numbers = self._numbers
        return array("L", {numbers.setdefault(patch.key, len(numbers)) for patch in patches})

    def keys(self) -> list[str]:
        """The patches' keys by their numbers."""
        self._keys += islice(self._numbers, len(self._keys), None)
        return self._keys

    def pressing(self) -> set[str]:
        """The keys of critical and security patches."""
        return {patch.key for patch in self.patches if patch.is_critical_or_security}


class _Vms:
    """VMs that changed in one way."""

    def __init__(self) -> None:
        self.count = 0
        self._first: Foremost[ChangedVm] = Foremost(MOST_VMS)

    def add(self, vm: ReportedVm, before: OutcomeWord | None, row: Row | None) -> None:
        """Take in one; `row` is that of the new run."""
        self.count += 1
        key = vm["name"].lower(), vm["resource_id"].lower()
        after = None if row is None else row["outcome"]
        reason = None if row is None else row["reason"]
        if self._first.takes(key):
            self._first.add(key, {**vm, "before": before, "after": after, "reason": reason})

    def told(self) -> ChangedVms:
        """As the record has it."""
        return {"count": self.count, "vms": self._first.in_order()}


@dataclass
class _Sums:
    """Sums over the compared VMs of one run."""

    critical: int = 0
    other: int = 0
    vms: int = 0

    def add(self, critical: int, other: int) -> None:
        self.critical += critical
        self.other += other
        self.vms += critical > 0


@dataclass
class _Comparison:
    """Call `changed` with each row of the new run, then `left`."""

    before: dict[str, Before]
    numbers: Numbers
    back_again: BackAgainSums | None
    appeared: _Vms = field(default_factory=_Vms)
    gone: _Vms = field(default_factory=_Vms)
    newly_unseen: _Vms = field(default_factory=_Vms)
    newly_failing: _Vms = field(default_factory=_Vms)
    seen_again: _Vms = field(default_factory=_Vms)
    reboots_cleared: _Vms = field(default_factory=_Vms)
    reboots_due: _Vms = field(default_factory=_Vms)
    old: _Sums = field(default_factory=_Sums)
    new: _Sums = field(default_factory=_Sums)
    newly_missing: Counter[int] = field(default_factory=Counter)
    installed: Counter[int] = field(default_factory=Counter)
    compared: int = 0
    lists_not_compared: int = 0
    not_comparable: int = 0
    only_old: int = 0
    only_new: int = 0

    def changed(self, row: Row, before: Before) -> None:
        """A VM that both runs have."""
        outcome = row["outcome"]
        if outcome in ENDED_BADLY and before.outcome not in ENDED_BADLY:
            self.newly_failing.add(before.vm, before.outcome, row)
        if outcome == "skipped" and before.outcome == "assessed":
            self.newly_unseen.add(before.vm, before.outcome, row)
        if outcome == "assessed" and before.outcome != "assessed":
            self.seen_again.add(before.vm, before.outcome, row)
        if outcome == before.outcome == "assessed":
            self._compare(row, before)
        else:
            self.not_comparable += 1

    def _compare(self, row: Row, before: Before) -> None:
        self.compared += 1
        self.old.add(before.critical, before.other)
        self.new.add(row["critical_and_security_count"] or 0, row["other_count"] or 0)
        if before.reboot_pending is True and row["reboot_pending"] is False:
            self.reboots_cleared.add(before.vm, before.outcome, row)
        if before.reboot_pending is False and row["reboot_pending"] is True:
            self.reboots_due.add(before.vm, before.outcome, row)
        is_whole, had = is_list_whole(row), set(before.patches)
        has = set(self.numbers.of(row))
        if before.is_list_whole and (new := has - had):
            self.newly_missing.update(new)
            if self.back_again is not None:
                keys = self.numbers.keys()
                self.back_again.add(before.vm, [keys[number] for number in new])
        if is_whole:
            self.installed.update(had - has)
        self.lists_not_compared += not (is_whole and before.is_list_whole)


def is_list_whole(row: Row) -> bool:
    """Whether a list has all that the VM misses."""
    return row["patches_complete"] is True


def diff_of(old: Run, new: Run, history: Path | None = None) -> Diff:
    """What changed from `old` to `new`; `history` tells what is back again.

    Raises CannotReadRunError where one cannot be read, and HistoryError.
    """
    with ExitStack() as stack:
        back_again = None
        if history is not None:
            back_again = BackAgainSums(stack.enter_context(seen_between(history, old.facts, new.facts)))
        return _record(old, new, _compared(old, new, back_again))


def _compared(old: Run, new: Run, back_again: BackAgainSums | None) -> _Comparison:
    numbers = Numbers()
    before = {row["resource_id"].lower(): _before(row, numbers) for row in old.rows()}
    found = _Comparison(before, numbers, back_again)
    old_looked, new_looked = looked_at(old, not_listed(old)), looked_at(new, not_listed(new))
    for row in new.rows():
        known = found.before.pop(row["resource_id"].lower(), None)
        if known is not None:
            found.changed(row, known)
        elif old_looked(row["subscription_id"], row["resource_id"]):
            found.appeared.add(reported_vm(row), None, row)
        else:
            found.only_new += 1
    for left in found.before.values():
        if new_looked(left.vm["subscription_id"], left.vm["resource_id"]):
            found.gone.add(left.vm, left.outcome, None)
        else:
            found.only_old += 1
    return found


def _before(row: Row, numbers: Numbers) -> Before:
    is_assessed = row["outcome"] == "assessed"
    return Before(
        reported_vm(row),
        row["outcome"],
        row["reboot_pending"],
        row["critical_and_security_count"] or 0,
        row["other_count"] or 0,
        is_list_whole(row),
        numbers.of(row) if is_assessed else array("L"),
    )


def _record(old: Run, new: Run, found: _Comparison) -> Diff:
    patches = _patches(found)
    return {
        "schema": SCHEMA,
        "old": _run(old, found.old),
        "new": _run(new, found.new),
        "is_same_selection": is_same(old.facts["selection"], new.facts["selection"]),
        "compared": found.compared,
        "lists_not_compared": found.lists_not_compared,
        "not_comparable": found.not_comparable,
        "appeared": found.appeared.told(),
        "gone": found.gone.told(),
        "only_old": found.only_old,
        "only_new": found.only_new,
        "newly_unseen": found.newly_unseen.told(),
        "newly_failing": found.newly_failing.told(),
        "seen_again": found.seen_again.told(),
        "reboots_cleared": found.reboots_cleared.told(),
        "reboots_due": found.reboots_due.told(),
        "newly_missing": found.newly_missing.total(),
        "installed": found.installed.total(),
        "back_again": None if found.back_again is None else found.back_again.told(found.numbers.pressing()),
        "patches": patches,
        "distinct_patches": len(found.newly_missing.keys() | found.installed.keys()),
    }


def _run(run: Run, sums: _Sums) -> DiffRun:
    return {
        "scan_id": run.facts["scan_id"],
        "directory": places.told(str(run.path)),
        "started_at": run.facts["started_at"],
        "state": run.state.value,
        "partial": run.incomplete,
        "selection": run.facts["selection"],
        "critical_and_security_count": sums.critical,
        "other_count": sums.other,
        "vms_with_critical_or_security": sums.vms,
    }


def _patches(found: _Comparison) -> list[ChangedPatch]:
    keys = found.numbers.keys()
    pressing = found.numbers.pressing()
    first: Foremost[int] = Foremost(MOST_PATCHES)
    for number in found.newly_missing.keys() | found.installed.keys():
        changed = found.newly_missing[number] + found.installed[number]
        first.add((keys[number] not in pressing, -changed, keys[number]), number)
    shown = first.in_order()
    titles = newest_of(found.numbers.patches, {keys[number] for number in shown})
    return [
        {
            "patch": keys[number],
            "name": titles[keys[number]].name,
            "classifications": [*titles[keys[number]].classifications],
            "is_critical_or_security": keys[number] in pressing,
            "newly_missing": found.newly_missing[number],
            "installed": found.installed[number],
        }
        for number in shown
    ]
