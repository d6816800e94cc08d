"""Where a run's files are: a new directory, the directory of an earlier process, or standard output.

An earlier process may have died at any moment. results.jsonl is the authority: a row is a machine's end,
whether the journal came to say so or not, and what of a row did not reach the disk was never there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fleetscan import json_text
from fleetscan.errors import CannotResumeError, CannotWriteError, OutputError, RunExistsError
from fleetscan.model import Json
from fleetscan.records.times import WallClock
from fleetscan.runs.directory import JOURNAL, STDOUT, Output, RunDirectory, holds_run, make_directory
from fleetscan.runs.journal import Journal, JournalFile, NoJournal
from fleetscan.runs.stdout_rows import StdoutRows, reason
from fleetscan.runs.story import Story, read_journal, told_row
from fleetscan.settings.declared import Settings

# What must be the same for two processes to work on one run: whom they ask, and for which machines.
SCOPE = ("endpoint", "subscription", "inventory", "limit", "retry_failed")
STRANGE_ROW = (
    "a row of its results.jsonl cannot be read, or is not of the machines in its journal; "
    "scan anew into another directory"
)


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


def scope_of(settings: Settings) -> dict[str, Json]:
    """The settings that say which machines a run is about."""
    told = {name: getattr(settings, name) for name in SCOPE}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def new_store(settings: Settings, clock: WallClock, scan_id: str) -> RunStore:
    """A place that holds no run yet. Raises UsageError and CannotWriteError."""
    if settings.out == STDOUT:
        return RunStore(StdoutRows(1), NoJournal())
    path = make_directory(settings.out, clock.utc, scan_id)
    try:
        journal = JournalFile.create(path / JOURNAL, clock)
    except FileExistsError as error:
        # Another scan was quicker by a moment.
        raise RunExistsError(str(path)) from error
    except OSError as error:
        raise CannotWriteError(str(path / JOURNAL), reason(error)) from error
    with _let_go_where_it_fails(journal):
        return RunStore(RunDirectory.open(path), journal)


def earlier_store(settings: Settings, clock: WallClock) -> RunStore | None:
    """The place of the run to resume; None where there is nothing to resume.

    Raises LockedError while another process works there, CannotResumeError where this one may not go on, and
    CannotWriteError and OutputError where the files cannot be read or mended.
    """
    if not settings.resume or settings.out is None or not holds_run(Path(settings.out)):
        return None
    path = Path(settings.out)
    try:
        journal = JournalFile.reopen(path / JOURNAL, clock)
    except FileNotFoundError as error:
        raise CannotResumeError(str(path), "it has no journal; scan anew into another directory") from error
    except OSError as error:
        raise CannotWriteError(str(path / JOURNAL), reason(error)) from error
    try:
        with _let_go_where_it_fails(journal):
            story = read_journal(journal.path)
            output = RunDirectory.open(path)
            with _let_go_where_it_fails(output):
                return _taken_up(story, journal, output, settings)
    except OSError as error:
        raise CannotWriteError(str(error.filename or path), reason(error)) from error


@contextmanager
def _let_go_where_it_fails(file: RunDirectory | JournalFile) -> Iterator[None]:
    """Close `file` where what is done meanwhile raises, so that its lock keeps nobody out."""
    try:
        yield
    except BaseException:
        with suppress(OutputError):
            file.close()
        raise


def _taken_up(
    story: Story | None, journal: JournalFile, output: RunDirectory, settings: Settings
) -> RunStore:
    path = output.path
    if story is None:
        if output.rows_end_at:
            raise CannotResumeError(str(path), STRANGE_ROW)
        journal.cut(0)
        return RunStore(output, journal)
    _check_scope(path, story, settings)
    journal.cut(story.size_bytes)
    try:
        _reconcile(story, output, journal)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotResumeError(str(path), STRANGE_ROW) from error
    output.rows_written = len(story.ended)
    return RunStore(output, journal, story)


def _check_scope(path: Path, story: Story, settings: Settings) -> None:
    was, now = story.first["asked"], scope_of(settings)
    assert isinstance(was, dict)
    for name in SCOPE:
        if was.get(name) != now[name]:
            flag = name.replace("_", "-")
            told = f"--{flag} was {_shown(was.get(name))} and is {_shown(now[name])}"
            raise CannotResumeError(str(path), f"{told}; give what the run began with, or another --out")


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "not given"
    return "not given" if value is None else str(value)


def _reconcile(story: Story, output: RunDirectory, journal: JournalFile) -> None:
    """Make the story agree with the rows that are there; raises where a whole one is none of this run's."""
    # 1. Rows that the journal tells of and a power cut took: those machines have not ended. The journal says
    #    so from now on, because other rows will come to lie where they were.
    for number in [number for number, end in story.row_ends.items() if end > output.rows_end_at]:
        story.lose_row(number)
        journal.row_lost(number)
    # 2. Rows that the journal does not tell of yet. 3. A row that was not finished: cut off.
    known_to = max(story.row_ends.values(), default=0)
    *lines, _ = output.rows_after(known_to).split(b"\n")
    numbers = {target.key: number for number, target in enumerate(story.targets)} if lines else {}
    for line in lines:
        row: Any = json_text.parse(line)
        told, number = told_row(row), numbers[row["resource_id"].lower()]
        if not story.is_listed or number in story.ended:
            raise ValueError("the machine was not listed, or has a row already")
        known_to += len(line) + 1
        story.begun.pop(number, None)
        story.ended[number] = told
        journal.ended(number, known_to, row)
    output.cut(known_to)
