"""The files of a run while it is written: results.jsonl row by row, totals.jsonl and run.json whole.

All are for their owner alone. There is never half a row: a write that cannot be finished is taken back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from fleetscan import json_text
from fleetscan.errors import CannotWriteError
from fleetscan.runs import disk
from fleetscan.runs.directory import RESULTS, RUN, TOTALS
from fleetscan.runs.disk import cannot_go_on, reason
from fleetscan.runs.opening import open_to_append


class Output(Protocol):
    """Where a scan's rows and sums go. Each method raises OutputError where no more can be written."""

    rows_written: int

    @property
    def path(self) -> Path | None:
        """The directory, or None where there is none."""
        ...

    @property
    def rows_end_at(self) -> int:
        """The byte where the last row ends."""
        ...

    def write_row(self, row: bytes) -> None:
        """Put one encoded row where a crash of this process cannot lose it."""
        ...

    def sync(self) -> None:
        """Have the rows that were written outlive a power cut."""
        ...

    def write_totals(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Put the lines of totals.jsonl in place, all or none."""
        ...

    def drop_totals(self) -> None:
        """Take away the sums of a process before this one: they are out of date from its first row on."""
        ...

    def write_run(self, facts: Mapping[str, object]) -> None:
        """Put run.json in place, whole."""
        ...

    def close(self) -> None:
        """Have what was written outlive a power cut. Closing twice is harmless."""
        ...


class NoFiles:
    """Keeps nothing: the caller gets the rows, and there is nothing to resume."""

    rows_end_at = 0

    def __init__(self) -> None:
        self.path: Path | None = None
        self.rows_written = 0

    def write_row(self, row: bytes) -> None:
        self.rows_written += 1

    def sync(self) -> None: ...
    def write_totals(self, lines: Iterable[Mapping[str, object]]) -> None: ...
    def drop_totals(self) -> None: ...
    def write_run(self, facts: Mapping[str, object]) -> None: ...
    def close(self) -> None: ...


class RunFiles:
    """One run's files, with its results.jsonl open for rows. Made by `open`."""

    def __init__(self, path: Path, rows_fd: int) -> None:
        self.path = path
        self.rows_written = 0
        self._rows_fd: int | None = rows_fd
        self._rows_size_bytes = disk.written_bytes(rows_fd)
        self._is_torn = False

    @classmethod
    def open(cls, path: Path) -> RunFiles:
        """The run in the existing directory `path`, with results.jsonl made where it is not there yet.

        Raises CannotWriteError where no file can be made.
        """
        try:
            fd = open_to_append(path / RESULTS, os.O_CREAT)
        except OSError as error:
            raise CannotWriteError(str(path / RESULTS), reason(error)) from error
        return cls(path, fd)

    def cut(self, size_bytes: int) -> None:
        """Drop what comes after the first `size_bytes`; where nothing does, the file is not touched."""
        assert self._rows_fd is not None, "cut after close"
        try:
            # The zeros that a power cut left at the end are no rows, and are cut too.
            if size_bytes < os.fstat(self._rows_fd).st_size:
                os.ftruncate(self._rows_fd, size_bytes)
        except OSError as error:
            raise cannot_go_on(self.path / RESULTS, error) from error
        self._rows_size_bytes = size_bytes

    @property
    def rows_end_at(self) -> int:
        """The byte where the last row ends."""
        return self._rows_size_bytes

    def write_row(self, row: bytes) -> None:
        """Write one encoded row, whole and unbuffered."""
        assert self._rows_fd is not None, "a row after close"
        try:
            self._mend(self._rows_fd)
            self._is_torn = True
            disk.write_whole(self._rows_fd, row)
        except OSError as error:
            with suppress(OSError):
                self._mend(self._rows_fd)
            raise cannot_go_on(self.path / RESULTS, error) from error
        self._is_torn = False
        self._rows_size_bytes += len(row)
        self.rows_written += 1

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
        disk.replace_file(self.path / TOTALS, b"".join(map(json_text.encode_line, lines)))

    def drop_totals(self) -> None:
        """Remove totals.jsonl, where there is one."""
        try:
            (self.path / TOTALS).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_go_on(self.path / TOTALS, error) from error

    def write_run(self, facts: Mapping[str, object]) -> None:
        """Put run.json in place, indented for people."""
        disk.replace_file(self.path / RUN, json_text.encode_indented(facts))

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
