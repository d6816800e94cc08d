"""Workers over the broker: a free one asks it for the next step, sends its request and gives the reply back.

It decides nothing about Azure. One free worker at a time waits at the broker for a step to come due; the
others queue behind it, so that no worker wakes without work.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import anyio

from fleetscan.engine.queues import NEVER, Step
from fleetscan.engine.scheduler import Finished, WaitUntil
from fleetscan.errors import FleetscanError, Remedy, StoppedError
from fleetscan.model import Job, Reply, Request, RequestKind
from fleetscan.scanner.broker import Broker
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.row_buffer import RowBuffer

# What a scan waits to do, by the request that may be sent first; completes "waiting 12 s ...".
WAITS: Mapping[RequestKind | None, str] = {
    RequestKind.START: "to start the next VM",
    RequestKind.POLL: "to poll running assessments",
    RequestKind.RESULT: "to fetch results",
    RequestKind.VIEW: "to check VMs whose assessment cannot be polled",
    RequestKind.QUERY_PATCHES: "to query Resource Graph",
    RequestKind.LIST_SUBSCRIPTIONS: "to list subscriptions",
    RequestKind.QUERY_GRAPH: "to query Resource Graph",
    RequestKind.LIST_VMS: "to list VMs",
    RequestKind.LIST_SERVERS: "to list Arc servers",
    RequestKind.READ_ACCESS: "to read permissions",
}

MORE_TIME = Remedy("allow more time: {deadline_s}", {"deadline_s": None})
# What may become a large row.
LARGE_BYTES = 64 * 1024


class Exchanger(Protocol):
    """Sends one request and returns the reply; a 401 is returned after the token has been renewed."""

    async def exchange(self, request: Request) -> Reply:
        """One HTTP exchange; see `azure.transport.Transport.exchange`."""
        ...


@dataclass(slots=True)
class Halt:
    """How work stops early: by itself at `deadline_at`, and within `drain_s` for what runs at Azure.

    None as `drain_s` says that nothing runs there whose results could be collected: it stops at once. It may
    be set while the work goes on, once something is about to run there.
    """

    drain_s: float | None = None
    deadline_at: float | None = None


class Dispatcher:
    """Exchanges every step of `broker` over `transport`, at most `max_in_flight` at a time.

    `clock` reads monotonic seconds. While `rows` is full nothing is sent.
    """

    def __init__(
        self,
        broker: Broker,
        transport: Exchanger,
        *,
        max_in_flight: int,
        clock: Callable[[], float],
        hooks: Hooks,
        rows: RowBuffer | None = None,
    ) -> None:
        self._broker = broker
        self._transport = transport
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._hooks = hooks
        self._rows = RowBuffer.dropping() if rows is None else rows
        self._turn = anyio.Lock(fast_acquire=True)
        # Set when the worker in front has to ask the broker again before `_waits_until`.
        self._changed = anyio.Event()
        self._waits_until = NEVER
        # After a stop: steps that are due later than this are not waited for. One stop holds for all runs.
        self._until = NEVER
        self._stopped_by: FleetscanError | None = None
        self._aside_scope = anyio.CancelScope()
        # Of the work that goes on: the workers there are and could be, and whether something adds jobs to it.
        self._employ: Callable[[], object]
        self._useful = self._workers = 0
        self._is_fed = False

    async def run(
        self,
        jobs: Iterable[Job],
        stop: anyio.Event,
        halt: Halt | None = None,
        beside: Callable[[], Awaitable[None]] | None = None,
        aside: Callable[[], Job | None] | None = None,
        feed: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Take the jobs in and return when all have finished; `beside` runs meanwhile.

        So does the job that `aside` makes once they are in; it is left where it stands when they finish.
        `feed` may `add` more as long as it goes on, and they have not all finished before it has ended.

        Once `stop` is set or the deadline has come nothing more is started, and running assessments may
        finish as `halt` says. Raises the FleetscanError that ended a worker or `beside`, or StoppedError
        after a stop.
        """
        now, halt = self._clock(), halt or Halt()
        if stop.is_set() or (halt.deadline_at is not None and halt.deadline_at <= now):
            self._halt(stop, halt)
            if halt.drain_s is None and self._stopped_by is not None:
                raise self._stopped_by
        # A job has one request at a time, and one worker waits in front: more would find nothing to do.
        self._useful, self._workers = 1 + self._take_in(jobs, aside, now), 0
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._heed, stop, halt, watch.cancel_scope)
            if beside is not None:
                watch.start_soon(self._guard, beside, watch.cancel_scope)
            async with anyio.create_task_group() as workers:
                self._employ = partial(workers.start_soon, self._guard, self._work, watch.cancel_scope)
                self._employ_all()
                if feed is not None:
                    self._is_fed = True
                    workers.start_soon(self._guard, partial(self._feed, feed), watch.cancel_scope)
            watch.cancel_scope.cancel()
        if self._stopped_by is not None:
            raise self._stopped_by

    def add(self, jobs: Iterable[Job], aside: Callable[[], Job | None] | None = None) -> None:
        """Take in more jobs, as `run` does, while its `feed` goes on."""
        assert self._is_fed, "jobs are added while something feeds"
        self._useful += self._take_in(jobs, aside, self._clock())
        self._employ_all()
        self._changed.set()

    async def _feed(self, feed: Callable[[], Awaitable[None]]) -> None:
        try:
            await feed()
        finally:
            self._is_fed = False
            self._changed.set()

    def _employ_all(self) -> None:
        """As many workers as are of use."""
        while self._workers < min(self._useful, self._max_in_flight):
            self._workers += 1
            self._employ()

    def _take_in(self, jobs: Iterable[Job], aside: Callable[[], Job | None] | None, now: float) -> int:
        """How many there are. Apart from `run`, which would keep the last of them as long as it runs."""
        taken = 0
        for taken, job in enumerate(jobs, start=1):  # noqa: B007 - counted, and it may be none
            self._broker.add(job, now)
        if aside is not None and (job_aside := aside()) is not None:
            self._broker.add_aside(job_aside, now)
            taken += 1
        return taken

    async def _heed(self, stop: anyio.Event, halt: Halt, work: anyio.CancelScope) -> None:
        left_s = None if halt.deadline_at is None else halt.deadline_at - self._clock()
        with anyio.move_on_after(left_s):
            await stop.wait()
        self._halt(stop, halt)
        self._changed.set()
        await anyio.sleep(max(0.0, self._until - self._clock()))
        work.cancel()

    def _halt(self, stop: anyio.Event, halt: Halt) -> None:
        """Start nothing more. The first call says so, and sets until when results are collected."""
        self._broker.stop_starting()
        if self._stopped_by is not None:
            return
        why, more_time = "the scan was stopped", None
        if not stop.is_set():
            why, more_time = "the deadline has passed", MORE_TIME
        self._stopped_by = StoppedError(why, more_time)
        self._until = self._clock() + (halt.drain_s or 0.0)
        if halt.drain_s is not None:
            self._hooks.warning(f"{why}: no new assessments; collecting results for up to {halt.drain_s:g} s")

    async def _guard(self, job: Callable[[], Awaitable[None]], work: anyio.CancelScope) -> None:
        """A FleetscanError in one worker ends all, and is raised once they have ended."""
        try:
            await job()
        except FleetscanError as error:
            self._stopped_by = self._stopped_by or error
            # A worker that is awake already would send one more.
            self._broker.stop_starting()
            work.cancel()

    async def _work(self) -> None:
        try:
            while await self._has_exchanged():
                pass
        finally:
            self._workers -= 1

    async def _has_exchanged(self) -> bool:
        """Exchange the next step; False when there is none left.

        One call a step: a worker that waits for its next one holds nothing of the last.
        """
        if (step := await self._claim()) is None:
            return False
        if self._broker.is_aside(step):
            await self._exchange_aside(step)
        else:
            await self._exchange(step)
        return True

    async def _exchange_aside(self, step: Step) -> None:
        with anyio.CancelScope() as self._aside_scope:
            await self._exchange(step)
        if self._aside_scope.cancelled_caught:
            self._broker.leave(step, self._clock())

    async def _exchange(self, step: Step) -> None:
        try:
            reply = await self._transport.exchange(step.request)
            if len(reply.body) > LARGE_BYTES and self._rows.is_full:
                # As a row it would need twenty times the memory.
                await self._rows.room()
        except FleetscanError:
            raise
        except Exception as bug:  # noqa: BLE001 - one odd reply fails one VM, never the whole scan
            self._broker.broke(step, bug, self._clock())
        else:
            self._broker.settle(step, reply, self._clock())
        finally:
            # A reply that makes nothing due sooner wakes no worker.
            if self._broker.due_at() < self._waits_until:
                self._changed.set()

    async def _claim(self) -> Step | None:
        """The next step as soon as it may be sent, or None when there is nothing left to send."""
        async with self._turn:
            while True:
                if self._rows.is_full:
                    await self._rows.room()
                now = self._clock()
                match self._broker.claim(now):
                    case Step() as step:
                        return step
                    case Finished() if self._is_fed:
                        await self._wait(WaitUntil(NEVER), now)
                    case Finished():
                        self._aside_scope.cancel()
                        return None
                    case WaitUntil() as wait if self._until <= wait.at < NEVER:
                        return None
                    case WaitUntil() as wait:
                        await self._wait(wait, now)

    async def _wait(self, wait: WaitUntil, now: float) -> None:
        """Wait until the step is due or a reply changes the scheduler."""
        self._hooks.waiting(wait.at if wait.at < NEVER else None, WAITS.get(wait.kind, "for replies"))
        self._waits_until = wait.at
        self._changed = changed = anyio.Event()
        if wait.at == NEVER:
            await changed.wait()
            return
        # Rounded up to the milliseconds in which uvloop counts: a timer that is early by less than one would
        # be set again and again. No cancel scope, which sets its own timer anew in the same way.
        alarm = asyncio.get_running_loop().call_later(math.ceil((wait.at - now) * 1000) / 1000, changed.set)
        try:
            await changed.wait()
        finally:
            alarm.cancel()
