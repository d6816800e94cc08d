"""What a worker does: scans one shard into the shard's own directory, and tells how it stands.

Nothing is raised and nothing secret is returned: Dask would show both. Only the journal's lock keeps two
workers from one shard: the second waits while the first lives, then goes on with its run. The scan runs in
the thread that Dask gives to the task, with an event loop of its own, and ends with the worker's process.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import time
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from distributed import get_worker

from fleetscan import json_text
from fleetscan.cluster.hiding import keep_log
from fleetscan.cluster.order import Order, read_order
from fleetscan.cluster.place import place_in
from fleetscan.cluster.standing import Message, Standing, said
from fleetscan.errors import FleetscanError, LockedError, UsageError, mendable
from fleetscan.redacting import Secrets
from fleetscan.runs.directory import JOURNAL
from fleetscan.scanner.live import LiveScan, scan

if TYPE_CHECKING:
    from distributed import Worker

log = logging.getLogger("fleetscan")
TELL_EVERY_S = 1.0
# A worker that is about to end has its scan stop in good order.
AT_WORK = frozenset({"init", "running", "paused"})


def scan_shard(text: str) -> str:
    """Scan the shard that the order `text` tells, to its end or until the scan is stopped.

    Returns, as JSON, the number, the exit code, what stopped it, whether the shard is held by a live process
    elsewhere, and how it stands.
    """
    secrets = Secrets.of(os.environ)
    keep_log(log, secrets)
    worker = get_worker()
    try:
        order = read_order(text)
    except UsageError as error:
        refusal = {
            "code": error.exit_code,
            "stopped_by": said("error", f"worker {worker.address}: {error.what}", None),
        }
        return json_text.encode({"is_held": False, "standing": None, **refusal}).decode()
    task = _Task(order, worker, secrets)
    has_uvloop = importlib.util.find_spec("uvloop") is not None
    try:
        end = anyio.run(task.run, backend_options={"use_uvloop": has_uvloop})
    except Exception as bug:
        log.exception("shard %d of %d failed", order.number, order.of)
        end = task.end(70, f"internal error on worker {task.name}: {type(bug).__name__}; its log has more")
    return json_text.encode(end).decode()


@dataclass
class _Task:
    order: Order
    worker: Worker
    secrets: Secrets
    process: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    stop: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        is_verbose = self.order.settings.get("verbose") is True
        self.standing = Standing(time.monotonic, self.secrets.hide, is_verbose=is_verbose)

    @property
    def name(self) -> str:
        return str(self.worker.address)

    async def run(self) -> Message:
        self.stop = anyio.Event()
        if (refusal := self._refusal()) is not None:
            return self.end(2, refusal)
        await self._look()
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._tell_and_look)
            end = await self._ended()
            beside.cancel_scope.cancel()
        return end

    async def _ended(self) -> Message:
        try:
            return await self._scanned()
        except Exception as error:
            if not isinstance(found := mendable(error), FleetscanError):
                raise
            return self.end(found.exit_code, found.what, found)

    def _refusal(self) -> str | None:
        """Why this worker is not one that can scan the shard."""
        run = Path(self.order.out).parents[1]
        found = place_in(run)
        if found is None or found.scan != self.order.scan:
            return f"worker {self.name} does not see {run}: it has to be on storage that all hosts share"
        return None

    async def _scanned(self) -> Message:
        """Scan, as soon as no other process holds the shard; or give that up."""
        settings = self.order.scanned_with(os.environ)
        until, grown = None, -1
        while not self.stop.is_set():
            try:
                return await self._scan_once(scan(settings, hooks=self.standing))
            except LockedError as error:
                held = error
            size = _size_bytes(Path(self.order.out) / JOURNAL)
            if until is None or size != grown:
                until, grown = time.monotonic() + self.order.patience_s, size
            if time.monotonic() >= until:
                return self.end(5, held.what, is_held=True)
            with anyio.move_on_after(TELL_EVERY_S):
                await self.stop.wait()
        return self.end(5, "the scan was stopped before the shard was begun")

    async def _scan_once(self, live: LiveScan) -> Message:
        try:
            async with live, anyio.create_task_group() as beside:
                beside.start_soon(self._stop_when, live)
                summary = await live.finish()
                beside.cancel_scope.cancel()
        except ExceptionGroup as group:
            raise mendable(group) from None
        error = summary.stopped_by
        return self.end(summary.exit_code, None if error is None else error.what, error)

    async def _stop_when(self, live: LiveScan) -> None:
        await self.stop.wait()
        live.stop()

    async def _tell_and_look(self) -> None:
        while True:
            await anyio.sleep(TELL_EVERY_S)
            self.worker.log_event(self.order.topic, self._told())
            await self._look()

    async def _look(self) -> None:
        """Stop where the scan is told to, or where the worker ends."""
        if self.worker.status.name not in AT_WORK or await self._is_told_to_stop():
            self.stop.set()

    async def _is_told_to_stop(self) -> bool:
        asking: Awaitable[Any] = asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(_is_set(self.worker, self.order.stop), _loop_of(self.worker))
        )
        try:
            return bool(await asking)
        except (OSError, TimeoutError):
            # A scheduler that is away is waited for by the worker, which ends where it stays so.
            return False

    def _told(self) -> str:
        told = {"number": self.order.number, "process": self.process, "standing": self.standing.message()}
        return json_text.encode(told).decode()

    def end(
        self, code: int, what: str | None, error: FleetscanError | None = None, *, is_held: bool = False
    ) -> Message:
        """What the task returns."""
        remedy = None if error is None else error.remedy
        stopped_by = None if what is None else said("error", self.secrets.hide(what), remedy)
        return {
            "number": self.order.number,
            "process": self.process,
            "worker": self.name,
            "code": code,
            "stopped_by": stopped_by,
            "is_held": is_held,
            "standing": self.standing.message(),
        }


async def _is_set(worker: Worker, event: str) -> bool:
    return bool(await worker.scheduler.event_is_set(name=event))


def _loop_of(worker: Worker) -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = worker.loop.asyncio_loop  # type: ignore[attr-defined]
    return loop


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
