"""Whole scans in virtual time: the product's own awaits over the simulated Azure, minutes in milliseconds.

Time passes only where everybody waits for it, so that a seed is one history. A request reaches Azure in the
moment it is exchanged, before anything can call it back; its reply takes a while.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar
from unittest import mock

import anyio

from fleetscan.model import Reply, Request
from fleetscan.scanner import listing, run
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from tests.virtual import EPOCH

P = ParamSpec("P")
T = TypeVar("T")
REPLY_S = 0.05
FSYNC = os.fsync


class Clock:
    """Monotonic seconds that go on when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SkippingSelector(selectors.DefaultSelector):
    """Waits by letting the clock go on."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits for what never comes"
        self._clock.now += max(timeout, 0.0)
        return super().select(0)


class Transport:
    """The simulated Azure at the end of a line on which a reply takes 50 ms."""

    def __init__(self, cloud: Cloud, clock: Clock) -> None:
        self._cloud = cloud
        self._clock = clock

    async def exchange(self, request: Request) -> Reply:
        reply = self._cloud.handle(request, self._clock.now)
        await anyio.sleep(REPLY_S)
        return reply


def scan_in_virtual_time(cloud: Cloud, clock: Clock, settings: Settings) -> ScanSummary:
    """One process's scan of `cloud`, which begins at the clock's moment and leaves it at its end."""

    async def job() -> ScanSummary:
        return await scan_over(Transport(cloud, clock), settings)

    with virtual(clock):
        return run_to_end(job(), clock)


def run_to_end(job: Coroutine[Any, Any, T], clock: Clock) -> T:
    """What `job` returns, on a loop of its own that sleeps no real second."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(SkippingSelector(clock))) as runner:
        return runner.run(job)


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """An async test as one that waits no real second; the clock reads 0.0 when it begins."""

    @functools.wraps(test)
    def play(*args: P.args, **kwargs: P.kwargs) -> None:
        clock = Clock()
        with virtual(clock):
            run_to_end(test(*args, **kwargs), clock)

    return play


@contextmanager
def virtual(clock: Clock) -> Iterator[None]:
    """Have the clocks read `clock`, chance come from a seed, and threads be no faster than the loop.

    No power is cut, and a flush would take real time; a disk of a test's own (tests/disk_faults.py) is asked.
    """

    class Day(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Day:
            return cls.fromtimestamp((EPOCH + timedelta(seconds=clock.now)).timestamp(), tz)

    async def at_once(call: Callable[[], T]) -> T:
        return call()

    async def read_at_once(read: Callable[[], T], *_: object) -> T:
        return read()

    def unflushed(fd: int) -> None:
        """Raises OSError where no file is open, as a flush does."""
        os.fstat(fd)

    waits: Callable[..., Awaitable[Any]] = at_once
    reads: Callable[..., Awaitable[Any]] = read_at_once
    with (
        mock.patch("time.monotonic", clock),
        mock.patch("os.fsync", unflushed if os.fsync is FSYNC else os.fsync),
        mock.patch.object(run, "datetime", Day),
        mock.patch.object(run, "random", SimpleNamespace(Random=lambda: random.Random(1))),
        mock.patch.object(run, "in_thread", waits),
        mock.patch.object(listing, "unless_stopped", reads),
    ):
        yield
