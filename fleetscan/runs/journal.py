"""journal.jsonl, written: what a later process needs to go on where this one ends, however it ends.

Each line is one write at the moment it tells of, never buffered, so that a kill loses none; `sync` has them
outlive a power cut. Operation URLs are in it and no credentials: the URLs are useless without a token.
Machines are named by their place in the listing. `journal_reading` reads it back.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from fleetscan import json_text
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.errors import CannotWriteError, LockedError, OutputError
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Json, Target
from fleetscan.records.machine_row import counted
from fleetscan.records.row import CountedRow
from fleetscan.records.times import WallClock
from fleetscan.runs.directory import cannot_go_on
from fleetscan.runs.lock import try_lock
from fleetscan.runs.stdout_rows import write_whole

SCHEMA = "fleetscan.journal/1"
LISTED_AT_ONCE = 1000


class Journal(Protocol):
    """What a scan notes as it goes; `now` is in monotonic seconds. All raise OutputError where they fail."""

    def begun(self, facts: Mapping[str, Json]) -> None:
        """A process sets to work; `facts` say whose and what it scans.

        Raises CannotWriteError where this is a run's first line, and not even that can be written.
        """
        ...

    def listed(self, fleet: Fleet) -> None:
        """The whole fleet, and what of it could not be listed."""
        ...

    def starting(self, number: int, now: float) -> None:
        """A start is about to be sent."""
        ...

    def not_taken(self, number: int) -> None:
        """Azure cannot have taken the start that was sent last."""
        ...

    def accepted(self, number: int, posted_at: float, now: float, urls: OperationUrls) -> None:
        """Azure accepted the start that was sent at `posted_at`."""
        ...

    def moved(self, number: int, urls: OperationUrls) -> None:
        """The operation is followed under other URLs from now on."""
        ...

    def ended(self, number: int, row_ends_at: int, row: CountedRow) -> None:
        """The machine's row is in results.jsonl, up to the byte `row_ends_at`."""
        ...

    def row_lost(self, number: int) -> None:
        """The machine's row, told of before, is not in results.jsonl: a power cut took it."""
        ...

    def counted(self, requests: Mapping[str, object], now: float) -> None:
        """How many requests this process has sent so far."""
        ...

    def sync(self) -> None:
        """Have all that was written outlive a power cut."""
        ...

    def close(self) -> None:
        """Let the directory go to whoever comes next. Closing twice is harmless."""
        ...


class JournalFile:
    """The journal of one run directory, locked as long as it is open. Made by `create` or `reopen`."""

    def __init__(self, path: Path, fd: int, clock: WallClock) -> None:
        self._path = path
        self._fd: int | None = fd
        self._clock = clock
        self._size_bytes = os.fstat(fd).st_size
        # Of the line or the flush that failed; it has been told.
        self._failure: OutputError | None = None

    @classmethod
    def create(cls, path: Path, clock: WallClock) -> JournalFile:
        """A new journal at `path`; raises OSError where it cannot be made, FileExistsError where one is."""
        return cls._open(path, clock, os.O_CREAT | os.O_EXCL)

    @classmethod
    def reopen(cls, path: Path, clock: WallClock) -> JournalFile:
        """The journal of an earlier process; raises LockedError where that one still runs, and OSError."""
        return cls._open(path, clock, 0)

    @classmethod
    def _open(cls, path: Path, clock: WallClock, how: int) -> JournalFile:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0) | how, 0o600)
        try:
            if not try_lock(fd):
                raise LockedError(str(path.parent), holder_of(path))
            return cls(path, fd, clock)
        except BaseException:
            os.close(fd)
            raise

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def cut(self, size_bytes: int) -> None:
        """Drop what comes after the first `size_bytes`: the line that a dying process did not finish.

        A whole file is not touched: to cut nothing off would still make it look newly written.
        """
        assert self._fd is not None
        if size_bytes < self._size_bytes:
            try:
                os.ftruncate(self._fd, size_bytes)
            except OSError as error:
                raise self._failed(error) from error
            self._size_bytes = size_bytes

    def begun(self, facts: Mapping[str, Json]) -> None:
        where: dict[str, Json] = {"pid": os.getpid(), "host": socket.gethostname()}
        at = self._epoch(self._clock.monotonic)
        is_first = not self._size_bytes
        try:
            self._write({"event": "begun", "schema": SCHEMA, "at": at, **where, **facts})
            self.sync()
        except OutputError as error:
            if is_first:
                raise CannotWriteError(error.path, error.why) from error
            raise

    def listed(self, fleet: Fleet) -> None:
        targets = fleet.targets
        for first in range(0, len(targets), LISTED_AT_ONCE):
            self._write_lines(map(_listed, targets[first : first + LISTED_AT_ONCE]))
        errors: list[Json] = [asdict(error) for error in fleet.errors]
        self._write({"event": "listing", "machines": len(targets), "errors": errors, "scope": fleet.scope})
        self.sync()

    def starting(self, number: int, now: float) -> None:
        self._write({"event": "starting", "vm": number, "at": self._epoch(now)})

    def not_taken(self, number: int) -> None:
        self._write({"event": "not_taken", "vm": number})

    def accepted(self, number: int, posted_at: float, now: float, urls: OperationUrls) -> None:
        times: dict[str, Json] = {"posted_at": self._epoch(posted_at), "at": self._epoch(now)}
        self._write({"event": "accepted", "vm": number, **times, **urls.as_json()})

    def moved(self, number: int, urls: OperationUrls) -> None:
        self._write({"event": "moved", "vm": number, **urls.as_json()})

    def ended(self, number: int, row_ends_at: int, row: CountedRow) -> None:
        self._write({"event": "ended", "vm": number, "row_ends_at": row_ends_at, "row": counted(row)})

    def row_lost(self, number: int) -> None:
        self._write({"event": "row_lost", "vm": number})

    def counted(self, requests: Mapping[str, object], now: float) -> None:
        # After a failure the count alone is lost, and the totals are still to be written.
        if self._failure is None:
            self._write({"event": "counted", "at": self._epoch(now), "requests": requests})

    def sync(self) -> None:
        try:
            if self._fd is not None:
                os.fsync(self._fd)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            try:
                os.close(fd)
            except OSError as error:
                if self._failure is None:
                    raise self._failed(error) from error

    def _epoch(self, now: float) -> float:
        return round(self._clock.epoch(now), 3)

    def _write(self, line: Mapping[str, object]) -> None:
        self._write_lines([json_text.encode_line(line)])

    def _write_lines(self, lines: Iterable[bytes]) -> None:
        """Whole lines or none: a write that cannot be finished is taken back.

        After one that failed there are no more: they would hide that it is missing, and what of it could not
        be taken back would spoil the next.
        """
        assert self._fd is not None, "a line after close"
        if self._failure is not None:
            raise self._failure
        data = b"".join(lines)
        try:
            write_whole(self._fd, data)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size_bytes)
            raise self._failed(error) from error
        self._size_bytes += len(data)

    def _failed(self, error: OSError) -> OutputError:
        self._failure = cannot_go_on(self._path, error)
        return self._failure


class NoJournal:
    """Notes nothing: with `--out -` there is no directory to go on in."""

    def begun(self, facts: Mapping[str, Json]) -> None: ...
    def listed(self, fleet: Fleet) -> None: ...
    def starting(self, number: int, now: float) -> None: ...
    def not_taken(self, number: int) -> None: ...
    def accepted(self, number: int, posted_at: float, now: float, urls: OperationUrls) -> None: ...
    def moved(self, number: int, urls: OperationUrls) -> None: ...
    def ended(self, number: int, row_ends_at: int, row: CountedRow) -> None: ...
    def row_lost(self, number: int) -> None: ...
    def counted(self, requests: Mapping[str, object], now: float) -> None: ...
    def sync(self) -> None: ...
    def close(self) -> None: ...


def _listed(target: Target) -> bytes:
    facts = {name: getattr(target, name) for name in Target.__slots__}
    return json_text.encode_line({"event": "listed", **facts})


def holder_of(path: Path) -> str:
    """Who the journal at `path` says is at work, in words."""
    holder = "another scan"
    with suppress(OSError, ValueError), open(path, "rb") as lines:
        for line in lines:
            if line.startswith(b'{"event":"begun"'):
                match json_text.parse(line):
                    case {"pid": int(pid), "host": str(host)}:
                        holder = f"process {pid} on {host}"
    return holder
