"""How a run enters the history: episodes begin, go on and end. One transaction a run.

1. An assessed VM begins an episode for each patch that it newly lists.
2. It ends one for a patch that it no longer lists only if its list is whole: installed.
3. A VM that is not assessed, or whose list was cut short, ends nothing.
4. A VM without a row is gone if the run is complete and listed all of its subscription; its episodes end so.
5. A run enters once. One that was stopped may enter, and the rest of its VMs once it was resumed.
6. A run that began before the newest entry is refused: episodes are only ever added to at their end.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from fleetscan import json_text
from fleetscan.errors import HistoryError, Remedy
from fleetscan.history.file import writing
from fleetscan.history.numbers import Numbers
from fleetscan.history.source import claim_source
from fleetscan.records.history import night_of
from fleetscan.records.row import Row
from fleetscan.records.times import moment_of
from fleetscan.records.totals import GroupTotals
from fleetscan.runs.begun import BegunRun
from fleetscan.runs.looked import looked_at
from fleetscan.runs.own_totals import not_listed, own_totals
from fleetscan.runs.reader import Run

IN_ORDER = Remedy("a new history takes all runs in one command: `fleetscan history add RUN...`")
NEWEST = "SELECT number, scan_id, started_at FROM night ORDER BY number DESC LIMIT 1"
WITH_OPEN = (
    "SELECT vm.number, subscription_id, prefix FROM vm JOIN scope ON scope.number = vm.scope "
    "WHERE vm.number IN (SELECT DISTINCT vm FROM missing)"
)
END = "INSERT INTO ended (gone, vm, edition, first, is_vm_gone) VALUES (?, ?, ?, ?, ?)"


class Entry(StrEnum):
    """What became of a run that was to enter."""

    ADDED = "added"
    COMPLETED = "completed"
    """It had entered when it was stopped, and now the rest of its VMs has."""
    KNOWN = "known"
    """It had entered before: nothing changed."""


@dataclass
class Taken:
    """What a run added: assessed VMs, and VM-patch pairs that began or ended."""

    scan_id: str
    entry: Entry
    vms: int = 0
    newly_missing: int = 0
    installed: int = 0
    ended_with_vm: int = 0


def take_in(run: Run, path: Path) -> Taken:
    """Take `run` into the history at `path`, made where there is none; twice is harmless.

    Raises HistoryError where it may not enter, CannotWriteError where the file takes no more, and
    CannotReadRunError; the file is then as it was.
    """
    with writing(path) as db:
        claim_source(db, path, run.facts)
        number, entry = _place_of(run, path, db)
        taken = Taken(run.facts["scan_id"], entry)
        if entry is not Entry.KNOWN:
            _take_rows(run, db, number, taken)
    return taken


def _take_rows(run: Run, db: sqlite3.Connection, number: int, taken: Taken) -> None:
    told = own_totals(run)
    begun = BegunRun(run) if told is None else None
    taking = _TakingIn(db, number, taken)
    for row in run.rows():
        taking.add(row)
        if begun is not None:
            begun.ended(row)
    looked = looked_at(run, not_listed(run))
    for vm, subscription_id, prefix in db.execute(WITH_OPEN).fetchall():
        if vm not in taking.present and looked(subscription_id, prefix):
            taking.end_with_vm(vm)
    taking.finish()
    _keep_night(run, db, number, begun.sums()[0] if begun is not None else _fleet(told))


def _fleet(told: tuple[GroupTotals, list[GroupTotals]] | None) -> GroupTotals:
    assert told is not None
    return told[0]


def _place_of(run: Run, path: Path, db: sqlite3.Connection) -> tuple[int, Entry]:
    """The number of the run's night, and whether it is new."""
    scan_id, began = run.facts["scan_id"], moment_of(run.facts["started_at"])
    newest = db.execute(NEWEST).fetchone()
    known = db.execute("SELECT number, is_complete FROM night WHERE scan_id = ?", (scan_id,)).fetchone()
    if known is not None:
        may_go_on = known[0] == newest[0] and not known[1] and run.is_complete
        return known[0], Entry.COMPLETED if may_go_on else Entry.KNOWN
    newest_began = moment_of(newest[2] if newest else None)
    if began is None:
        raise HistoryError(str(path), f"cannot take in the run {scan_id[:8]}: it does not say when it began")
    if newest_began is not None and began < newest_began:
        when = f"began at {run.facts['started_at']}, before its newest entry ({newest[1][:8]}, {newest[2]})"
        raise HistoryError(str(path), f"cannot take in the run {scan_id[:8]}: it {when}", IN_ORDER)
    return (newest[0] if newest else 0) + 1, Entry.ADDED


def _keep_night(run: Run, db: sqlite3.Connection, number: int, fleet: GroupTotals) -> None:
    facts = run.facts
    db.execute(
        "INSERT OR REPLACE INTO night VALUES (?, ?, ?, ?, ?, ?)",
        (
            number,
            facts["scan_id"],
            facts["started_at"],
            run.is_complete,
            json_text.encode_ascii(facts["selection"]),
            json_text.encode_ascii(night_of(facts, fleet)),
        ),
    )


class _TakingIn:
    """One run on its way in. `present` are the known VMs that have a row, however they ended."""

    def __init__(self, db: sqlite3.Connection, night: int, taken: Taken) -> None:
        self._db = db
        self._night = night
        self._taken = taken
        self._numbers = Numbers(db)
        self._assessed: list[int] = []
        self.present: set[int] = set()

    def add(self, row: Row) -> None:
        """Take in a row."""
        vm = self._numbers.vm(row)
        if vm is None:
            return
        # (A run that was resumed has the rows that entered before, too.)
        is_new = vm.assessed != self._night and vm.number not in self.present
        self.present.add(vm.number)
        if row["outcome"] == "assessed" and is_new:
            self._assessed.append(vm.number)
            self._compare(vm.number, self._numbers.editions(row), is_whole=row["patches_complete"] is True)

    def end_with_vm(self, vm: int) -> None:
        """The VM is gone."""
        gone = self._open(vm)
        self._end(vm, gone, is_vm_gone=True)
        self._taken.ended_with_vm += len(gone)

    def finish(self) -> None:
        """Keep which VMs were assessed."""
        self._taken.vms = len(self._assessed)
        self._db.executemany(
            "UPDATE vm SET assessed = ? WHERE number = ?", [(self._night, vm) for vm in self._assessed]
        )

    def _compare(self, vm: int, now: dict[int, int], *, is_whole: bool) -> None:
        """Begin, change and end episodes; `now` are the editions listed by patch."""
        before = self._open(vm)
        known = {patch: edition for patch, edition, _ in before}
        if now == known:
            return
        new = [(vm, patch, edition, self._night) for patch, edition in now.items() if patch not in known]
        self._db.executemany("INSERT INTO missing (vm, patch, edition, first) VALUES (?, ?, ?, ?)", new)
        self._taken.newly_missing += len(new)
        changed = [
            (edition, vm, patch) for patch, edition in now.items() if known.get(patch, edition) != edition
        ]
        self._db.executemany("UPDATE missing SET edition = ? WHERE vm = ? AND patch = ?", changed)
        if is_whole:
            gone = [each for each in before if each[0] not in now]
            self._end(vm, gone, is_vm_gone=False)
            self._taken.installed += len(gone)

    def _open(self, vm: int) -> list[tuple[int, int, int]]:
        """Patch, edition and first night of each open episode of a VM."""
        return self._db.execute("SELECT patch, edition, first FROM missing WHERE vm = ?", (vm,)).fetchall()

    def _end(self, vm: int, gone: list[tuple[int, int, int]], *, is_vm_gone: bool) -> None:
        ended = [(self._night, vm, edition, first, is_vm_gone) for _, edition, first in gone]
        self._db.executemany(END, ended)
        self._db.executemany(
            "DELETE FROM missing WHERE vm = ? AND patch = ?", [(vm, each[0]) for each in gone]
        )
