"""The rows between a scan and its caller: put without waiting, taken one by one, never too many."""

from __future__ import annotations

from collections import deque

import anyio

from fleetscan.records.row import Row

# A row with a list of twenty patches has some 15 kB, and in memory up to twenty times that.
ROOM = 256
ROOM_BYTES = 4 * 1024 * 1024


class RowBuffer:
    """Rows in the order in which VMs ended. Nothing is lost: a full buffer keeps requests from being sent."""

    def __init__(self) -> None:
        self.is_closed = False
        # Each with the size of its line.
        self._rows: deque[tuple[Row, int]] = deque()
        self._size_bytes = 0
        self._is_dropping = False
        self._has_come = anyio.Event()
        self._has_room = anyio.Event()
        self._closed = anyio.Event()

    @classmethod
    def dropping(cls) -> RowBuffer:
        """A buffer whose rows are not wanted."""
        buffer = cls()
        buffer.drop()
        return buffer

    @property
    def is_full(self) -> bool:
        """Whether enough rows wait for the caller."""
        return len(self._rows) >= ROOM or self._size_bytes >= ROOM_BYTES

    def put(self, row: Row, size_bytes: int) -> None:
        """Hand over a row whose line has that size; it never waits."""
        if not self._is_dropping:
            self._rows.append((row, size_bytes))
            self._size_bytes += size_bytes
            self._has_come.set()

    async def room(self) -> None:
        """Return once the buffer is not full."""
        while self.is_full:
            # One event for all that wait.
            if self._has_room.is_set():
                self._has_room = anyio.Event()
            await self._has_room.wait()

    async def get(self) -> Row | None:
        """The next row as soon as there is one; None after the last."""
        while not self._rows and not self.is_closed:
            self._has_come = anyio.Event()
            await self._has_come.wait()
        if not self._rows:
            return None
        row, size_bytes = self._rows.popleft()
        self._size_bytes -= size_bytes
        self._has_room.set()
        return row

    def drop(self) -> None:
        """Let go of the rows that wait, and of those to come."""
        self._is_dropping = True
        self._rows.clear()
        self._size_bytes = 0
        self._has_room.set()

    def close(self) -> None:
        """Say that no more rows come."""
        self.is_closed = True
        self._has_come.set()
        self._closed.set()

    async def closed(self) -> None:
        """Return once no more rows come."""
        await self._closed.wait()
