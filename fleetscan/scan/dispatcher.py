"""Workers over the agenda: a free one asks it for the next step, exchanges it and gives the reply back.

It decides nothing about Azure. Of the free workers one at a time stands at the agenda and waits for a step
to come due; the others queue behind it, so that nobody wakes for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import anyio

from fleetscan.engine.agenda import Agenda, Finished, WaitUntil
from fleetscan.engine.lanes import NEVER, Step
from fleetscan.engine.replies import is_weather, read_error
from fleetscan.errors import FleetscanError, StoppedError, TokenRefusedError
from fleetscan.model import Errand, Reply, Request, RequestKind, Stage
from fleetscan.results.fleet_facts import RequestCounts
from fleetscan.scan.watcher import Watcher

# A token that was good and is refused is tried anew this long: identities have outages too.
REFUSED_FOR_S = 300.0
RENEW_AGAIN_S = 5.0
# The same request refused so often, while others go through.
MAX_REFUSALS = 3
# The code of a 401 that no renewal cures: a good token, and a subscription of another tenant.
OTHER_TENANT = "InvalidAuthenticationTokenTenant"
# What a person is told we wait for, by the request that may be sent first.
WAITS: Mapping[RequestKind | None, str] = {
    RequestKind.START: "the next start",
    RequestKind.POLL: "running assessments",
    RequestKind.RESULT: "results",
    RequestKind.VIEW: "starts whose fate is unknown",
    RequestKind.QUERY_PATCHES: "Resource Graph",
    RequestKind.LIST_SUBSCRIPTIONS: "the list of subscriptions",
    RequestKind.QUERY_GRAPH: "Resource Graph",
    RequestKind.LIST_VMS: "the lists of virtual machines",
}


class Exchanger(Protocol):
    """Sends one request and brings what came of it; a 401 it brings once the token has been renewed."""

    async def exchange(self, request: Request) -> Reply:
        """One HTTP exchange; see `azure.wire.Wire.exchange`."""
        ...


class Dispatcher:
    """Exchanges every step of `agenda` over `wire`, with at most `max_in_flight` under way.

    `clock` reads monotonic seconds. `counts` are the requests sent so far, `accepted` the starts Azure took.
    `on_end` is given each errand that has ended, `on_bug` each whose reply made our own code raise.
    """

    def __init__(
        self,
        agenda: Agenda,
        wire: Exchanger,
        *,
        max_in_flight: int,
        clock: Callable[[], float],
        watcher: Watcher,
        on_end: Callable[[Errand], None],
        on_bug: Callable[[Errand, Exception], None],
    ) -> None:
        self._agenda = agenda
        self._wire = wire
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._watcher = watcher
        self._on_end = on_end
        self._on_bug = on_bug
        self._turn = anyio.Lock(fast_acquire=True)
        self._changed = anyio.Event()
        self._refusals = Refusals()
        self._stopped_by: FleetscanError | None = None
        self.counts = RequestCounts()
        self.accepted = 0

    async def run(self, errands: Iterable[Errand], stop: anyio.Event) -> None:
        """Take the errands in and return when all have ended.

        Raises the FleetscanError that ended a worker, or StoppedError when `stop` was set before the end:
        what was under way is lost then, and nothing else.
        """
        now = self._clock()
        for errand in errands:
            self._agenda.add(errand, now)
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._heed, stop, watch.cancel_scope)
            async with anyio.create_task_group() as workers:
                for _ in range(self._max_in_flight):
                    workers.start_soon(self._work, watch.cancel_scope)
            watch.cancel_scope.cancel()
        if self._stopped_by is not None:
            raise self._stopped_by

    async def _heed(self, stop: anyio.Event, work: anyio.CancelScope) -> None:
        await stop.wait()
        self._stopped_by = StoppedError(
            "the scan was stopped: the totals count the machines that had not ended as interrupted"
        )
        work.cancel()

    async def _work(self, work: anyio.CancelScope) -> None:
        try:
            while (step := await self._claim()) is not None:
                await self._exchange(step)
        except FleetscanError as error:
            self._stopped_by = self._stopped_by or error
            work.cancel()

    async def _exchange(self, step: Step) -> None:
        try:
            reply = await self._wire.exchange(step.request)
        except FleetscanError:
            raise
        except Exception as bug:  # noqa: BLE001 - one odd reply ends one machine, never the night
            self._agenda.forget(step)
            self._changed.set()
            self._on_bug(step.errand, bug)
        else:
            self._settle(step, reply)

    async def _claim(self) -> Step | None:
        """The next step as soon as it may be sent, or None when there is nothing left to send."""
        async with self._turn:
            while True:
                now = self._clock()
                match self._agenda.next(now):
                    case Step() as step:
                        self._watcher.sent(step.turn.kind)
                        self.counts.sent(step.turn.kind, is_retry=step.turn.is_retry)
                        return step
                    case Finished():
                        return None
                    case WaitUntil() as wait:
                        await self._wait(wait, now)

    async def _wait(self, wait: WaitUntil, now: float) -> None:
        """Until the moment comes or a reply changes the agenda."""
        self._watcher.waiting(wait.at if wait.at < NEVER else None, WAITS.get(wait.kind, "replies"))
        self._changed = anyio.Event()
        with anyio.move_on_after(wait.at - now):
            await self._changed.wait()

    def _settle(self, step: Step, reply: Reply) -> None:
        self._changed.set()
        now = self._clock()
        if reply.status == 401 and not self._refusals.is_about(step.errand, reply):
            self._agenda.put_back(step, self._refusals.delay_s(step.sent_at, now), now)
            return
        self._refusals.heard(step.errand, reply)
        self._tell(step, reply)
        try:
            if self._agenda.settle(step, reply, now):
                self._on_end(step.errand)
        except FleetscanError:
            raise
        except Exception as bug:  # noqa: BLE001 - as above
            self._on_bug(step.errand, bug)

    def _tell(self, step: Step, reply: Reply) -> None:
        if reply.status == 429:
            self.counts.throttled += 1
            self._watcher.throttled(step.turn.kind)
        elif reply.status in (200, 202) and step.turn.kind is RequestKind.START:
            self.accepted += 1
            self._watcher.accepted()


class Refusals:
    """How long Azure has been refusing our token, which is weather for the whole scan.

    A token that never worked is a mistake and not weather: one renewal has to cure it. A refusal that
    meets one errand again and again while others go through is about what it asks for: another tenant's
    machine, say.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._was_good = False
        self._good_replies = 0
        # By errand: how often it was refused, and the good replies when that began.
        self._refused: dict[Errand, tuple[int, int]] = {}

    def heard(self, errand: Errand, reply: Reply) -> None:
        """Azure looked at a request of `errand`, and so took the token; weather tells nothing of it."""
        self._refused.pop(errand, None)
        if not is_weather(reply):
            self._good_replies += 1
            self._since = None
            self._was_good = True

    def is_about(self, errand: Errand, reply: Reply) -> bool:
        """Whether a 401 is an answer to `errand`, and not about the token."""
        if read_error(reply, Stage.START).code == OTHER_TENANT:
            return True
        refused, good_replies = self._refused.get(errand, (0, self._good_replies))
        self._refused[errand] = refused + 1, good_replies
        return refused + 1 >= MAX_REFUSALS and self._good_replies > good_replies

    def delay_s(self, sent_at: float, now: float) -> float:
        """Seconds to wait before asking again; raises TokenRefusedError when it has gone on too long.

        `sent_at` tells whether the request still carried the token that has been renewed since.
        """
        if self._since is None:
            self._since = now
        if sent_at < self._since:
            return 0.0
        if not self._was_good or now - self._since > REFUSED_FOR_S:
            raise TokenRefusedError(
                "Azure goes on refusing our token (401), also a fresh one: "
                "check that the identity belongs to the tenant of these subscriptions"
            )
        return RENEW_AGAIN_S
