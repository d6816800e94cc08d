"""Where a run's files are: a new directory, the directory of an earlier process, or standard output.

An earlier process may have died at any moment. results.jsonl is the authority: a row is a machine's end,
whether the journal came to say so or not, and what of a row did not reach the disk was never there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from fleetscan.errors import CannotResumeError, CannotWriteError, RunExistsError
from fleetscan.model import Json
from fleetscan.results.run_directory import JOURNAL, STDOUT, Output, RunDirectory, holds_run, make_directory
from fleetscan.results.stdout_rows import StdoutRows, reason
from fleetscan.results.times import WallClock
from fleetscan.scan.journal import COUNTED, Journal, JournalFile, NoJournal
from fleetscan.scan.journal_reading import Story, read_journal
from fleetscan.settings import ScanSettings

# What must be the same for two processes to work on one run: whom they ask, and for which machines.
SCOPE = ("endpoint", "subscription", "inventory", "limit", "retry_failed")


@dataclass(frozen=True, slots=True)
class Place:
    """The files of a run, open and ours alone. `story` is what an earlier process left, if one did."""

    output: Output
    journal: Journal
    story: Story | None = None

    def sync(self) -> None:
        """Have rows and journal outlive a power cut, the rows first: the journal tells of them."""
        self.output.sync()
        self.journal.sync()

    def close(self) -> None:
        """Flush the rows and let the directory go. Closing twice is harmless."""
        try:
            self.output.close()
        finally:
            self.journal.close()


def scope_of(settings: ScanSettings) -> dict[str, Json]:
    """The settings that say which machines a run is about."""
    told = {name: getattr(settings, name) for name in SCOPE}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def new_place(settings: ScanSettings, clock: WallClock, scan_id: str) -> Place:
    """A place that holds no run yet. Raises UsageError and CannotWriteError."""
    if settings.out == STDOUT:
        return Place(StdoutRows(1), NoJournal())
    path = make_directory(settings.out, clock.utc, scan_id)
    try:
        journal = JournalFile.create(path / JOURNAL, clock)
    except FileExistsError as error:
        # Another scan was quicker by a moment.
        raise RunExistsError(str(path)) from error
    except OSError as error:
        raise CannotWriteError(str(path), reason(error)) from error
    return Place(RunDirectory.open(path), journal)


def earlier_place(settings: ScanSettings, clock: WallClock) -> Place | None:
    """The place of the run to resume; None where there is nothing to resume.

    Raises LockedError while another process works there, CannotResumeError where this one may not go on.
    """
    if not settings.resume or settings.out is None or not holds_run(Path(settings.out)):
        return None
    path = Path(settings.out)
    try:
        journal = JournalFile.reopen(path / JOURNAL, clock)
    except FileNotFoundError as error:
        raise CannotResumeError(str(path), "it has no journal; scan anew into another directory") from error
    except OSError as error:
        raise CannotWriteError(str(path), reason(error)) from error
    try:
        return _taken_up(path, journal, settings)
    except BaseException:
        journal.close()
        raise


def _taken_up(path: Path, journal: JournalFile, settings: ScanSettings) -> Place:
    story = read_journal(journal.path)
    output = RunDirectory.open(path)
    if story is None:
        journal.cut(0)
        return Place(output, journal)
    _check_scope(path, story, settings)
    journal.cut(story.size_bytes)
    _reconcile(story, output, journal)
    output.rows_written = len(story.ended)
    return Place(output, journal, story)


def _check_scope(path: Path, story: Story, settings: ScanSettings) -> None:
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
    """Make the story agree with the rows that are there."""
    # 1. Rows that the journal tells of and a power cut took: those machines have not ended.
    for number in [number for number, end in story.row_ends.items() if end > output.rows_end_at]:
        del story.ended[number], story.row_ends[number]
    # 2. Rows that the journal does not tell of yet. 3. A row that was not finished: cut off.
    known_to = max(story.row_ends.values(), default=0)
    lines = output.rows_after(known_to).splitlines(keepends=True)
    numbers = {target.key: number for number, target in enumerate(story.targets)} if lines else {}
    for line in lines:
        if not line.endswith(b"\n"):
            break
        row = orjson.loads(line)
        known_to += len(line)
        number = numbers[row["resource_id"].lower()]
        story.begun.pop(number, None)
        story.ended[number] = {name: row[name] for name in COUNTED}
        journal.ended(number, known_to, row)
    output.cut(known_to)
