"""A session over a transport: lists the fleet or resumes an earlier run, and sends the broker's requests.

All decisions are the session's; the waiting is here.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from fleetscan.azure.credentials import TokenSource
from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.retrying import Retrying
from fleetscan.errors import FleetscanError, OutputError, StoppedError
from fleetscan.inventory.busy import Busy, Window, query_busy
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Job
from fleetscan.records.times import WallClock
from fleetscan.runs.how_to_resume import to_say_again
from fleetscan.runs.store import RunStore
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.blocking import awaited_unless_stopped, in_thread
from fleetscan.scanner.dispatcher import Dispatcher, Exchanger, Halt
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listing import LISTING_ATTEMPTS, asking, read_fleet, stopped_early
from fleetscan.scanner.reading_fresh import use_earlier
from fleetscan.scanner.resume import Resumption
from fleetscan.scanner.retry import nothing_to_retry, retried_fleet, retried_path
from fleetscan.scanner.row_buffer import RowBuffer
from fleetscan.scanner.selecting import selection_in
from fleetscan.scanner.session import Session
from fleetscan.scanner.stores import fresh_store
from fleetscan.scanner.summary import ScanSummary, finished_summary, no_run, stopped_before
from fleetscan.scanner.taking_up import Found, refuse_held, take_up
from fleetscan.scanner.which_run import nothing_to_do
from fleetscan.settings.declared import Settings

# A power cut loses the rows and starts of this many seconds.
SYNC_EVERY_S = 1.0
# A slow reply of Resource Graph takes one place among so many; of fewer, starts need each.
LEAST_IN_FLIGHT = 8


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
        started_with: Settings | None = None,
    ) -> None:
        """`started_with` are those of the run in `out` where that one, and no new one, is to be resumed."""
        self._settings = settings
        self._is_named = started_with is not None
        self._taken_up: Path | None = None
        self._stop = stop
        self._clock = WallClock.of(datetime.now(UTC), time.monotonic())
        self._chance = random.Random().random  # noqa: S311 - jitter, not a secret
        self._session = Session(
            settings,
            hooks,
            self._clock,
            self._chance,
            rows.put,
            are_failures_planned=are_failures_planned,
            started_with=started_with,
        )
        self._hooks = self.hooks = self._session.hooks
        self._dispatcher = Dispatcher(
            self._session.broker,
            transport,
            max_in_flight=settings.max_in_flight,
            clock=time.monotonic,
            hooks=hooks,
            rows=rows,
        )

    @property
    def directory(self) -> Path | None:
        """Where the run is, from when it can be resumed on; None where it is kept nowhere."""
        return self._session.directory or self._taken_up

    async def go(self, tokens: TokenSource | None) -> ScanSummary:
        """List, assess and total; or continue where an earlier process stopped."""
        try:
            return await self._go(tokens)
        except OutputError as error:
            if (endpoint := to_say_again(self._settings.endpoint)) is not None:
                error.name_endpoint(endpoint)
            raise

    async def _go(self, tokens: TokenSource | None) -> ScanSummary:
        # Rules that contradict each other are refused before anyone is asked for a token.
        selection_in(self._settings)
        is_chosen_by_selection = self._settings.resume and self._settings.out is None
        tenant_id = await self._tenant_of(tokens) if is_chosen_by_selection else None
        found = take_up(self._settings, self._clock, tenant_id, is_named=self._is_named)
        if found.store is None:
            self._tell(found)
            return await self._begin(tokens, tenant_id)
        with found.store as earlier:
            if (finished := finished_summary(earlier)) is not None:
                self._hooks.note(nothing_to_do(finished.directory, found.run))
                return finished
            self._taken_up = earlier.output.path
            self._tell(found)
            return await self._go_on(earlier, tokens)

    async def _go_on(self, earlier: RunStore, tokens: TokenSource | None) -> ScanSummary:
        """The rest of an earlier process's run."""
        story = earlier.story
        try:
            # Whose token it is can only be told once there is one.
            await self._tenant_of(tokens)
            resumption = Resumption(str(uuid.uuid4())) if story is None else Resumption.of(story, tokens)
            fleet = resumption.fleet() if resumption.is_listed else await self._list()
        except StoppedError as error:
            raise stopped_before(error, self._taken_up, self._settings.endpoint) from None
        return await self._work(earlier, fleet, resumption, tokens)

    async def _tenant_of(self, tokens: TokenSource | None) -> str | None:
        """The tenant of the token; fetching it may never end, so the stop and the deadline hold here too."""
        try:
            return await awaited_unless_stopped(partial(tenant_of, tokens), self._stop, self._deadline_at())
        except StoppedError:
            raise stopped_early(is_told=self._stop.is_set()) from None

    async def _begin(self, tokens: TokenSource | None, tenant_id: str | None) -> ScanSummary:
        """A new run, unless there is nothing to retry."""
        scan_id, retried = str(uuid.uuid4()), retried_path(self._settings)
        fleet = await self._list()
        if retried is not None and not fleet.targets:
            self._hooks.note(*nothing_to_retry(retried, self._settings))
            return no_run(scan_id, selection_of(self._settings), self._clock)
        refuse_held(self._settings, tenant_id)
        with fresh_store(self._settings, self._clock, scan_id) as store:
            return await self._work(store, fleet, Resumption(scan_id), tokens)

    def _tell(self, found: Found) -> None:
        if found.told:
            self._hooks.note(found.told, found.remedy)
        for damaged in found.passed_over:
            self._hooks.warning(f"{damaged}; it is passed over")

    async def _list(self) -> Fleet:
        known_at = self._clock.moment(time.monotonic()) if self._settings.facts else None
        if (retried := retried_path(self._settings)) is not None:
            fleet = retried_fleet(retried, self._settings)
            if known_at is not None:
                from fleetscan.scanner.knowing import with_known

                ask = asking(self._dispatcher, self._chance, self._stop, self._deadline_at())
                try:
                    fleet = await with_known(fleet, self._settings.endpoint, ask, known_at)
                except StoppedError:
                    raise stopped_early(is_told=self._stop.is_set()) from None
            for note in fleet.notes:
                self._hooks.warning(note)
            for error in fleet.errors:
                self._hooks.inventory_error(error)
            return fleet
        return await read_fleet(
            self._settings,
            self._dispatcher,
            chance=self._chance,
            hooks=self._hooks,
            stop=self._stop,
            deadline_at=self._deadline_at(),
            known_at=known_at,
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
        if self._settings.wants_fresh:
            await self._use_earlier(keep)
        if self._settings.cached_only:
            return
        subscription_ids = session.unbegun_subscriptions()
        busy = await self._ask_busy(subscription_ids)
        if busy is not None:
            session.note_busy(busy)
        is_graph_up = busy is not None or self._settings.ignore_busy
        ask_last = partial(self._ask_last, subscription_ids) if is_graph_up else None
        await dispatcher.run(session.operations(busy or Busy()), self._stop, self._halt(), keep, ask_last)
        if session.has_busy:
            busy = await self._ask_busy(subscription_ids)
            await dispatcher.run(session.late_operations(busy or Busy()), self._stop, self._halt(), keep)

    async def _use_earlier(self, keep: Callable[[], Awaitable[None]]) -> None:
        async def work(jobs: Iterable[Job]) -> None:
            await self._dispatcher.run(jobs, self._stop, Halt(None, self._deadline_at()), keep)

        rows = self._session.fresh_rows(time.monotonic())
        await use_earlier(rows, work, self._chance, self._hooks, is_all=self._settings.cached_only)

    async def _ask_busy(self, subscription_ids: list[str]) -> Busy | None:
        """The busy VMs; None if they are not asked for, or cannot be found out."""
        if self._settings.ignore_busy or not subscription_ids:
            return None
        retrying = Retrying(self._chance, attempts=LISTING_ATTEMPTS)
        window = Window(self._settings.busy_max_age_s, self._clock.moment(time.monotonic()))
        include_arc = self._settings.include_arc
        pages = query_busy(self._settings.endpoint, subscription_ids, window, include_arc=include_arc)
        listing_job = ListingJob(pages, retrying)
        drain_s = self._settings.drain_s if self._session.has_running else None
        try:
            await self._dispatcher.run([listing_job], self._stop, Halt(drain_s, self._deadline_at()))
        except StoppedError:
            if not listing_job.has_ended:
                raise
            # Nothing more is started; what an earlier process started still gets its time.
            return None
        if isinstance(listing_job.result, Busy):
            return listing_job.result
        self._session.broker.silence.refuse()
        self._hooks.warning(
            f"cannot check for running patch installations: Resource Graph {listing_job.result}; "
            "an assessment may cancel one"
        )
        return None

    def _ask_last(self, subscription_ids: list[str]) -> ListingJob[None] | None:
        """Reads how long the last assessments took; None where that holds up starts, or is no use."""
        if not self._session.wants_last or self._settings.max_in_flight < LEAST_IN_FLIGHT:
            return None
        pages = self._session.last_assessments(subscription_ids, self._clock.moment(time.monotonic()))
        return ListingJob(pages, Retrying(self._chance, attempts=LISTING_ATTEMPTS))

    def _halt(self) -> Halt:
        return Halt(self._settings.drain_s, self._deadline_at())

    def _deadline_at(self) -> float | None:
        """When this process stops by itself; counted from its beginning."""
        deadline_s = self._settings.deadline_s
        return None if deadline_s is None else self._clock.monotonic + deadline_s

    async def _keep(self, store: RunStore) -> None:
        """Once a second journal the requests and the time, and sync what was written to the disk."""
        while True:
            await anyio.sleep(SYNC_EVERY_S)
            self._session.keep(time.monotonic())
            self._session.look_ahead(time.monotonic())
            await in_thread(store.sync)


async def tenant_of(tokens: TokenSource | None) -> str | None:
    """The tenant of the token, fetched for that; None where it is not told. Raises CredentialError."""
    if tokens is None:
        return None
    await tokens.header()
    return tokens.principal().get("tenant_id")
