"""Reading what may block for ever, such as an input without a writer, in a way that a stop can interrupt."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

from fleetscan.errors import StoppedError

T = TypeVar("T")


async def unless_stopped(read: Callable[[], T], stop: anyio.Event, deadline_at: float | None = None) -> T:
    """What `read` returns or raises; StoppedError when `stop` is set, or it is `deadline_at`, first.

    The thread that reads is a daemon: if it is still reading, it does not keep the process alive.
    """
    reading = _Reading(read, anyio.lowlevel.current_token())
    threading.Thread(target=reading.run, daemon=True).start()
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(_cancel_when, stop, deadline_at, waiting.cancel_scope)
        await reading.done.wait()
        waiting.cancel_scope.cancel()
    if not reading.done.is_set():
        raise StoppedError("stopped while reading")
    if reading.error is not None:
        raise reading.error
    return reading.result


async def awaited_unless_stopped(
    ask: Callable[[], Awaitable[T]], stop: anyio.Event, deadline_at: float | None = None
) -> T:
    """What `ask` returns or raises; StoppedError when `stop` is set, or it is `deadline_at`, first."""
    results: list[T] = []
    failures: list[Exception] = []
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(_cancel_when, stop, deadline_at, waiting.cancel_scope)
        try:
            results.append(await ask())
        except Exception as error:  # noqa: BLE001 - raised again outside the group
            failures.append(error)
        waiting.cancel_scope.cancel()
    if failures:
        raise failures[0]
    if not results:
        raise StoppedError("stopped while waiting")
    return results[0]


async def in_thread(call: Callable[[], T]) -> T:
    """What `call` returns or raises, from a thread of its own that is gone when this returns.

    It is waited for even where the scan is cancelled: what it writes to must not be closed under it.
    """
    reading = _Reading(call, anyio.lowlevel.current_token())
    thread = threading.Thread(target=reading.run, daemon=True)
    thread.start()
    with anyio.CancelScope(shield=True):
        await reading.done.wait()
    thread.join()
    if reading.error is not None:
        raise reading.error
    return reading.result


async def _cancel_when(stop: anyio.Event, deadline_at: float | None, scope: anyio.CancelScope) -> None:
    with anyio.move_on_after(None if deadline_at is None else deadline_at - time.monotonic()):
        await stop.wait()
    scope.cancel()


class _Reading(Generic[T]):
    """One call in a thread, and what came of it once `done` is set."""

    result: T

    def __init__(self, read: Callable[[], T], loop: anyio.lowlevel.EventLoopToken) -> None:
        self._read = read
        self._loop = loop
        self.done = anyio.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        """Call, and report to the event loop, unless it has ended meanwhile."""
        try:
            self.result = self._read()
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self.error = error
        try:
            anyio.from_thread.run_sync(self.done.set, token=self._loop)
        except RuntimeError:
            return
