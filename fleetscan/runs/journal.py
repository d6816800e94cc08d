"""journal.jsonl on disk: written event by event, locked by its writer, and read back as a story.

Each line is one write at the moment it tells of, never buffered, so that a kill loses none; `sync` has them
outlive a power cut. What the events are is declared in `records.journal`, how a line vouches for those
before it in `chain`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from fleetscan import json_text
from fleetscan.errors import (
    OTHER_VERSION,
    CannotResumeError,
    CannotWriteError,
    LockedError,
    OutputError,
)
from fleetscan.model import Json
from fleetscan.records.journal import SCHEMA, Event, ProcessBegan, as_json, event_of, story_of
from fleetscan.records.story import Story
from fleetscan.runs import chain, disk
from fleetscan.runs.disk import cannot_go_on, reason
from fleetscan.runs.lock import is_locked, try_lock
from fleetscan.runs.opening import open_to_append, open_to_read

# It names the subscriptions that were asked for: 40 bytes each.
LONGEST_FIRST_LINE_BYTES = 16 * 1024 * 1024


class Journal(Protocol):
    """Where a scan notes what happens as it goes. All methods raise OutputError where they fail."""

    def write(self, *events: Event) -> None:
        """Note `events`, all or none of them."""
        ...

    def sync(self) -> None:
        """Have all that was written outlive a power cut."""
        ...

    def close(self) -> None:
        """Let the directory go to the next process. Closing twice is harmless."""
        ...


class NoJournal:
    """Notes nothing: a scan without a directory cannot be resumed."""

    def write(self, *events: Event) -> None: ...
    def sync(self) -> None: ...
    def close(self) -> None: ...


class JournalFile:
    """The journal of one run directory, locked as long as it is open. Made by `create` or `reopen`.

    `failure` is the OutputError of the line or the flush that failed, None as long as all went well.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.failure: OutputError | None = None
        self._fd: int | None = fd
        self._size_bytes = os.fstat(fd).st_size
        self._last_crc = chain.NOTHING_BEFORE

    @classmethod
    def create(cls, path: Path) -> JournalFile:
        """A new journal at `path`; raises OSError where it cannot be made, FileExistsError where one is."""
        return cls._open(path, os.O_CREAT | os.O_EXCL)

    @classmethod
    def reopen(cls, path: Path) -> JournalFile:
        """The journal of an earlier process; raises LockedError where that one still runs, and OSError."""
        return cls._open(path, 0)

    @classmethod
    def _open(cls, path: Path, how: int) -> JournalFile:
        fd = open_to_append(path, how)
        try:
            if not try_lock(fd):
                raise LockedError(str(path.parent), holder_of(path))
            return cls(path, fd)
        except BaseException:
            os.close(fd)
            raise

    @property
    def is_empty(self) -> bool:
        """Whether no line is in it."""
        return not self._size_bytes

    def go_on(self, size_bytes: int, last_crc: int) -> None:
        """Go on after the first `size_bytes`, whose last line has the checksum `last_crc`.

        What comes after them is dropped: the line that a dying process did not finish. A whole file is not
        touched: to cut nothing off would still make it look newly written.
        """
        assert self._fd is not None
        self._last_crc = last_crc
        if size_bytes < self._size_bytes:
            try:
                os.ftruncate(self._fd, size_bytes)
            except OSError as error:
                raise self._failed(error) from error
            self._size_bytes = size_bytes

    def write(self, *events: Event) -> None:
        """Whole lines or none: a write that cannot be finished is taken back.

        After one that failed there are no more: they would hide that it is missing, and what of it could not
        be taken back would spoil the next.
        """
        assert self._fd is not None, "a line after close"
        if self.failure is not None:
            raise self.failure
        data, crc = self._sealed(events)
        try:
            disk.write_whole(self._fd, data)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size_bytes)
            raise self._failed(error) from error
        self._size_bytes += len(data)
        self._last_crc = crc

    def _sealed(self, events: Iterable[Event]) -> tuple[bytes, int]:
        """The lines of `events`, and the checksum of the last."""
        lines, crc = [], self._last_crc
        for event in events:
            line, crc = chain.seal(json_text.encode(as_json(event)), crc)
            lines.append(line)
        return b"".join(lines), crc

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
                if self.failure is None:
                    raise self._failed(error) from error

    def _failed(self, error: OSError) -> OutputError:
        self.failure = cannot_go_on(self.path, error)
        return self.failure


def read_journal(path: Path) -> Story | None:
    """The story that the journal at `path` tells, None where it has no whole line.

    Only a last line may be torn. Raises CannotResumeError for any other that is no event, or is not the one
    that was written there, and OSError.
    """
    story: Story | None = None
    crc = chain.NOTHING_BEFORE
    with open_to_read(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                told = json_text.parse(line)
                _refuse_other_schema(told, path)
                crc = chain.check(line, crc)
                event = event_of(told)
                story = story_of(event) if story is None else story
                event.tell(story)
            except ValueError as error:
                why = f"line {number} of its journal cannot be read, or is not what was written there"
                raise CannotResumeError(str(path.parent), why) from error
            story.size_bytes += len(line)
            story.last_crc = crc
    if story is not None:
        story.leave()
    return story


def is_held(path: Path) -> bool:
    """Whether a live process is at work with the journal at `path`; one that cannot be opened has none.

    Raises CannotWriteError where the file system does not say.
    """
    try:
        file = open_to_read(path)
    except OSError:
        return False
    with file:
        try:
            return is_locked(file.fileno())
        except OSError as error:
            raise CannotWriteError(str(path), reason(error)) from error


def first_event(path: Path) -> ProcessBegan | None:
    """How the run began, by the first line of the journal at `path`; None where that does not tell it."""
    try:
        with open_to_read(path) as lines:
            event = event_of(json_text.parse(lines.readline(LONGEST_FIRST_LINE_BYTES)))
    except (OSError, ValueError):
        return None
    return event if isinstance(event, ProcessBegan) else None


def _refuse_other_schema(told: Json, path: Path) -> None:
    match told:
        case {"event": ProcessBegan.word, "schema": str(schema)} if schema != SCHEMA:
            raise CannotResumeError(str(path.parent), f"its journal is {schema}, not {SCHEMA}", OTHER_VERSION)


def holder_of(path: Path) -> str:
    """Who the journal at `path` says is at work, in words."""
    holder = "another scan"
    with suppress(OSError, ValueError), open_to_read(path) as lines:
        for line in lines:
            if line.startswith(b'{"event":"begun"'):
                match json_text.parse(line):
                    case {"pid": int(pid), "host": str(host)}:
                        holder = f"process {pid} on {host}"
    return holder
