"""Drives the shards of a scan on a Dask cluster: a task each, asked for again where that may help.

Holds no token and lists nothing. Dask runs a task elsewhere when its worker dies; what a shard has begun is
in its journal, so that each run of the task goes on with it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import anyio

from fleetscan import json_text
from fleetscan.cluster.fleet import Fleet
from fleetscan.cluster.order import Order
from fleetscan.cluster.place import Place
from fleetscan.cluster.standing import Message, Told, told_by
from fleetscan.errors import CannotScanError, Remedy, UsageError
from fleetscan.scanner.dispatcher import MORE_TIME
from fleetscan.scanner.hooks import Hooks
from fleetscan.version import __version__

CHECK = "check {scheduler}; for tls:// Dask takes certificates from its own configuration"
# A cluster that grows on demand starts its first worker by then.
FIRST_WORKER_S = 120.0
# A cluster that has lost all its workers gets new ones by then, or the scan is stopped.
NO_WORKER_S = 600.0
LOOK_EVERY_S = 1.0
CLOSING_S = 5.0
GONE = "the scheduler went away"
TASK = "__import__('fleetscan.cluster.task', fromlist=['task']).scan_shard(order)"
T = TypeVar("T")
# After the drain: what a shard takes to write its totals.
ENDING_S = 15.0


@dataclass(frozen=True, slots=True)
class ShardEnd:
    """How a shard ended: its exit code, and what stopped it, None where nothing did."""

    number: int
    code: int
    told: Told | None = None

    @property
    def sentence(self) -> str:
        """What is said of it."""
        return "" if self.told is None else self.told.sentence


class Begin(Protocol):
    """Waits for what is to be there before the scan can begin, unless the scan is stopped earlier."""

    async def __call__(self, wait: Callable[[], Awaitable[T]]) -> T: ...


class Cluster:
    """The scheduler that we are connected to."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def workers(self) -> int:
        """How many workers there are now; raises CannotScanError where the scheduler does not answer."""
        return len(await _answered(self._client.scheduler.ncores()))

    async def some_workers(self) -> int:
        """How many there are once there are any. Raises CannotScanError."""
        with anyio.move_on_after(FIRST_WORKER_S):
            while True:
                if found := await self.workers():
                    return found
                await anyio.sleep(LOOK_EVERY_S)
        why = f"the cluster had no workers for {FIRST_WORKER_S:.0f} s"
        raise CannotScanError(why, Remedy("start workers with dask worker"))

    async def set_stop(self, event: str, *, is_set: bool) -> None:
        """Have the tasks that watch `event` stop, or not; raises CannotScanError."""
        call = self._client.scheduler.event_set if is_set else self._client.scheduler.event_clear
        await _answered(call(name=event))

    def hear(self, topic: str, on_message: Callable[[Message], None]) -> None:
        """Have `on_message` called with what tasks tell under `topic`."""
        self._client.subscribe_topic(topic, lambda event: on_message(_parsed(event[1])))

    async def scanned(self, order: Order, attempt: int) -> Message | BaseException:
        """Ask for the shard: what its task returns, or what Dask says went wrong."""
        key = order.key if attempt == 1 else f"{order.key}-again-{attempt}"
        # `eval` goes by its name, which every worker has. By a name of ours a worker without fleetscan, and
        # the scheduler, could not so much as read the message: such a worker ends, and the next one too.
        future = self._client.submit(eval, TASK, {"order": order.as_text()}, key=key, pure=False)
        try:
            error: BaseException | None = await future.exception()
            if error is not None:
                return error
            if not future.cancelled():
                return _parsed(await future.result())
        except (OSError, CancelledError):
            pass
        # Nothing here cancels a task.
        return ConnectionError(GONE)


async def _answered(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except (OSError, TimeoutError) as error:
        raise CannotScanError(GONE, Remedy(CHECK, {"scheduler": None})) from error


@asynccontextmanager
async def connected(address: str, begin: Begin) -> AsyncIterator[Cluster]:
    """A connection to the scheduler; Dask's own configuration has the certificates of TLS.

    `begin` waits for it. Raises UsageError without Dask, CannotScanError where the scheduler cannot be
    reached.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "a scan on a Dask cluster needs distributed", Remedy("run: pip install 'fleetscan[dask]'")
        ) from None
    client: Any = Client(address, asynchronous=True, set_as_default=False)  # type: ignore[no-untyped-call]
    try:
        await begin(lambda: _reached(client, address))
        yield Cluster(client)
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(CLOSING_S), suppress(OSError):
            await client.close()


async def _reached(client: Any, address: str) -> None:
    try:
        await client
    except (OSError, TimeoutError, TypeError, ValueError) as error:
        what = f"the scheduler {address} cannot be reached: {error}"
        raise CannotScanError(what, Remedy(CHECK, {"scheduler": None})) from error


class Drive:
    """The shards of one scan, from the first task to the last."""

    def __init__(
        self, cluster: Cluster, place: Place, orders: list[Order], fleet: Fleet, hooks: Hooks
    ) -> None:
        self._cluster = cluster
        self._place = place
        self._orders = orders
        self._fleet = fleet
        self._hooks = hooks
        self._stop_event = orders[0].stop
        self._ends: dict[int, ShardEnd] = {}
        self._stopped = anyio.Event()

    async def run(self, stop: anyio.Event, deadline_s: float | None, drain_s: float) -> list[ShardEnd]:
        """Have all shards scanned, until `stop` is set or the deadline is over; how each ended."""
        await self._cluster.set_stop(self._stop_event, is_set=False)
        self._cluster.hear(self._orders[0].topic, self._hear)
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._stop_when, stop, deadline_s)
            beside.start_soon(self._watch_workers)
            async with anyio.create_task_group() as shards:
                for order in self._orders:
                    shards.start_soon(self._follow, order)
                beside.start_soon(self._give_up, shards.cancel_scope, drain_s)
            beside.cancel_scope.cancel()
        with anyio.move_on_after(CLOSING_S), suppress(CannotScanError):
            await self._cluster.set_stop(self._stop_event, is_set=False)
        return [self._ends.get(order.number) or _given_up(order) for order in self._orders]

    async def _follow(self, order: Order) -> None:
        """One shard, however many tasks it takes."""
        attempt, had_bytes = 0, -1
        while order.number not in self._ends:
            attempt += 1
            found = await self._cluster.scanned(order, attempt)
            self._fleet.end(order.number)
            if isinstance(found, dict):
                if found["standing"] is not None:
                    self._take(found)
                self._ends[order.number] = _end_of(order.number, found)
                return
            if isinstance(found, ImportError):
                what = f"a worker lacks what it needs ({found})"
                told = Told("error", what, Remedy(f"install fleetscan[dask] {__version__} where workers run"))
                self._ends[order.number] = ShardEnd(order.number, UsageError.exit_code, told)
                return
            has_bytes = self._place.rows_bytes(order.number)
            if self._stopped.is_set() or has_bytes <= had_bytes or isinstance(found, ConnectionError):
                self._ends[order.number] = ShardEnd(order.number, 5, Told("error", _lost(found), None))
                return
            self._warn(order, f"{_lost(found)}; it is asked for again")
            had_bytes = has_bytes

    def _hear(self, message: Message) -> None:
        if message["number"] not in self._ends:
            self._take(message)

    def _take(self, message: Message) -> None:
        self._fleet.take(message["number"], message["process"], message["standing"])

    def _warn(self, order: Order, sentence: str) -> None:
        self._hooks.warning(f"shard {order.number} of {order.of}: {sentence}")

    async def _stop_when(self, stop: anyio.Event, deadline_s: float | None) -> None:
        with anyio.move_on_after(deadline_s):
            await stop.wait()
        if not stop.is_set():
            self._hooks.warning("the deadline has passed: all shards are stopped", MORE_TIME)
        await self._stop()

    async def _stop(self) -> None:
        self._stopped.set()
        with suppress(CannotScanError):
            await self._cluster.set_stop(self._stop_event, is_set=True)

    async def _give_up(self, scope: anyio.CancelScope, drain_s: float) -> None:
        """Wait no longer for shards than they may take to stop."""
        await self._stopped.wait()
        await anyio.sleep(drain_s + ENDING_S)
        scope.cancel()

    async def _watch_workers(self) -> None:
        """Stop where the cluster has had no worker for long."""
        since = time.monotonic()
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            with suppress(CannotScanError):
                if await self._cluster.workers():
                    since = time.monotonic()
            if time.monotonic() - since > NO_WORKER_S:
                self._hooks.warning(f"the cluster has had no worker for {NO_WORKER_S / 60:.0f} minutes")
                await self._stop()
                return


def _end_of(number: int, message: Message) -> ShardEnd:
    stopped_by = message["stopped_by"]
    told = None if stopped_by is None else told_by(stopped_by)
    return ShardEnd(number, message["code"], told)


def _given_up(order: Order) -> ShardEnd:
    why = "it did not end in time after the stop"
    return ShardEnd(order.number, 5, Told("error", why, None))


def _lost(error: BaseException) -> str:
    """What Dask says of a task, in our words: its own texts have addresses of tasks, and no end."""
    if type(error).__name__ == "KilledWorker":
        return "its workers died, one after another"
    if isinstance(error, ConnectionError):
        return GONE
    return f"Dask gave it up: {type(error).__name__}: {str(error)[:300]}"


def _parsed(text: object) -> Message:
    match json_text.parse(str(text).encode()):
        case dict(message):
            return message
    raise ValueError("a worker told what is no message")
