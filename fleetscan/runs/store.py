"""Where a run is kept while a process works on it: a new directory, an earlier process's, or nowhere.

An earlier process may have died at any moment. results.jsonl is the authority: a row is a VM's end, whether
the journal came to say so or not, and a row that did not reach the disk whole was never there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fleetscan import json_text
from fleetscan.errors import CannotResumeError, CannotWriteError, OutputError, Remedy, RunExistsError
from fleetscan.model import InventoryError, Json, Target
from fleetscan.records.asked import INVENTORY_SHA256, RETRIED_SCAN_ID, is_same_value
from fleetscan.records.checked import check_of
from fleetscan.records.journal import (
    SCHEMA,
    FleetListed,
    Listed,
    ProcessBegan,
    RowLost,
    RowWritten,
)
from fleetscan.records.machine_row import counted
from fleetscan.records.row import CountedRow
from fleetscan.records.run import Scope
from fleetscan.records.story import Story
from fleetscan.runs.directory import JOURNAL, RESULTS, holds_run, make_directory
from fleetscan.runs.disk import reason
from fleetscan.runs.files import NoFiles, Output, RunFiles
from fleetscan.runs.journal import Journal, JournalFile, NoJournal, read_journal

LISTED_AT_ONCE = 1000
# What a name stood for when the run was started, and what to say where it stands for something else now.
OTHER_CONTENT = {
    INVENTORY_SHA256: "its inventory file has changed since it was started",
    RETRIED_SCAN_ID: "it retries the VMs of another run",
}
STRANGE_ROW = f"a row of its {RESULTS} cannot be read, or is not of the VMs in its journal"


@dataclass(frozen=True, slots=True)
class RunStore:
    """The files of a run, open and ours alone. `story` is what an earlier process left, if one did."""

    output: Output
    journal: Journal
    story: Story | None = None

    def sync(self) -> None:
        """Have rows and journal outlive a power cut, the rows first: the journal tells of them."""
        self.output.sync()
        self.journal.sync()

    def begin(
        self, scan_id: str, principal: Mapping[str, str | None] | None, asked: Mapping[str, Json], at: float
    ) -> None:
        """Note that this process sets to work at `at`, s since 1970: for whom, and what it was asked.

        Raises CannotWriteError where this is a run's first line, and not even that can be written.
        """
        who = None if principal is None else dict(principal)
        where = os.getpid(), socket.gethostname()
        try:
            self.journal.write(ProcessBegan(SCHEMA, at, *where, scan_id, who, dict(asked)))
            self.journal.sync()
        except OutputError as error:
            if self.story is None:
                raise CannotWriteError(error.path, error.why) from error
            raise

    def note_fleet(self, targets: Sequence[Target], errors: Sequence[InventoryError], scope: Scope) -> None:
        """Note the whole fleet, and what of it could not be listed."""
        for first in range(0, len(targets), LISTED_AT_ONCE):
            self.journal.write(*map(Listed, targets[first : first + LISTED_AT_ONCE]))
        self.journal.write(FleetListed(len(targets), list(errors), scope))
        self.journal.sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; what went wrong first is told, and not that closing fails too."""
        try:
            self.close()
        except OutputError:
            if error is None:
                raise

    def close(self) -> None:
        """Flush the rows and let the directory go. Closing twice is harmless."""
        try:
            self.output.close()
        finally:
            self.journal.close()


def no_store() -> RunStore:
    """A store that keeps nothing."""
    return RunStore(NoFiles(), NoJournal())


def new_store(path: Path) -> RunStore:
    """A run of its own in the directory `path`, made where it is not there yet.

    Raises RunExistsError, LockedError and CannotWriteError.
    """
    make_directory(path)
    try:
        journal = JournalFile.create(path / JOURNAL)
    except FileExistsError as error:
        # Another scan was quicker by a moment.
        raise RunExistsError(str(path)) from error
    except OSError as error:
        raise CannotWriteError(str(path / JOURNAL), reason(error)) from error
    with _let_go_where_it_fails(journal):
        return RunStore(RunFiles.open(path), journal)


def earlier_store(path: Path, asked: Mapping[str, Json]) -> RunStore | None:
    """The run in the directory `path`, to go on with; None where it holds none.

    `asked` are the settings that must be what the run began with. Raises LockedError while another process
    works there, CannotResumeError where this one may not go on, and CannotWriteError and OutputError where
    the files cannot be read or mended.
    """
    if not holds_run(path):
        return None
    try:
        journal = JournalFile.reopen(path / JOURNAL)
    except FileNotFoundError as error:
        raise CannotResumeError(str(path), "it has no journal") from error
    except OSError as error:
        raise CannotWriteError(str(path / JOURNAL), reason(error)) from error
    try:
        with _let_go_where_it_fails(journal):
            story = read_journal(journal.path)
            files = RunFiles.open(path)
            with _let_go_where_it_fails(files):
                return _taken_up(story, journal, files, asked)
    except OSError as error:
        raise CannotWriteError(str(error.filename or path), reason(error)) from error


@contextmanager
def _let_go_where_it_fails(file: RunFiles | JournalFile) -> Iterator[None]:
    """Close `file` where what is done meanwhile raises, so that its lock keeps nothing out."""
    try:
        yield
    except BaseException:
        with suppress(OutputError):
            file.close()
        raise


def _taken_up(
    story: Story | None, journal: JournalFile, files: RunFiles, asked: Mapping[str, Json]
) -> RunStore:
    if story is None:
        if files.rows_end_at:
            raise CannotResumeError(str(files.path), STRANGE_ROW)
        journal.cut(0)
        return RunStore(files, journal)
    _check_asked(files.path, story, asked)
    journal.cut(story.size_bytes)
    try:
        _reconcile(story, files, journal)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotResumeError(str(files.path), STRANGE_ROW) from error
    files.rows_written = len(story.ended)
    return RunStore(files, journal, story)


def _check_asked(path: Path, story: Story, asked: Mapping[str, Json]) -> None:
    for name, why in OTHER_CONTENT.items():
        # A file that cannot be read any more changes nothing: the run has its listing.
        if (now := asked.get(name)) is not None and now != story.asked.get(name):
            raise CannotResumeError(str(path), why)
    for name, now in asked.items():
        if name in OTHER_CONTENT:
            continue
        if not is_same_value(name, was := story.asked.get(name), now):
            why = f"it was started with another {name.replace('_', ' ')} ({_shown(was)}, now {_shown(now)})"
            template = f"use the same {{{name}}}, or name another directory: {{out}}"
            raise CannotResumeError(str(path), why, Remedy(template, {name: was or None, "out": None}))


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "not given"
    return "not given" if value is None else str(value)


def _reconcile(story: Story, files: RunFiles, journal: JournalFile) -> None:
    """Make the story agree with the rows that are there; raises where a whole one is none of this run's."""
    # 1. Rows that the journal tells of and a power cut took: those VMs have not ended. The journal says so
    #    from now on, because other rows will come to lie where they were.
    for number in [number for number, end in story.row_ends.items() if end > files.rows_end_at]:
        story.lose_row(number)
        journal.write(RowLost(number))
    # 2. Rows that the journal does not tell of yet. 3. A row that was not finished: cut off.
    known_to = max(story.row_ends.values(), default=0)
    *lines, _ = _rows_after(files.path, known_to).split(b"\n")
    numbers = {target.key: number for number, target in enumerate(story.targets)} if lines else {}
    for line in lines:
        row: Any = json_text.parse(line)
        number = numbers[row["resource_id"].lower()]
        if not story.is_listed or number in story.ended:
            raise ValueError("the VM was not listed, or has a row already")
        known_to += len(line) + 1
        event = RowWritten(number, known_to, counted(check_of(CountedRow)(row)))
        event.tell(story)
        journal.write(event)
    files.cut(known_to)


def _rows_after(path: Path, size_bytes: int) -> bytes:
    """What results.jsonl holds beyond its first `size_bytes`."""
    with open(path / RESULTS, "rb") as rows:
        rows.seek(size_bytes)
        return rows.read()
