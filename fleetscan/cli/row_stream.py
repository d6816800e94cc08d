"""Rows on standard output, written by a thread: a reader that takes none slows a scan down, and no more.

Some rows wait for the thread, then the scan waits. Once a stopped scan has ended, the reader has a moment to
take what is left.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from contextlib import suppress

import anyio

from fleetscan import json_text
from fleetscan.cli.standard_streams import write_whole
from fleetscan.errors import CannotScanError, FleetscanError, OutputError, Remedy
from fleetscan.records.row import Row
from fleetscan.runs.disk import reason
from fleetscan.scanner.live import LiveScan

STDOUT = 1
# Beside the rows that wait in the scan; one with a long list of patches has some 100 kB.
ROOM_ROWS = 64
# What a reader is given to take the last rows of a scan that was stopped.
LAST_ROWS_S = 2.0


async def stream_rows(live: LiveScan, stop: anyio.Event, fd: int = STDOUT) -> None:
    """Write each row as it comes, to the last; raises OutputError where that cannot be done any more.

    What ended the scan early is not raised here: it is told with the summary.
    """
    rows = RowWriter(fd)
    is_terminal = os.isatty(fd)
    patience = anyio.CancelScope()
    async with anyio.create_task_group() as beside:
        beside.start_soon(_lose_patience, live, stop, patience)
        with patience:
            while (row := await _next(live)) is not None:
                await rows.put(line_of(row, is_terminal=is_terminal))
            await rows.finish()
        beside.cancel_scope.cancel()
    if patience.cancel_called:
        raise _lost("its reader does not take the last rows")


def refuse_closed(fd: int = STDOUT) -> None:
    """Raise CannotScanError where no row could be written: before a scan starts assessments in vain."""
    try:
        os.write(fd, b"")
    except OSError as error:
        raise CannotScanError(f"cannot write to standard output: {error.strerror}") from error


def line_of(row: Row, *, is_terminal: bool) -> bytes:
    """A row as a line. On a terminal it is in ASCII, the same row to a parser: no character commands it."""
    return json_text.encode_ascii(row).encode() + b"\n" if is_terminal else json_text.encode_line(row)


class RowWriter:
    """Lines for `fd`, in their order. Made and used in an event loop; the thread is a daemon."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: deque[bytes] = deque()
        self._error: OSError | None = None
        self._has_lines = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._changed = anyio.Event()
        threading.Thread(target=self._work, name="fleetscan-rows", daemon=True).start()

    async def put(self, line: bytes) -> None:
        """Leave a line to the thread once there is room; raises OutputError where an earlier one failed."""
        await self._until_at_most(ROOM_ROWS - 1)
        with self._has_lines:
            self._lines.append(line)
            self._has_lines.notify()

    async def finish(self) -> None:
        """Return once every line is written; raises OutputError where one failed."""
        await self._until_at_most(0)

    async def _until_at_most(self, lines: int) -> None:
        while len(self._lines) > lines and self._error is None:
            self._changed = anyio.Event()
            await self._changed.wait()
        if isinstance(self._error, BrokenPipeError):
            raise _lost("its reader went away") from self._error
        if self._error is not None:
            raise _lost(reason(self._error)) from self._error

    def _work(self) -> None:
        while self._error is None:
            with self._has_lines:
                self._has_lines.wait_for(lambda: bool(self._lines))
                line = self._lines[0]
            try:
                write_whole(self._fd, line)
            except OSError as error:
                self._error = error
            else:
                # It counts as waiting until it is written.
                self._lines.popleft()
            # A loop that has closed meanwhile waits for nothing.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._changed.set()


async def _next(live: LiveScan) -> Row | None:
    """The next row, None after the last."""
    with suppress(FleetscanError):
        return await anext(live, None)
    return None


async def _lose_patience(live: LiveScan, stop: anyio.Event, patience: anyio.CancelScope) -> None:
    """Cancel `patience` a moment after the scan's end where it was stopped, by a person or by itself."""
    await live.ended()
    if not live.is_stopped:
        await stop.wait()
    await anyio.sleep(LAST_ROWS_S)
    patience.cancel()


def _lost(why: str) -> OutputError:
    return OutputError("stdout", why, Remedy("use {out} DIR to keep every row", {"out": None}))
