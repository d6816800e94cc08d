"""The one reader of runs: what a run directory holds, at whatever point its last process ended.

It streams rows, ignores a last line that a dying process did not finish, says what is incomplete, and
refuses what a later fleetscan wrote. It changes nothing and locks nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from fleetscan import json_text, places
from fleetscan.errors import OTHER_VERSION, CannotReadRunError
from fleetscan.records import row, run, totals
from fleetscan.records.checked import check_of
from fleetscan.records.fleet_facts import stopped_words, why_stopped
from fleetscan.records.patches import Patch, PatchReader
from fleetscan.records.row import Row
from fleetscan.records.run import RunFacts
from fleetscan.records.totals import GroupTotals, Totals
from fleetscan.runs.directory import RESULTS, RUN, TOTALS, holds_run
from fleetscan.runs.disk import reason
from fleetscan.runs.opening import open_to_read, read_whole
from fleetscan.runs.zstd import is_packed, open_rows

BLOCK_BYTES = 1024 * 1024
# A subscription that was listed takes some 250 bytes of run.json.
MOST_FACTS_BYTES = 64 * 1024 * 1024

SCHEMAS: Mapping[type, str] = {
    Row: row.SCHEMA,
    Totals: totals.SCHEMA,
    GroupTotals: totals.SCHEMA,
    RunFacts: run.SCHEMA,
}


class State(StrEnum):
    """How far a run has come, by its run.json."""

    COMPLETE = "complete"
    """Every listed VM has its row."""
    STOPPED = "stopped"
    """It was stopped cleanly: there are totals, and some VMs have no row, or were not listed."""
    UNFINISHED = "unfinished"
    """A process is at work, or was killed: there are rows, and no totals yet."""


class Run:
    """A run on disk. Raises CannotReadRunError where `path` holds none, or one of a later fleetscan.

    `facts` are run.json.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: RunFacts = self._facts()

    @property
    def state(self) -> State:
        """How far it has come."""
        match self.facts["exit_code"]:
            case None:
                return State.UNFINISHED
            case code if code in run.COMPLETE:
                return State.COMPLETE
        return State.STOPPED

    @property
    def is_complete(self) -> bool:
        """Whether every listed VM has its row. What could not be listed stands in the totals."""
        return self.state is State.COMPLETE

    @property
    def incomplete(self) -> list[str]:
        """A sentence for each part of the run that is missing or too much; none where it is whole.

        Counts the rows.
        """
        lacking = [self._unfinished(), self._miscounted_rows()]
        if self._has_torn_row():
            lacking.append(f"the last line of {RESULTS} is incomplete and is ignored")
        return [sentence for sentence in lacking if sentence]

    def _unfinished(self) -> str:
        if self.state is State.UNFINISHED:
            return "the run has not finished: it has no totals, and some VMs may have no row"
        is_complete, is_merged = self.state is State.COMPLETE, bool(self.facts["sources"])
        why = "the run was complete" if is_complete else why_stopped(is_merged=is_merged)
        try:
            totals = self.totals()
        except CannotReadRunError:
            return f"{why}, and its totals cannot be read"
        if is_complete:
            return ""
        return stopped_words(totals, is_merged=is_merged) or (
            why if is_merged else f"{why} before it was complete"
        )

    def _miscounted_rows(self) -> str:
        """Rows that the totals count and that are not there, or that are there and that they do not count."""
        try:
            totals = self.totals()
        except CannotReadRunError:
            return ""
        lost = totals["listed"] - totals["outcomes"]["interrupted"] - self._count_rows()
        if lost > 0:
            are = "is" if lost == 1 else "are"
            return f"{lost:,} of the rows that its totals count {are} missing in {RESULTS}"
        # The totals of a process before the one at work are out of date.
        if lost == 0 or self.state is State.UNFINISHED:
            return ""
        return f"{RESULTS} has {-lost:,} {'row' if lost == -1 else 'rows'} more than its totals count"

    def _count_rows(self) -> int:
        try:
            with open_rows(self.path) as rows:
                return sum(block.count(b"\n") for block in iter(partial(rows.read, BLOCK_BYTES), b""))
        except OSError:
            return 0

    def rows(self) -> Iterator[Row]:
        """The rows in the order in which the VMs ended, one at a time."""
        path = self.path / RESULTS
        try:
            with open_rows(self.path) as lines:
                for number, line in enumerate(lines, start=1):
                    # A row is whole with its line end: without one it may be a part of another row.
                    if not line.endswith(b"\n"):
                        return
                    yield self._record(path, number, line, Row)
        except OSError as error:
            raise self._unreadable(f"{RESULTS}: {reason(error)}") from error

    def patches(self) -> Iterator[tuple[Row, list[Patch]]]:
        """Each row with the patches that its VM lists, each key once, as every view counts them.

        An empty list for a VM that was not assessed: what it misses is unknown. Raises what `rows` raises.
        """
        reader = PatchReader()
        for each in self.rows():
            found = reader.of(each) if each["outcome"] == "assessed" else []
            yield each, [*{patch.key: patch for patch in found}.values()]

    def totals(self) -> Totals:
        """The sums over the whole fleet.

        Raises CannotReadRunError for a run that has not finished, and for sums that do not add up.
        """
        path = self.path / TOTALS
        totals: Totals = self._record(path, 1, self._totals_lines()[0], Totals)
        ends = totals["outcomes"]
        told = ends["assessed"] + ends["failed"] + ends["timed_out"] + ends["skipped"] + ends["interrupted"]
        # Every scan checks that before it writes them.
        if totals["listed"] != told:
            raise self._unreadable(f"{TOTALS}: its outcomes do not add up to the VMs listed")
        return totals

    def groups(self) -> list[GroupTotals]:
        """The sums of each subscription, location, OS type and asked-for tag."""
        path = self.path / TOTALS
        lines = enumerate(self._totals_lines()[1:], start=2)
        return [self._record(path, number, line, GroupTotals) for number, line in lines]

    def _facts(self) -> RunFacts:
        try:
            told = self._read_facts()
        except FileNotFoundError as error:
            if not self.path.is_dir():
                raise self._unreadable("there is no such directory") from error
            raise self._unreadable(
                f"it has no {RUN}" if holds_run(self.path) else "it holds no run"
            ) from error
        except OSError as error:
            raise self._unreadable(f"{RUN}: {reason(error)}") from error
        facts: RunFacts = self._checked(told, RunFacts, RUN)
        return facts

    def _read_facts(self) -> bytes:
        with open_to_read(self.path / RUN) as file:
            if len(told := file.read(MOST_FACTS_BYTES + 1)) > MOST_FACTS_BYTES:
                raise self._unreadable(f"{RUN} is larger than any that a scan writes")
        return told

    def _totals_lines(self) -> list[bytes]:
        """The lines of totals.jsonl, one at least."""
        try:
            lines = read_whole(self.path / TOTALS).splitlines()
        except FileNotFoundError as error:
            raise self._unreadable("the run has not finished: it has no totals yet") from error
        except OSError as error:
            raise self._unreadable(f"{TOTALS}: {reason(error)}") from error
        if not lines:
            raise self._unreadable(f"{TOTALS} is empty")
        return lines

    def _record(self, path: Path, number: int, line: bytes, record: type) -> Any:
        return self._checked(line, record, f"line {number} of {path.name}")

    def _checked(self, text: bytes, record: type, where: str) -> Any:
        """`text` as the record it is declared to be; what later versions add to it stays in it."""
        try:
            told = json_text.parse(text)
        except ValueError as error:
            raise self._unreadable(f"{where} is not JSON") from error
        schema = SCHEMAS[record]
        if record is RunFacts and isinstance(told, dict):
            # A run of before they were kept.
            told.setdefault("warnings", [])
            told.setdefault("sources", [])
            if isinstance(scope := told.get("scope"), dict):
                scope.setdefault("shard", None)
        if isinstance(told, dict) and is_later(found := told.get("schema"), schema):
            raise CannotReadRunError(str(self.path), f"{where} is of schema {found}", OTHER_VERSION)
        try:
            return check_of(record, may_grow=True)(told)
        except ValueError as error:
            raise self._unreadable(f"{where} is no record of schema {schema} ({error})") from error

    def _has_torn_row(self) -> bool:
        if is_packed(self.path):
            return False
        try:
            with open_to_read(self.path / RESULTS) as rows:
                if not rows.seek(0, os.SEEK_END):
                    return False
                rows.seek(-1, os.SEEK_END)
                return rows.read() != b"\n"
        except OSError:
            return False

    def _unreadable(self, why: str) -> CannotReadRunError:
        return CannotReadRunError(str(self.path), why)


def open_run(path: str | os.PathLike[str]) -> Run:
    """The run in the directory `path`, or at a place such as az://container/path.

    Raises CannotReadRunError where there is none that can be read.

    ```python
    run = fleetscan.open_run("fleetscan-runs/latest")
    print(run.totals()["coverage_pct"], sum(1 for row in run.rows() if row["outcome"] == "failed"))
    ```
    """
    return Run(fetched(path))


def fetched(path: str | os.PathLike[str]) -> Path:
    """The directory of the run at `path`: that, or a private copy of what is in object storage.

    Raises CannotReadRunError where that cannot be fetched whole, and StorageError.
    """
    if places.is_url(path):
        from fleetscan.remote.fetching import address_of, whole

        return whole(address_of(os.fspath(path)))
    if places.has_any():
        from fleetscan.remote.fetching import opened

        return opened(Path(path))
    return Path(path)


def is_later(found: object, schema: str) -> bool:
    """Whether `found` is a later number of `schema`, such as fleetscan.result/2 of fleetscan.result/1."""
    name, _, number = schema.partition("/")
    if not isinstance(found, str):
        return False
    found_name, _, found_number = found.partition("/")
    return found_name == name and found_number.isdecimal() and int(found_number) > int(number)
