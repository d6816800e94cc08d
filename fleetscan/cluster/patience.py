"""How long a scan waits for what has to be there before its first shard: the scheduler, and a worker.

A stop and the deadline end that wait, as they end a scan.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from fleetscan.errors import mendable
from fleetscan.scanner.listing import stopped_early

T = TypeVar("T")


class Patience:
    """Waits until `stop` is set, and no longer than `deadline_s` from now on."""

    def __init__(self, stop: anyio.Event, deadline_s: float | None) -> None:
        self._stop = stop
        self._until = None if deadline_s is None else time.monotonic() + deadline_s

    @property
    def left_s(self) -> float | None:
        """How much longer until the deadline, 0 after it; None without one."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    async def until(self, wait: Callable[[], Awaitable[T]]) -> T:
        """What `wait` returns; raises what it raises, and StoppedError where something ends it first."""
        found: list[T] = []
        try:
            with anyio.move_on_after(self.left_s):
                async with anyio.create_task_group() as both:
                    both.start_soon(self._waited, wait, found, both.cancel_scope)
                    await self._stop.wait()
                    both.cancel_scope.cancel()
        except ExceptionGroup as group:
            raise mendable(group) from None
        if not found:
            raise stopped_early(is_told=self._stop.is_set())
        return found[0]

    @staticmethod
    async def _waited(wait: Callable[[], Awaitable[T]], found: list[T], both: anyio.CancelScope) -> None:
        found.append(await wait())
        both.cancel()
