"""Where a run's files go: results.jsonl row by row, totals.jsonl and run.json whole, for their owner alone.

Never overwrites a run, and never leaves half a row: a write that cannot be finished is taken back.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from fleetscan import json_text
from fleetscan.errors import CannotWriteError, OutputError, RunExistsError, UsageError
from fleetscan.runs.stdout_rows import reason, write_whole

STDOUT = "-"
DEFAULT_PLACE = Path("fleetscan-runs")
LATEST = "latest"
RESULTS = "results.jsonl"
TOTALS = "totals.jsonl"
RUN = "run.json"
JOURNAL = "journal.jsonl"
RUN_FILES = (RESULTS, TOTALS, RUN, JOURNAL)

OWNER_ALONE_FILE = 0o600
OWNER_ALONE_DIRECTORY = 0o700

# A full disk, and a quota that is used up.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

BLOCK_BYTES = 64 * 1024

# Windows alone has the flag, and would write CRLF without it.
BINARY: int = getattr(os, "O_BINARY", 0)


class Output(Protocol):
    """Where a scan's files go. Each method raises OutputError where the place takes no more."""

    rows_written: int

    @property
    def path(self) -> Path | None:
        """The directory, or None where there is none."""
        ...

    def write_row(self, row: bytes) -> int:
        """Put one encoded row where a crash of this process cannot lose it; the byte where it ends."""
        ...

    def sync(self) -> None:
        """Have the rows that were written outlive a power cut."""
        ...

    def write_totals(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Put the lines of totals.jsonl in place, all or none."""
        ...

    def write_run(self, facts: Mapping[str, object]) -> None:
        """Put run.json in place, whole."""
        ...

    def switch_latest(self) -> str | None:
        """Make a complete run the latest one; answers a sentence for the user where that failed."""
        ...

    def close(self) -> None:
        """Have what was written outlive a power cut. Closing twice is harmless."""
        ...


class RunDirectory:
    """One run's directory, with its results.jsonl open for rows. Made by `open`."""

    def __init__(self, path: Path, rows_fd: int, *, is_default_place: bool) -> None:
        self.path = path
        self.rows_written = 0
        self._rows_fd: int | None = rows_fd
        self._rows_size_bytes = _written_bytes(rows_fd)
        self._is_torn = False
        self._is_default_place = is_default_place

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """The run in the existing directory `path`, with results.jsonl made where it is not there yet.

        Raises CannotWriteError where no file can be made.
        """
        try:
            fd = os.open(path / RESULTS, os.O_RDWR | os.O_CREAT | os.O_APPEND | BINARY, OWNER_ALONE_FILE)
        except OSError as error:
            raise CannotWriteError(str(path / RESULTS), reason(error)) from error
        return cls(path, fd, is_default_place=path.parent == DEFAULT_PLACE)

    def cut(self, size_bytes: int) -> None:
        """Drop what comes after the first `size_bytes`; where nothing does, the file is not touched."""
        assert self._rows_fd is not None, "cut after close"
        if size_bytes < self._rows_size_bytes:
            try:
                os.ftruncate(self._rows_fd, size_bytes)
            except OSError as error:
                raise cannot_go_on(self.path / RESULTS, error) from error
            self._rows_size_bytes = size_bytes

    def rows_after(self, size_bytes: int) -> bytes:
        """What results.jsonl holds beyond its first `size_bytes`."""
        with open(self.path / RESULTS, "rb") as rows:
            rows.seek(size_bytes)
            return rows.read()

    @property
    def rows_end_at(self) -> int:
        """The byte where the last row ends."""
        return self._rows_size_bytes

    def write_row(self, row: bytes) -> int:
        """Write one encoded row, whole and unbuffered; the byte where it ends."""
        assert self._rows_fd is not None, "a row after close"
        try:
            self._mend(self._rows_fd)
            self._is_torn = True
            write_whole(self._rows_fd, row)
        except OSError as error:
            with suppress(OSError):
                self._mend(self._rows_fd)
            raise cannot_go_on(self.path / RESULTS, error) from error
        self._is_torn = False
        self._rows_size_bytes += len(row)
        self.rows_written += 1
        return self._rows_size_bytes

    def _mend(self, rows_fd: int) -> None:
        """Take back what is there of an unfinished row, or the next one would be spoilt by it."""
        if self._is_torn:
            os.ftruncate(rows_fd, self._rows_size_bytes)
            self._is_torn = False

    def sync(self) -> None:
        """Have the rows that were written outlive a power cut."""
        if self._rows_fd is None:
            return
        try:
            os.fsync(self._rows_fd)
        except OSError as error:
            raise cannot_go_on(self.path / RESULTS, error) from error

    def write_totals(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Put totals.jsonl in place: a reader sees the old file or the new one, never a part."""
        data = b"".join(json_text.encode_line(line) for line in lines)
        _replace_file(self.path / TOTALS, data)

    def write_run(self, facts: Mapping[str, object]) -> None:
        """Put run.json in place, indented for people."""
        _replace_file(self.path / RUN, json_text.encode_indented(facts))

    def switch_latest(self) -> str | None:
        """Point `fleetscan-runs/latest` at this run, if it lies there: to be called when the run is complete.

        Answers a sentence for the user where that failed: the run is as whole as it would be with the link.
        """
        if not self._is_default_place:
            return None
        link, new = self.path.parent / LATEST, self.path.parent / f".{LATEST}-{self.path.name}"
        try:
            new.symlink_to(self.path.name, target_is_directory=True)
            os.replace(new, link)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            return f"{link} could not be pointed at {self.path.name} ({reason(error)})"
        return None

    def close(self) -> None:
        """Flush results.jsonl to the disk itself and close it. Closing twice is harmless."""
        if self._rows_fd is None:
            return
        try:
            self.sync()
        finally:
            rows_fd, self._rows_fd = self._rows_fd, None
            try:
                os.close(rows_fd)
            except OSError as error:
                raise cannot_go_on(self.path / RESULTS, error) from error


def make_directory(out: str | None, now: datetime, scan_id: str) -> Path:
    """The empty directory `out`, or without one `fleetscan-runs/<UTC time>-<first 8 of the id>`.

    Raises what `refuse_used` raises, and CannotWriteError where it cannot be made.
    """
    default = DEFAULT_PLACE / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{scan_id[:8]}"
    path = default if out is None else Path(out)
    try:
        refuse_used(out)
        _make_directories(path)
    except FileExistsError as error:
        raise CannotWriteError(str(error.filename), "a file has that name") from error
    except OSError as error:
        raise CannotWriteError(str(path), reason(error)) from error
    return path


def refuse_used(out: str | None) -> None:
    """Raise RunExistsError where `--out` names a directory that holds a run: cheap, and worth asking early.

    Raises UsageError for an empty name, which is an unset variable and not the working directory.
    """
    if out is None or out == STDOUT:
        return
    if not out:
        raise UsageError("--out is empty; name a directory, or leave it out")
    if holds_run(Path(out)):
        raise RunExistsError(out)


def holds_run(path: Path) -> bool:
    """Whether any file of a run is in the directory `path`."""
    return any(os.path.lexists(path / name) for name in RUN_FILES)


def _make_directories(path: Path) -> None:
    """Make `path` and its missing parents, each for its owner alone; makedirs would only make the last so."""
    for directory in (*reversed(path.parents), path):
        directory.mkdir(OWNER_ALONE_DIRECTORY, exist_ok=True)


def _written_bytes(fd: int) -> int:
    """How long a file is without the zeros at its end: the place of what a power cut kept from the disk."""
    size_bytes = os.fstat(fd).st_size
    while size_bytes:
        start = max(0, size_bytes - BLOCK_BYTES)
        os.lseek(fd, start, os.SEEK_SET)
        if written := os.read(fd, size_bytes - start).rstrip(b"\0"):
            return start + len(written)
        size_bytes = start
    return 0


def _create_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | BINARY, OWNER_ALONE_FILE)


def _replace_file(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        fd = _create_file(new)
        try:
            write_whole(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(new, path)
    except OSError as error:
        # On a full disk what came of it would take the room that a resume needs.
        with suppress(OSError):
            new.unlink()
        raise cannot_go_on(path, error) from error
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    """Have the names in `path` outlive a power cut, where the file system knows how."""
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def cannot_go_on(path: Path, error: OSError) -> OutputError:
    """What to say where the file `path` of a run that has begun takes no more."""
    first = "make room" if error.errno in NO_ROOM else "mend that"
    return OutputError(str(path), reason(error), f"{first} and go on with --out {path.parent} --resume")
