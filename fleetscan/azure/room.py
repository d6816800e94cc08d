"""The memory that all large replies of a transport share, however many requests are in flight.

A reply takes room as it grows and gives it back as a whole. Where none is left the others wait, and the reply
that has been in the room longest goes on growing within its own bound: so that one always ends.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import anyio


class Place:
    """What one reply takes of a room, given back at the end of the `with` block."""

    __slots__ = ("_came", "_room", "taken_bytes", "wanted_bytes")

    _came: anyio.Event

    def __init__(self, room: Room) -> None:
        self._room = room
        self.taken_bytes = self.wanted_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.taken_bytes or self.wanted_bytes:
            self._room.leave(self)

    def grow(self, size_bytes: int) -> bool:
        """Take room up to `size_bytes` in all; False where `came` has to be waited for."""
        self.wanted_bytes = size_bytes - self.taken_bytes
        if self._room.has_given(self):
            return True
        self._came = anyio.Event()
        return False

    async def came(self) -> None:
        """Return once what is wanted has been given."""
        await self._came.wait()

    def take(self) -> int:
        """Note what is wanted as taken, and return how much that is."""
        given, self.wanted_bytes = self.wanted_bytes, 0
        self.taken_bytes += given
        return given

    def admit(self) -> None:
        """Let it go on."""
        self._came.set()


class Room:
    """`size_bytes` for replies. Those that have to wait go on in the order in which they asked."""

    __slots__ = ("_free_bytes", "_inside", "_waiting")

    def __init__(self, size_bytes: int) -> None:
        self._free_bytes = size_bytes
        # Each in the order in which it came; the values mean nothing.
        self._inside: dict[Place, None] = {}
        self._waiting: dict[Place, None] = {}

    def has_given(self, place: Place) -> bool:
        """Give `place` what it wants, or let it wait."""
        self._inside.setdefault(place)
        is_first = next(iter(self._inside)) is place
        if is_first or (not self._waiting and place.wanted_bytes <= self._free_bytes):
            self._free_bytes -= place.take()
            return True
        self._waiting[place] = None
        return False

    def leave(self, place: Place) -> None:
        """Take back all that `place` has, and let others go on."""
        self._inside.pop(place)
        self._waiting.pop(place, None)
        self._free_bytes += place.taken_bytes
        while (following := self._following()) is not None:
            del self._waiting[following]
            self._free_bytes -= following.take()
            following.admit()

    def _following(self) -> Place | None:
        """The next that may go on: the one that has been here longest, or one for which there is room."""
        if not self._waiting:
            return None
        longest, first = next(iter(self._inside)), next(iter(self._waiting))
        if longest in self._waiting:
            return longest
        return first if first.wanted_bytes <= self._free_bytes else None
