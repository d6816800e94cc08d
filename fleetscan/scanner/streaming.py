"""A scan that begins while its fleet is listed: VMs are started part by part, each once it is in the journal.

Only where the fleet is large: of a small one all VMs are known before the first start. The same workers send
what lists and what starts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import anyio

from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.retrying import Retrying
from fleetscan.errors import FleetscanError
from fleetscan.inventory.busy import Busy
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.pages import Pages
from fleetscan.model import Job, Target
from fleetscan.scanner.busy_notes import BusyNotes
from fleetscan.scanner.dispatcher import Dispatcher
from fleetscan.scanner.parts import Parts
from fleetscan.scanner.selecting import Ask
from fleetscan.scanner.session import Session
from fleetscan.settings.declared import Settings

T = TypeVar("T")


def may_stream(settings: Settings) -> bool:
    """Whether VMs may be started before all are known: nothing else has to be read of the whole fleet."""
    is_read = settings.facts or settings.wants_fresh or settings.cached_only
    is_told = settings.inventory is not None or settings.retry_failed is not None
    return settings.limit is None and not is_read and not is_told


@dataclass(frozen=True, slots=True)
class Steps:
    """What a run does: it lists its fleet, looks who is busy, begins, and learns of last assessments.

    `list_fleet` puts into its parts what comes before the whole. `look` returns None where it is not told who
    is busy, `learn` where it is of no use. `begin` opens the session.
    """

    list_fleet: Callable[[Ask, Parts], Awaitable[Fleet]]
    look: Callable[[Ask, list[str]], Awaitable[Busy | None]]
    begin: Callable[[], None]
    learn: Callable[[list[str]], Job | None]


class Stream:
    """Feeds a dispatcher with a listing and with the VMs that it brings, after those `listed` before.

    `begun` is set with the first VMs that are started. Where it is not at the end, nothing was begun, and the
    `fleet` is still to be scanned. `subscription_ids` are those that are listed.
    """

    def __init__(
        self,
        session: Session,
        dispatcher: Dispatcher,
        retrying: Retrying,
        steps: Steps,
        listed: Sequence[Target] = (),
    ) -> None:
        self.begun = anyio.Event()
        self.fleet = Fleet([])
        self.subscription_ids = list(dict.fromkeys(target.subscription_id.lower() for target in listed))
        self._session = session
        self._dispatcher = dispatcher
        self._retrying = retrying
        self._steps = steps
        self._listed = listed
        self._error: FleetscanError | None = None
        self._looked_at: set[str] = set()
        self._is_all_seen = True
        self._notes = BusyNotes(Busy())

    async def feed(self) -> None:
        """List the fleet, and start its VMs meanwhile."""
        parts = Parts(self._listed)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._list, parts)
            try:
                await self._start_parts(parts)
            except FleetscanError as error:
                self._error = error
                tasks.cancel_scope.cancel()
        if self._error is not None:
            raise self._error
        self.subscription_ids = parts.subscription_ids
        if self.begun.is_set():
            await self._look(parts.subscription_ids)
            self._start_rest(replace(self.fleet, targets=self.fleet.targets[parts.begun :]))

    async def _list(self, parts: Parts) -> None:
        try:
            self.fleet = await self._steps.list_fleet(self._ask, parts)
        except FleetscanError as error:
            self._error = error
        parts.close()

    async def _start_parts(self, parts: Parts) -> None:
        if self._listed:
            await self._look(self.subscription_ids)
            self._start(())
        while await parts.have_come():
            await self._look(parts.subscription_ids)
            if part := parts.take_out():
                self._start(part)

    async def _look(self, subscription_ids: Sequence[str]) -> None:
        """Find out who is busy in those subscriptions of which that is not known yet."""
        new = [each for each in subscription_ids if each.lower() not in self._looked_at]
        if not new:
            return
        self._looked_at.update(each.lower() for each in new)
        busy = await self._steps.look(self._ask, new)
        self._is_all_seen = self._is_all_seen and busy is not None
        self._notes.busy = self._notes.busy.joined(busy or Busy())

    def _start(self, part: Sequence[Target]) -> None:
        if not self.begun.is_set():
            self._steps.begin()
        self._session.list_more(part)
        self.begun.set()
        self._notes.count(self._session.unbegun())
        self._dispatcher.add(self._session.operations(self._notes.busy))

    def _start_rest(self, rest: Fleet) -> None:
        self.fleet = Fleet([])
        self._session.list_rest(rest)
        self._notes.count(self._session.unbegun())
        if self._is_all_seen:
            self._session.note_busy(self._notes)
        learn = partial(self._steps.learn, self.subscription_ids)
        self._dispatcher.add(self._session.operations(self._notes.busy), learn)

    async def _ask(self, listings: Iterable[Pages[T]]) -> list[T]:
        """What listings return that are read beside all else."""
        ends: list[anyio.Event] = []
        listing_jobs: list[ListingJob[T]] = []
        for pages in listings:
            ends.append(ended := anyio.Event())
            listing_jobs.append(ListingJob(_telling(pages, ended.set), self._retrying))
        self._dispatcher.add(listing_jobs)
        for ended in ends:
            await ended.wait()
        return [listing_job.result for listing_job in listing_jobs]


def _telling(pages: Pages[T], tell: Callable[[], object]) -> Pages[T]:
    result = yield from pages
    tell()
    return result
