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
    quota_resets_after_s,
    remaining_quotas,
    throttle_delay_s,
    throttle_scope,
)
from fleetscan.engine.retrying import again
from fleetscan.model import Job, Reply, RequestKind, Turn

NOW = float("-inf")


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
    most, until one is answered; `workers` requests are exchanged at once at most. `next` hands out a step
    whose tokens it has taken; one of `settle`, `put_back` and `forget` follows for each step. `outages`
    are those not yet reported; the reader removes them.
    """

    def __init__(self, limits: Limits = PUBLIC, at_first: float = NEVER, workers: int = 64) -> None:
        self._limits = limits
        self._at_first = at_first
        self._queues: dict[tuple[str, Account], RequestQueue] = {}
        self._heap: list[tuple[float, int, RequestQueue]] = []
        self._order = itertools.count()
        self._exchanging = 0
        self.workers = workers
        self._starts = True
        self._aside: Job | None = None
        # Its next request and when that is due; None while it is exchanged.
        self._aside_turn: tuple[float, Turn] | None = None
        self.outages: list[Outage] = []

    def stop_starting(self) -> None:
        """Drop every start that waits, and those to come, and what goes on aside."""
        self._starts = False
        self._aside_turn = None
        self._queues = {
            key: queue for key, queue in self._queues.items() if queue.account is not Account.WRITES
        }
        self._heap = [entry for entry in self._heap if entry[2].account is not Account.WRITES]
        heapq.heapify(self._heap)

    def add(self, job: Job, now: float) -> None:
        """Take in a job; its first request waits for its turn."""
        self._put(job, job.begin(now), now)

    def add_aside(self, job: Job, now: float) -> None:
        """Take in a job that nothing waits for, one at a time: all is finished where only this one is not."""
        self._aside = job
        self._put(job, job.begin(now), now)

    def is_aside(self, step: Step) -> bool:
        """Whether nothing waits for the step's job."""
        return step.job is self._aside

    def heard(self, subscription_id: str, region: str) -> None:
        """One more job whose start waits in this scope expects something: starts may go in another order."""
        if (queue := self._queues.get((subscription_id, Account.WRITES))) is not None:
            queue.heard(region)

    def next(self, now: float) -> Step | WaitUntil | Finished:
        """What to do now. Takes the tokens of the step it returns."""
        if self._aside_turn is None:
            return self._next(now)
        due_at, turn = self._aside_turn
        queue = self._queue(turn, now)
        ready_at = max(due_at, queue.aside_at(turn, now))
        if ready_at <= now:
            return self._step_aside(queue, turn, now)
        match self._next(now):
            case WaitUntil(at=at) if at > ready_at:
                return WaitUntil(ready_at, turn.kind)
            case Finished() as finished:
                self._aside_turn = None
                return finished
            case found:
                return found

    def due_at(self) -> float:
        """When `next` may have something else to say than to wait, as far as is known now."""
        if not self._heap and not self._exchanging:
            return NOW
        aside_at = NEVER if self._aside_turn is None else self._aside_turn[0]
        return min(aside_at, self._heap[0][0] if self._heap else NEVER)

    def _step_aside(self, queue: RequestQueue, turn: Turn, now: float) -> Step:
        assert self._aside is not None
        self._aside_turn = None
        return queue.take_aside(self._aside, turn, now)

    def _next(self, now: float) -> Step | WaitUntil | Finished:
        while self._heap:
            listed_at, _, queue = self._heap[0]
            if listed_at != queue.listed_at:
                heapq.heappop(self._heap)
                continue
            if listed_at > now:
                return WaitUntil(listed_at, queue.listed_kind)
            step = queue.take(now, 1.0 - self._exchanging / self.workers)
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
        elif self.is_aside(step):
            self._aside = None
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

    def starts_to_come(self, now: float) -> tuple[int, float]:
        """How many starts wait, and when the buckets can have let the last of them through."""
        queues = [queue for queue in self._queues.values() if queue.account is Account.WRITES]
        served = [queue.served_at(now) for queue in queues]
        waiting = [(count, at) for count, at in served if count]
        return sum(count for count, _ in waiting), max((at for _, at in waiting), default=now)

    def take_out_starts(self, subscription_id: str, is_wanted: Callable[[Job], bool]) -> list[Job]:
        """The jobs of a subscription that wait for their start and are wanted: they wait no longer."""
        queue = self._queues.get((subscription_id, Account.WRITES))
        return [] if queue is None else queue.take_out(is_wanted)

    def _came_back(self, step: Step, reply: Reply | None, now: float, *, has_answered: bool) -> None:
        """Learn from a step's end; a `reply` of None says nothing of what was asked."""
        queue, region = step.queue, step.region
        # What is listed for now already cannot be listed sooner.
        opened_at = (queue.opens_at(), region.opens_at()) if now < queue.listed_at else None
        self._exchanging -= not self.is_aside(step)
        queue.first_starts.came_back(is_verdict=reply is not None and not is_weather(reply))
        self._judge(step, now, has_answered=has_answered)
        if reply is not None:
            self._learn(step, reply, now)
        # A raised bucket or a closed circuit may make the queue ready sooner than it is listed for.
        if opened_at is not None and (queue.opens_at() < opened_at[0] or region.opens_at() < opened_at[1]):
            self._list_sooner(queue, now)

    def _put(self, job: Job, turn: Turn, now: float) -> None:
        due_at = now + turn.after_s
        if job is self._aside:
            self._aside_turn = (due_at, turn) if self._starts else None
            return
        account, _ = DRAWS[turn.kind]
        if account is Account.WRITES and not self._starts:
            return
        queue = self._queue(turn, now)
        queue.put(due_at, next(self._order), job, turn, now)
        if due_at < queue.listed_at:
            self._list(queue, due_at, turn.kind)

    def _queue(self, turn: Turn, now: float) -> RequestQueue:
        account, _ = DRAWS[turn.kind]
        key = (turn.subscription_id, account)
        if (queue := self._queues.get(key)) is None:
            queue = self._queues[key] = RequestQueue(account, self._limits, now, self._at_first)
        return queue

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
            if (resets_after_s := quota_resets_after_s(reply.headers)) is not None:
                step.queue.bucket.rest(remaining.subscription, resets_after_s, now)
        if remaining.all_callers is not None:
            step.queue.bucket.lower(remaining.all_callers, step.queue_taken, now)
        if remaining.region is not None:
            step.region.bucket.correct(remaining.region, step.region_taken, now)
