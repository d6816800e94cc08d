"""Where a run is kept while a process works on it: a new directory, an earlier process's, or nowhere.

An earlier process may have died at any moment, and its files may have been damaged since. Both are checked
against each other before anything is written: what cannot have been written so is refused, and left as it is.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from fleetscan import json_text
from fleetscan.errors import CannotReadRunError, CannotResumeError, CannotWriteError, OutputError, Remedy
from fleetscan.model import InventoryError, Json, Target
from fleetscan.records.asked import INVENTORY_SHA256, RETRIED_SCAN_ID, is_same_value
from fleetscan.records.journal import (
    SCHEMA,
    FleetListed,
    Listed,
    ProcessBegan,
    RowLost,
)
from fleetscan.records.run import Scope
from fleetscan.records.story import Story
from fleetscan.runs.chain import NOTHING_BEFORE
from fleetscan.runs.directory import (
    EVERY_FILE,
    JOURNAL,
    RESULTS,
    RUN,
    RUN_FILES,
    already_holds,
    holds_run,
    make_directory,
)
from fleetscan.runs.disk import cannot_go_on, reason
from fleetscan.runs.files import NoFiles, Output, RunFiles
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.journal import Journal, JournalFile, NoJournal, read_journal
from fleetscan.runs.no_journal import no_journal
from fleetscan.runs.opening import (
    NoFileError,
    NotOursError,
    keep_to_owner,
    read_whole,
    refuse_others,
)
from fleetscan.runs.reader import open_run
from fleetscan.runs.rows import Mending, compare, count_anew
from fleetscan.runs.zstd import is_packed

LISTED_AT_ONCE = 1000
# What a name stood for when the run was started, and what to say where it stands for something else now.
OTHER_CONTENT = {
    INVENTORY_SHA256: "its inventory file has changed since it was started",
    RETRIED_SCAN_ID: "it retries the VMs of another run",
}


COPY_FIRST = Remedy(
    "copy the run with `cp -rL` and resume the copy, or name another directory: {out}", {"out": None}
)


@dataclass(frozen=True, slots=True)
class RunStore:
    """The files of a run, open and ours alone. `story` is what an earlier process left, if one did.

    Of the rows that were told of there, `rows_lost` are not in results.jsonl.
    """

    output: Output
    journal: Journal
    story: Story | None = None
    rows_lost: int = 0

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
        with self._at_first():
            self.journal.write(ProcessBegan(SCHEMA, at, *where, scan_id, who, dict(asked)))

    def note_vms(self, targets: Sequence[Target]) -> None:
        """Note VMs of the fleet, after `begin`."""
        for first in range(0, len(targets), LISTED_AT_ONCE):
            self.journal.write(*map(Listed, targets[first : first + LISTED_AT_ONCE]))

    def note_whole(self, machines: int, errors: Sequence[InventoryError], scope: Scope) -> None:
        """Note that all VMs are noted, so many, and what of the fleet could not be listed."""
        self.journal.write(FleetListed(machines, list(errors), scope))

    def secure(self) -> None:
        """Have what was noted outlive a power cut, before the first row is written or start is sent.

        One flush for `begin` and what is listed: in between nothing happens that must be known afterwards.
        Raises CannotWriteError where the run is new.
        """
        with self._at_first():
            self.journal.sync()

    @contextmanager
    def _at_first(self) -> Iterator[None]:
        """A new run that cannot be written has not begun: there is nothing to resume."""
        try:
            yield
        except OutputError as error:
            if self.story is None:
                raise CannotWriteError(error.path, error.why) from error
            raise

    def count_anew(self) -> None:
        """Count the rows of a run that was gone on with; raises BrokenIdentityError, and OutputError."""
        path, story = self.output.path, self.story
        if path is None or story is None:
            return
        keys = {target.key for target in story.targets} if story.is_listed else None
        try:
            count_anew(path / RESULTS, self.output.rows_written, keys)
        except OSError as error:
            raise cannot_go_on(path / RESULTS, error) from error

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
        raise already_holds(path) from error
    except OSError as error:
        raise CannotWriteError(str(path / JOURNAL), reason(error)) from error
    with _let_go_where_it_fails(journal):
        return RunStore(RunFiles.open(path), journal)


def earlier_store(path: Path, asked: Callable[[Story], Mapping[str, Json]]) -> RunStore | None:
    """The run in the directory `path`, to go on with; None where it holds none.

    `asked` returns the settings that must be what the run began with. Raises LockedError while another
    process works there, CannotResumeError where this one may not go on, and CannotWriteError and OutputError
    where the files cannot be read or mended.
    """
    if not holds_run(path):
        return None
    _refuse_what_is_not_ours(path)
    if is_packed(path):
        return _packed_store(path, asked)
    try:
        journal = JournalFile.reopen(path / JOURNAL)
    except FileNotFoundError as error:
        raise no_journal(path) from error
    except OSError as error:
        raise CannotWriteError(str(path / JOURNAL), reason(error)) from error
    try:
        with _let_go_where_it_fails(journal):
            story = read_journal(journal.path)
            mending = _checked(path, story, asked)
            files = RunFiles.open(path)
            with _let_go_where_it_fails(files):
                _mend(story, mending, files, journal)
                # A copy may have come with wider permissions.
                for name in RUN_FILES:
                    keep_to_owner(path / name)
            return RunStore(files, journal, story, len(mending.lost))
    except OSError as error:
        raise CannotWriteError(str(error.filename or path), reason(error)) from error


def _packed_store(path: Path, asked: Callable[[Story], Mapping[str, Json]]) -> RunStore:
    """A run whose rows are compressed, as it is complete: it is only looked at, and nothing is written."""
    try:
        story = read_journal(path / JOURNAL)
    except OSError as error:
        raise CannotResumeError(str(path), f"{JOURNAL}: {reason(error)}") from error
    _check_run(path, story)
    if story is None or not (story.is_finished and _is_whole(path)):
        raise CannotResumeError(str(path), "its rows are compressed, and it is not complete")
    _check_asked(path, story, asked(story))
    output = NoFiles()
    output.path = path
    return RunStore(output, NoJournal(), story)


def _is_whole(path: Path) -> bool:
    try:
        run = open_run(path)
        return run.is_complete and run.totals()["outcomes"]["interrupted"] == 0
    except CannotReadRunError:
        return False


@contextmanager
def _let_go_where_it_fails(file: RunFiles | JournalFile) -> Iterator[None]:
    """Close `file` where what is done meanwhile raises, so that its lock keeps nothing out."""
    try:
        yield
    except BaseException:
        with suppress(OutputError):
            file.close()
        raise


def _refuse_what_is_not_ours(path: Path) -> None:
    """Raise CannotResumeError unless each file of the run in `path` is a file, and ours alone."""
    for name in EVERY_FILE:
        try:
            refuse_others(path / name, os.lstat(path / name))
        except NoFileError as error:
            raise CannotResumeError(str(path), f"{name}: {reason(error)}") from error
        except NotOursError as error:
            raise CannotResumeError(str(path), f"{name}: {reason(error)}", COPY_FIRST) from error
        except OSError:
            # It is not there, or it cannot be opened either.
            continue


def _checked(path: Path, story: Story | None, asked: Callable[[Story], Mapping[str, Json]]) -> Mending:
    """What is to be written before the run can go on; raises CannotResumeError where it may not."""
    _check_run(path, story)
    if story is not None:
        _check_asked(path, story, asked(story))
    try:
        return compare(story or Story("", None, {}, 0.0), path / RESULTS)
    except ValueError as error:
        raise CannotResumeError(str(path), f"in its {RESULTS} {error}") from error


def _check_run(path: Path, story: Story | None) -> None:
    """Raise CannotResumeError where run.json, written once VMs are journaled, is of another story."""
    try:
        facts = json_text.parse(read_whole(path / RUN))
    except (FileNotFoundError, ValueError):
        # Not written yet; or spoilt, and it is written anew.
        return
    if story is None or not (story.is_listed or _is_listing(facts)):
        raise CannotResumeError(str(path), f"its journal ends before its {RUN} was written")
    if isinstance(facts, dict) and facts.get("scan_id") != story.scan_id:
        raise CannotResumeError(str(path), f"its journal and its {RUN} are of two runs")


def _is_listing(facts: Json) -> bool:
    """Whether run.json was written before the fleet was known: it names no subscription then."""
    match facts:
        case {"settings": {"inventory": None}, "scope": {"subscriptions": [], "not_enabled": []}}:
            return True
    return False


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
            anew = "to scan anew, begin a scan in another directory with {out}"
            template = f"{anew}; as it was started, resume with: {{command}}"
            command = command_for(path, story.asked.get("endpoint"))
            raise CannotResumeError(str(path), why, Remedy(template, {"out": None, "command": command}))


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "not given"
    return "not given" if value is None else str(value)


def _mend(story: Story | None, mending: Mending, files: RunFiles, journal: JournalFile) -> None:
    """Make journal and rows agree, and have both end with a whole line."""
    if story is None:
        journal.go_on(0, NOTHING_BEFORE)
    else:
        journal.go_on(story.size_bytes, story.last_crc)
        # The journal has to say what was lost, because other rows will come to lie where those were.
        journal.write(*map(RowLost, mending.lost), *mending.untold)
        files.rows_written = len(story.ended)
    files.cut(mending.rows_end_at)
