"""The queues of requests that draw on the same token buckets.

A request queue owns the bucket of one subscription and account (ARM's front door) and holds a region queue
for each of Microsoft.Compute's buckets behind it. A request leaves when both have a token for it, it is due,
and its region is known to answer or is being tried.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from fleetscan.engine.bucket import Bucket
from fleetscan.engine.circuit import FAILURES_TO_OPEN, Circuit
from fleetscan.engine.first_starts import FirstStarts
from fleetscan.engine.limits import REGIONAL, Account, Limits, Policy, policy_of
from fleetscan.engine.start_order import StartOrder
from fleetscan.model import Job, Request, RequestKind, Turn

NEVER = float("inf")
# Polls leave the workers to starts once fewer than this share of them are idle, but for a trickle.
IDLE_ENOUGH = 0.5
LEAST_LOAD = 0.05
# A turn that may wait this much longer goes now: a wait too short for the clock to show would never end.
LEAST_WAIT_S = 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """One request to exchange now: its tokens are taken.

    `queue_taken` and `region_taken` are how many requests its buckets had counted when it left, itself
    included, by which the remaining counts of its reply are understood.
    """

    job: Job
    turn: Turn
    request: Request
    sent_at: float
    queue: RequestQueue
    region: RegionQueue
    queue_taken: int
    region_taken: int


class RegionQueue:
    """Requests of one subscription, region and policy, earliest due first."""

    __slots__ = ("_queue", "bucket", "circuit")

    def __init__(self, bucket: Bucket, circuit: Circuit) -> None:
        self.bucket = bucket
        self.circuit = circuit
        self._queue: list[tuple[float, int, Job, Turn]] = []

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, due_at: float, order: int, job: Job, turn: Turn, now: float) -> None:
        """Queue `job`; `order` tells apart what is due at the same moment."""
        heapq.heappush(self._queue, (due_at, order, job, turn))

    def pop(self, now: float, reads_per_s: Callable[[], float]) -> tuple[Job, Turn] | None:
        """Take out the turn that is due first, or None where that one can wait: it is queued anew.

        `reads_per_s` tells what polls may take at this moment.
        """
        _, order, job, turn = self._queue[0]
        if turn.may_wait and (wait_s := job.wait_s(now, reads_per_s())) > LEAST_WAIT_S:
            heapq.heapreplace(self._queue, (now + wait_s, order, job, turn))
            return None
        heapq.heappop(self._queue)
        return job, turn

    def take_out(self, is_wanted: Callable[[Job], bool] = lambda _: True) -> list[Job]:
        """Take out what waits: all of it, or the jobs that are wanted."""
        jobs = [job for _, _, job, _ in self._queue if is_wanted(job)]
        if jobs:
            self._queue = [entry for entry in self._queue if not is_wanted(entry[2])]
            heapq.heapify(self._queue)
        return jobs

    def first_kind(self) -> RequestKind | None:
        """What the request that is due first is for."""
        return self._queue[0][3].kind if self._queue else None

    def due_at(self) -> float:
        """When the first request is due, whatever the bucket says; NEVER when none waits."""
        return self._queue[0][0] if self._queue else NEVER

    def opens_at(self) -> float:
        """When a token is there and the region let through to, whatever is due."""
        bucket_at, circuit_at = self.bucket.ready_at(), self.circuit.ready_at
        return bucket_at if bucket_at > circuit_at else circuit_at

    def ready_at(self) -> float:
        """When the first request is due, its token there, and the region let through to."""
        if (due_at := self.due_at()) == NEVER:
            return NEVER
        opens_at = self.opens_at()
        return due_at if due_at > opens_at else opens_at

    def backlog_s(self) -> float:
        """How long the bucket's refill takes to serve everything that waits, in seconds."""
        return len(self) / self.bucket.refill_per_s


class StartQueue(RegionQueue):
    """Starts of one subscription and region: of those that are due, the longest assessment first."""

    __slots__ = ("order",)

    def __init__(self, bucket: Bucket, circuit: Circuit) -> None:
        super().__init__(bucket, circuit)
        self.order = StartOrder()

    def __len__(self) -> int:
        return len(self._queue) + len(self.order)

    def put(self, due_at: float, order: int, job: Job, turn: Turn, now: float) -> None:
        """Queue `job` for its moment, or among those that are due."""
        if due_at > now:
            super().put(due_at, order, job, turn, now)
        else:
            self.order.put(order, job, turn)

    def pop(self, now: float, reads_per_s: Callable[[], float]) -> tuple[Job, Turn] | None:
        """Take out the start whose turn it is."""
        while self._queue and self._queue[0][0] <= now:
            _, order, job, turn = heapq.heappop(self._queue)
            self.order.put(order, job, turn)
        return self.order.pop()

    def take_out(self, is_wanted: Callable[[Job], bool] = lambda _: True) -> list[Job]:
        """Take out what waits: all of it, or the jobs that are wanted."""
        return self.order.take_out(is_wanted) + super().take_out(is_wanted)

    def first_kind(self) -> RequestKind | None:
        """What the request that goes first is for."""
        return RequestKind.START if self.order else super().first_kind()

    def due_at(self) -> float:
        """When the first request is due: long ago where one is."""
        return -NEVER if self.order else super().due_at()


class RequestQueue:
    """All requests of one subscription that draw on one account.

    `listed_at` is the moment under which the scheduler has listed this queue, for a request of `listed_kind`;
    `at_first` is how many starts may be on their way before one is answered.
    """

    __slots__ = ("_limits", "_regions", "account", "bucket", "first_starts", "listed_at", "listed_kind")

    def __init__(self, account: Account, limits: Limits, now: float, at_first: float = NEVER) -> None:
        self.account = account
        self._limits = limits
        self._regions: dict[tuple[Policy, str], RegionQueue] = {}
        self.bucket = Bucket(limits.accounts[account], now, limits.share_of(account))
        # Starts alone draw on the account of writes.
        self.first_starts = FirstStarts(at_first if account is Account.WRITES else NEVER)
        self.listed_at = NEVER
        self.listed_kind: RequestKind | None = None

    def put(self, due_at: float, order: int, job: Job, turn: Turn, now: float) -> None:
        """Queue `job` in the region queue whose bucket it draws on."""
        self._region(turn, now).put(due_at, order, job, turn, now)

    def heard(self, region: str) -> None:
        """One more job whose start waits for the region expects something."""
        for policy in (Policy.PATCH_OPERATIONS, Policy.ARC):
            if isinstance(starts := self._regions.get((policy, region)), StartQueue):
                starts.order.heard()

    def _region(self, turn: Turn, now: float) -> RegionQueue:
        policy, name = policy_of(turn.kind, is_arc=turn.is_arc), turn.region
        if (region := self._regions.get((policy, name))) is None:
            bucket = Bucket(self._limits.policies[policy], now, self._limits.share)
            circuit = Circuit(FAILURES_TO_OPEN if policy in REGIONAL else NEVER)
            of_kind = StartQueue if turn.kind is RequestKind.START else RegionQueue
            region = self._regions[policy, name] = of_kind(bucket, circuit)
        return region

    def opens_at(self) -> float:
        """When a token is there and one more start may be on its way, whatever is due."""
        bucket_at, starts_at = self.bucket.ready_at(), self.first_starts.ready_at
        return bucket_at if bucket_at > starts_at else starts_at

    def first(self) -> tuple[float, RequestKind | None]:
        """When a request may leave, NEVER when none waits, and what the first one is for."""
        first_at, first = NEVER, None
        for region in self._regions.values():
            if (ready_at := region.ready_at()) < first_at:
                first_at, first = ready_at, region
        return (NEVER, None) if first is None else (max(self.opens_at(), first_at), first.first_kind())

    def served_at(self, now: float) -> tuple[int, float]:
        """How many requests wait, and when the buckets can have let the last of them through."""
        waiting = sum(map(len, self._regions.values()))
        regions_at = [region.bucket.served_at(len(region), now) for region in self._regions.values()]
        return waiting, max(self.bucket.served_at(waiting, now), *regions_at)

    def take_out(self, is_wanted: Callable[[Job], bool]) -> list[Job]:
        """Take out the jobs that wait here and are wanted."""
        return [job for region in self._regions.values() for job in region.take_out(is_wanted)]

    def take(self, now: float, idle_share: float = 1.0) -> Step | None:
        """Send off the request whose turn it is; None where none is ready or it can wait.

        `idle_share` of the workers have nothing to do.
        """
        if self.opens_at() > now:
            return None
        if (region := self._next_region(now)) is None:
            return None
        popped = region.pop(now, lambda: self._polls_per_s(region, now, idle_share))
        return None if popped is None else self._step(*popped, region, now)

    def take_aside(self, job: Job, turn: Turn, now: float) -> Step:
        """Send off a request that has not waited here, when `aside_at` has come."""
        return self._step(job, turn, self._region(turn, now), now)

    def aside_at(self, turn: Turn, now: float) -> float:
        """When the buckets have a token for a request that does not wait here."""
        region = self._region(turn, now)
        return max(self.bucket.ready_at(), region.bucket.ready_at())

    def _step(self, job: Job, turn: Turn, region: RegionQueue, now: float) -> Step:
        self.bucket.take(now)
        region.bucket.take(now)
        region.circuit.sent()
        self.first_starts.sent()
        asked = job.request()
        request = Request(asked.method, asked.url, asked.body, turn.kind)
        return Step(job, turn, request, now, self, region, self.bucket.taken, region.bucket.taken)

    def _polls_per_s(self, region: RegionQueue, now: float, idle_share: float) -> float:
        """What polls may take now: what the scarcer bucket can spare, and less where workers are few."""
        spare_per_s = min(self.bucket.spare_per_s(now), region.bucket.spare_per_s(now))
        return spare_per_s * max(LEAST_LOAD, min(1.0, idle_share / IDLE_ENOUGH))

    def _next_region(self, now: float) -> RegionQueue | None:
        """Starts: the region with the longest start time ahead. Reads: whichever is most overdue."""
        ready = [
            region for region in self._regions.values() if region.due_at() <= now and region.opens_at() <= now
        ]
        if len(ready) < 2:
            return ready[0] if ready else None
        if self.account is Account.WRITES:
            return max(ready, key=RegionQueue.backlog_s)
        return min(ready, key=RegionQueue.due_at)
