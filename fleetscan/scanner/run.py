"""A session over a transport: lists the fleet or resumes an earlier run, and sends the broker's requests.

All decisions are the session's; the waiting is here.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import anyio

from fleetscan.azure.credentials import TokenSource
from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.retrying import Retrying
from fleetscan.errors import FleetscanError, StoppedError
from fleetscan.inventory.busy import Busy, query_busy
from fleetscan.inventory.listing import Fleet
from fleetscan.records.times import WallClock
from fleetscan.runs.store import RunStore
from fleetscan.scanner.blocking import in_thread
from fleetscan.scanner.dispatcher import Dispatcher, Exchanger, Halt
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listing import LISTING_ATTEMPTS, read_fleet
from fleetscan.scanner.resume import Resumption, retried_fleet
from fleetscan.scanner.row_buffer import RowBuffer
from fleetscan.scanner.session import Session
from fleetscan.scanner.stores import fresh_store, resumed_store
from fleetscan.scanner.summary import ScanSummary, finished_summary
from fleetscan.settings.declared import Settings

# A power cut loses the rows and starts of this many seconds.
SYNC_EVERY_S = 1.0
NONE_BUSY = Busy()


class Run:
    """One process's part of a run. Used once."""

    def __init__(
        self,
        transport: Exchanger,
        settings: Settings,
        hooks: Hooks,
        stop: anyio.Event,
        rows: RowBuffer,
        *,
        are_failures_planned: bool = False,
    ) -> None:
        self._settings = settings
        self._hooks = hooks
        self._stop = stop
        self._clock = WallClock(datetime.now(UTC), time.monotonic())
        self._chance = random.Random().random  # noqa: S311 - jitter, not a secret
        self._session = Session(settings, hooks, self._clock, self._chance, on_row=rows.put)
        self._session.are_failures_planned = are_failures_planned
        self._dispatcher = Dispatcher(
            self._session.broker,
            transport,
            max_in_flight=settings.max_in_flight,
            clock=time.monotonic,
            hooks=hooks,
            rows=rows,
        )

    async def go(self, tokens: TokenSource | None) -> ScanSummary:
        """List, assess and total; or continue where an earlier process stopped."""
        earlier = resumed_store(self._settings)
        if earlier is None:
            fleet = await self._list()
            with fresh_store(self._settings, self._clock, scan_id := str(uuid.uuid4())) as store:
                return await self._work(store, fleet, Resumption(scan_id), tokens)
        with earlier:
            if (finished := finished_summary(earlier)) is not None:
                self._hooks.warning("the run is already finished; nothing to do")
                return finished
            story = earlier.story
            resumption = Resumption(str(uuid.uuid4())) if story is None else Resumption.of(story, tokens)
            fleet = resumption.fleet() if resumption.is_listed else await self._list()
            return await self._work(earlier, fleet, resumption, tokens)

    async def _list(self) -> Fleet:
        if self._settings.retry_failed is not None:
            return retried_fleet(self._settings.retry_failed)
        return await read_fleet(
            self._settings, self._dispatcher, chance=self._chance, hooks=self._hooks, stop=self._stop
        )

    async def _work(
        self, store: RunStore, fleet: Fleet, resumption: Resumption, tokens: TokenSource | None
    ) -> ScanSummary:
        stopped_by: FleetscanError | None = None
        self._hooks.phase("scanning")
        self._session.open(store, fleet, resumption, tokens.principal() if tokens else None)
        try:
            await self._assess(partial(self._keep, store))
        except FleetscanError as error:
            stopped_by = error
        except anyio.get_cancelled_exc_class():
            # The caller's block broke: the totals are written over the rows there are.
            self._session.finish(time.monotonic(), StoppedError("the scan was cancelled"))
            raise
        return self._session.finish(time.monotonic(), stopped_by)

    async def _assess(self, keep: Callable[[], Awaitable[None]]) -> None:
        """Assess every VM; those with a running patch installation come last."""
        session, dispatcher = self._session, self._dispatcher
        subscription_ids = session.unbegun_subscriptions()
        busy = await self._ask_busy(subscription_ids)
        await dispatcher.run(session.operations(busy), self._stop, self._halt(), keep)
        if session.has_busy:
            busy = await self._ask_busy(subscription_ids)
            await dispatcher.run(session.late_operations(busy), self._stop, self._halt(), keep)

    async def _ask_busy(self, subscription_ids: list[str]) -> Busy:
        """The busy VMs; none if they are not asked for, or cannot be found out."""
        if self._settings.ignore_busy or not subscription_ids:
            return NONE_BUSY
        retrying = Retrying(self._chance, attempts=LISTING_ATTEMPTS)
        listing_job = ListingJob(query_busy(self._settings.endpoint, subscription_ids), retrying)
        await self._dispatcher.run([listing_job], self._stop)
        if isinstance(listing_job.result, Busy):
            return listing_job.result
        self._hooks.warning(
            f"cannot check for running patch installations: Resource Graph {listing_job.result}; "
            "an assessment may cancel one"
        )
        return NONE_BUSY

    def _halt(self) -> Halt:
        deadline_s = self._settings.deadline_s
        deadline_at = None if deadline_s is None else self._clock.monotonic + deadline_s
        return Halt(self._settings.drain_s, deadline_at)

    async def _keep(self, store: RunStore) -> None:
        """Once a second journal the requests and the time, and sync what was written to the disk."""
        while True:
            await anyio.sleep(SYNC_EVERY_S)
            self._session.keep(time.monotonic())
            await in_thread(store.sync)
