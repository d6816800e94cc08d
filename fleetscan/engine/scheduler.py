"""The scheduler: everything still to be asked of Azure, and the one place that decides what is sent next.

A pure object: each call is told the time. Requests wait in queues, one for each subscription and account;
a heap holds the queues by the moment they may next send, recomputed when one comes up, because a sibling
may have spent the shared token since. No subscription waits for another.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from fleetscan.engine.limits import DRAWS, PUBLIC, Account, Limits
from fleetscan.engine.queues import NEVER, RequestQueue, Step
from fleetscan.engine.replies import (
    ThrottleScope,
    is_answer,
    is_weather,
    remaining_quotas,
    throttle_delay_s,
    throttle_scope,
)
from fleetscan.engine.retrying import again
from fleetscan.model import Job, Reply, RequestKind, Turn


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing may be sent before `at`, when one of `kind` may; infinity when only a reply brings more."""

    at: float
    kind: RequestKind | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing waits and nothing is being exchanged."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A region that stopped answering one subscription's requests of some kind, or answers again.

    `given_up` are the jobs that waited for it and are not asked for any more.
    """

    subscription_id: str
    region: str
    is_over: bool = False
    given_up: tuple[Job, ...] = ()


class Scheduler:
    """Jobs and the order in which their requests may go.

    It begins with `limits`, which replies correct. Of each subscription `at_first` starts are on their way at
    most, until one is answered. At most `workers` requests are exchanged at once. `next` hands out a step whose tokens it has taken;
    exactly one of `settle`, `put_back` and `forget` follows for each step. `outages` are those
    not yet reported; the reader removes them.
    """

    def __init__(self, limits: Limits = PUBLIC, at_first: float = NEVER, workers: int = 64) -> None:
        self._limits = limits
        self._at_first = at_first
        self._queues: dict[tuple[str, Account], RequestQueue] = {}
        self._heap: list[tuple[float, int, RequestQueue]] = []
        self._order = itertools.count()
        self._exchanging = 0
        self._workers = workers
        self._starts = True
        self.outages: list[Outage] = []

    def stop_starting(self) -> None:
        """Drop every start that waits, and those to come."""
        self._starts = False
        self._queues = {
            key: queue for key, queue in self._queues.items() if queue.account is not Account.WRITES
        }
        self._heap = [entry for entry in self._heap if entry[2].account is not Account.WRITES]
        heapq.heapify(self._heap)

    def add(self, job: Job, now: float) -> None:
        """Take in a job; its first request waits for its turn."""
        self._put(job, job.begin(now), now)

    def next(self, now: float) -> Step | WaitUntil | Finished:
        """What to do now. Takes the tokens of the step it returns."""
        while self._heap:
            listed_at, _, queue = self._heap[0]
            if listed_at != queue.listed_at:
                heapq.heappop(self._heap)
                continue
            if listed_at > now:
                return WaitUntil(listed_at, queue.listed_kind)
            step = queue.take(now, 1.0 - self._exchanging / self._workers)
            self._list_again(queue, now)
            if step is not None:
                self._exchanging += 1
                return step
        return WaitUntil(NEVER) if self._exchanging else Finished()

    def settle(self, step: Step, reply: Reply, now: float) -> bool:
        """Give a step's reply to its job; True when the job has ended."""
        self._came_back(step, reply, now, has_answered=is_answer(reply))
        turn = step.job.receive(reply, step.sent_at, now)
        if turn is not None:
            self._put(step.job, turn, now)
        self._give_up(step)
        return turn is None

    def forget(self, step: Step, now: float) -> None:
        """Drop a step that brought no reply and never will."""
        self._came_back(step, None, now, has_answered=False)
        self._give_up(step)

    def put_back(self, step: Step, after_s: float, now: float) -> None:
        """Queue a step again that Azure did not process, because its token was refused."""
        self._came_back(step, None, now, has_answered=True)
        self._put(step.job, again(step.turn, after_s), now)

    def take_out_starts(self, subscription_id: str, is_wanted: Callable[[Job], bool]) -> list[Job]:
        """The jobs of a subscription that wait for their start and are wanted: they wait no longer."""
        queue = self._queues.get((subscription_id, Account.WRITES))
        return [] if queue is None else queue.take_out(is_wanted)

    def _came_back(self, step: Step, reply: Reply | None, now: float, *, has_answered: bool) -> None:
        """Learn from a step's end; a `reply` of None says nothing of what was asked."""
        queue, region = step.queue, step.region
        queue_opened_at, region_opened_at = queue.opens_at(), region.opens_at()
        self._exchanging -= 1
        queue.first_starts.came_back(is_verdict=reply is not None and not is_weather(reply))
        self._judge(step, now, has_answered=has_answered)
        if reply is not None:
            self._learn(step, reply, now)
        # A raised bucket or a closed circuit may make the queue ready sooner than it is listed for.
        if queue.opens_at() < queue_opened_at or region.opens_at() < region_opened_at:
            self._list_sooner(queue, now)

    def _put(self, job: Job, turn: Turn, now: float) -> None:
        account, _ = DRAWS[turn.kind]
        if account is Account.WRITES and not self._starts:
            return
        key = (turn.subscription_id, account)
        if (queue := self._queues.get(key)) is None:
            queue = self._queues[key] = RequestQueue(account, self._limits, now, self._at_first)
        due_at = now + turn.after_s
        queue.put(due_at, next(self._order), job, turn, now)
        if due_at < queue.listed_at:
            self._list(queue, due_at, turn.kind)

    def _list(self, queue: RequestQueue, at: float, kind: RequestKind | None) -> None:
        queue.listed_at, queue.listed_kind = at, kind
        heapq.heappush(self._heap, (at, next(self._order), queue))

    def _list_again(self, queue: RequestQueue, now: float) -> None:
        """List the queue on top of the heap under its true time, or take it off when it is empty."""
        # No earlier than now: a queue that has just sent goes behind those that are due.
        ready_at, queue.listed_kind = queue.first()
        queue.listed_at = max(ready_at, now)
        if queue.listed_at == NEVER:
            heapq.heappop(self._heap)
        else:
            heapq.heapreplace(self._heap, (queue.listed_at, next(self._order), queue))

    def _list_sooner(self, queue: RequestQueue, now: float) -> None:
        # Never before those that are due by now.
        ready_at, kind = queue.first()
        if max(ready_at, now) < queue.listed_at:
            self._list(queue, max(ready_at, now), kind)

    def _judge(self, step: Step, now: float, *, has_answered: bool) -> None:
        """Open the region's circuit where no reply is an answer, close it where one is."""
        circuit = step.region.circuit
        was_open = circuit.is_open
        if has_answered:
            circuit.answered()
        else:
            circuit.failed(step.sent_at, now)
        if circuit.is_open != was_open:
            self.outages.append(Outage(step.turn.subscription_id, step.turn.region, is_over=was_open))

    def _give_up(self, step: Step) -> None:
        """The last probe brought no answer: what waits for the region waits no longer."""
        if step.region.circuit.is_given_up and (given_up := tuple(step.region.take_out())):
            self.outages.append(Outage(step.turn.subscription_id, step.turn.region, given_up=given_up))

    def _learn(self, step: Step, reply: Reply, now: float) -> None:
        """Correct the buckets by what the reply says, and freeze those it refuses."""
        if reply.fault is not None:
            return
        self._correct(step, reply, now)
        if reply.status != 429:
            step.queue.bucket.thaw()
            step.region.bucket.thaw()
            return
        match throttle_scope(reply):
            case ThrottleScope.TENANT:
                for queue in self._queues.values():
                    if queue.account is step.queue.account:
                        queue.bucket.freeze(now, step.sent_at, throttle_delay_s(reply))
            case ThrottleScope.SUBSCRIPTION:
                step.queue.bucket.freeze(now, step.sent_at, throttle_delay_s(reply))
            case ThrottleScope.REGION:
                step.region.bucket.freeze(now, step.sent_at, throttle_delay_s(reply))
            case ThrottleScope.MACHINE:
                pass

    def _correct(self, step: Step, reply: Reply, now: float) -> None:
        """Hand the counts of a reply to the buckets they are about."""
        remaining = remaining_quotas(reply.headers, step.queue.account)
        if remaining.subscription is not None:
            step.queue.bucket.correct(remaining.subscription, step.queue_taken, now)
        if remaining.all_callers is not None:
            step.queue.bucket.lower(remaining.all_callers, step.queue_taken, now)
        if remaining.region is not None:
            step.region.bucket.correct(remaining.region, step.region_taken, now)
