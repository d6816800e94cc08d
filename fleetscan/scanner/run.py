"""A session over a transport: lists the fleet or resumes an earlier run, and sends the broker's requests.

All decisions are the session's; the waiting is here.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
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
from fleetscan.scanner.auth import tenant_of
from fleetscan.scanner.blocking import awaited_unless_stopped, in_thread
from fleetscan.scanner.busy_notes import BusyNotes
from fleetscan.scanner.dispatcher import Dispatcher, Exchanger, Halt
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listing import LISTING_ATTEMPTS, asking, read_fleet, stopped_early
from fleetscan.scanner.parts import Parts
from fleetscan.scanner.reading_fresh import use_earlier
from fleetscan.scanner.resume import Resumption
from fleetscan.scanner.retry import nothing_to_retry, retried_fleet, retried_path
from fleetscan.scanner.row_buffer import RowBuffer
from fleetscan.scanner.selecting import Ask, selection_in
from fleetscan.scanner.session import Session
from fleetscan.scanner.stores import fresh_store
from fleetscan.scanner.streaming import Steps, Stream, may_stream
from fleetscan.scanner.summary import ScanSummary, finished_summary, no_run, stopped_before
from fleetscan.scanner.taking_up import Found, refuse_held, take_up
from fleetscan.scanner.token_end import TokenEnd
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
        self._retrying = Retrying(self._chance, attempts=LISTING_ATTEMPTS)
        self._is_graph_up = False
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
        self.requests = self._session.broker.counts
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
            begin = partial(self._open, earlier, resumption, tokens)
            if resumption.is_listed:
                fleet: Fleet | ScanSummary = resumption.fleet()
            elif resumption.listed:
                fleet = await self._stream(begin, resumption)
            else:
                fleet = await self._list()
        except StoppedError as error:
            raise stopped_before(error, self._taken_up, self._settings.endpoint) from None
        if isinstance(fleet, ScanSummary):
            return fleet
        begin()
        return await self._work(fleet)

    async def _tenant_of(self, tokens: TokenSource | None) -> str | None:
        """The tenant of the token; fetching it may never end, so the stop and the deadline hold here too."""
        try:
            return await awaited_unless_stopped(partial(tenant_of, tokens), self._stop, self._deadline_at())
        except StoppedError:
            raise stopped_early(is_told=self._stop.is_set()) from None

    async def _begin(self, tokens: TokenSource | None, tenant_id: str | None) -> ScanSummary:
        """A new run, unless there is nothing to retry."""
        resumption, retried = Resumption(str(uuid.uuid4())), retried_path(self._settings)
        with ExitStack() as files:

            def begin() -> None:
                refuse_held(self._settings, tenant_id)
                store = files.enter_context(fresh_store(self._settings, self._clock, resumption.scan_id))
                self._open(store, resumption, tokens)

            fleet = await (self._stream(begin, resumption) if may_stream(self._settings) else self._list())
            if isinstance(fleet, ScanSummary):
                return fleet
            if retried is not None and not fleet.targets:
                self._hooks.note(*nothing_to_retry(retried, self._settings))
                return no_run(resumption.scan_id, selection_of(self._settings), self._clock)
            begin()
            return await self._work(fleet)

    async def _stream(self, begin: Callable[[], None], resumption: Resumption) -> ScanSummary | Fleet:
        """A scan that begins while its fleet is listed; only the fleet where that is small: nothing began."""
        halt = Halt(self._settings.drain_s if resumption.has_running else None, self._deadline_at())

        def begin_to_start() -> None:
            begin()
            halt.drain_s = self._settings.drain_s

        async def keep() -> None:
            await stream.begun.wait()
            await self._keep()

        async def work() -> None:
            await self._dispatcher.run((), self._stop, halt, keep, feed=stream.feed)
            if self._session.has_begun:
                await self._assess_put_off(stream.subscription_ids)

        steps = Steps(self._list, self._look, begin_to_start, self._ask_last)
        stream = Stream(self._session, self._dispatcher, self._retrying, steps, resumption.listed)
        try:
            return await self._summed_up(work) or stream.fleet
        except StoppedError:
            raise stopped_early(is_told=self._stop.is_set()) from None

    def _tell(self, found: Found) -> None:
        if found.told:
            self._hooks.note(found.told, found.remedy)
        for damaged in found.passed_over:
            self._hooks.warning(f"{damaged}; it is passed over")

    async def _list(self, ask: Ask | None = None, parts: Parts | None = None) -> Fleet:
        known_at = self._clock.moment(time.monotonic()) if self._settings.facts else None
        ask = ask or self._asking()
        if (retried := retried_path(self._settings)) is not None:
            fleet = retried_fleet(retried, self._settings)
            if known_at is not None:
                from fleetscan.scanner.knowing import with_known

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
            ask,
            hooks=self._hooks,
            stop=self._stop,
            deadline_at=self._deadline_at(),
            known_at=known_at,
            parts=parts,
        )

    def _asking(self, drain_s: float | None = None) -> Ask:
        return asking(self._dispatcher, self._chance, self._stop, self._deadline_at(), drain_s)

    def _open(self, store: RunStore, resumption: Resumption, tokens: TokenSource | None) -> None:
        self._store = store
        self._token_end = TokenEnd(tokens, self._deadline_at(), self._clock, self._hooks.warning)
        self._hooks.phase("scanning")
        self._session.open(store, resumption, tokens.principal() if tokens else None)

    async def _work(self, fleet: Fleet) -> ScanSummary:
        self._session.list_rest(fleet)
        summary = await self._summed_up(self._assess)
        assert summary is not None
        return summary

    async def _summed_up(self, work: Callable[[], Awaitable[None]]) -> ScanSummary | None:
        """What the run has come to once `work` has ended, well or badly; None where it has not begun."""
        session, stopped_by = self._session, None
        try:
            await work()
        except FleetscanError as error:
            if not session.has_begun:
                raise
            stopped_by = error
        except (Exception, anyio.get_cancelled_exc_class()) as error:
            # The caller's block broke, or we did: the totals are written over the rows there are.
            why = "broke" if isinstance(error, Exception) else "was cancelled"
            if session.has_begun:
                session.finish(time.monotonic(), StoppedError(f"the scan {why}"))
            raise
        return session.finish(time.monotonic(), stopped_by) if session.has_begun else None

    async def _assess(self) -> None:
        """Assess every VM; those with a running patch installation come last."""
        session = self._session
        if self._settings.wants_fresh:
            await self._use_earlier()
        if self._settings.cached_only:
            return
        subscription_ids = session.unbegun_subscriptions()
        busy = await self._ask_busy(subscription_ids)
        notes = BusyNotes(busy or Busy())
        if busy is not None:
            notes.count(session.unbegun())
            session.note_busy(notes)
        ask_last = partial(self._ask_last, subscription_ids)
        operations = session.operations(notes.busy)
        await self._dispatcher.run(operations, self._stop, self._halt(), self._keep, ask_last)
        await self._assess_put_off(subscription_ids)

    async def _assess_put_off(self, subscription_ids: list[str]) -> None:
        if self._session.has_busy:
            busy = await self._ask_busy(subscription_ids)
            operations = self._session.late_operations(busy or Busy())
            await self._dispatcher.run(operations, self._stop, self._halt(), self._keep)

    async def _use_earlier(self) -> None:
        async def work(jobs: Iterable[Job]) -> None:
            await self._dispatcher.run(jobs, self._stop, Halt(None, self._deadline_at()), self._keep)

        rows = self._session.fresh_rows(time.monotonic())
        await use_earlier(rows, work, self._chance, self._hooks, is_all=self._settings.cached_only)

    async def _ask_busy(self, subscription_ids: list[str]) -> Busy | None:
        drain_s = self._settings.drain_s if self._session.has_running else None
        try:
            return await self._look(self._asking(drain_s), subscription_ids)
        except StoppedError:
            if drain_s is None:
                raise
            # Nothing more is started; what an earlier process started still gets its time.
            return None

    async def _look(self, ask: Ask, subscription_ids: list[str]) -> Busy | None:
        """The busy VMs; None if they are not asked for, or cannot be found out."""
        self._is_graph_up = self._settings.ignore_busy
        if self._settings.ignore_busy or not subscription_ids:
            return None
        window = Window(self._settings.busy_max_age_s, self._clock.moment(time.monotonic()))
        include_arc = self._settings.include_arc
        [busy] = await ask(
            [query_busy(self._settings.endpoint, subscription_ids, window, include_arc=include_arc)]
        )
        if isinstance(busy, Busy):
            self._is_graph_up = True
            return busy
        self._session.broker.silence.refuse()
        self._hooks.warning(
            f"cannot check for running patch installations: Resource Graph {busy}; "
            "an assessment may cancel one"
        )
        return None

    def _ask_last(self, subscription_ids: list[str]) -> ListingJob[None] | None:
        """Reads how long the last assessments took; None where that holds up starts, or is no use."""
        last = self._session.last
        if not (self._is_graph_up and last.are_wanted) or self._settings.max_in_flight < LEAST_IN_FLIGHT:
            return None
        now = self._clock.moment(time.monotonic())
        return ListingJob(last.read(self._settings.endpoint, subscription_ids, now), self._retrying)

    def _halt(self) -> Halt:
        return Halt(self._settings.drain_s, self._deadline_at())

    def _deadline_at(self) -> float | None:
        """When this process stops by itself; counted from its beginning."""
        deadline_s = self._settings.deadline_s
        return None if deadline_s is None else self._clock.monotonic + deadline_s

    async def _keep(self) -> None:
        """Once a second journal the requests and the time, and sync what was written to the disk."""
        while True:
            await anyio.sleep(SYNC_EVERY_S)
            self._session.keep(time.monotonic())
            self._token_end.look(self._session.look_ahead(time.monotonic()))
            await in_thread(self._store.sync)
