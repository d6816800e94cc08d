"""Lanes: the queues of requests that draw on the same token buckets.

A lane owns the bucket of one subscription and account (ARM's front door) and holds a region lane for each of
Microsoft.Compute's buckets behind it. A request leaves when both have a token for it and it is due.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from fleetscan.engine.bucket import Bucket
from fleetscan.engine.limits import ACCOUNT_LIMITS, DRAWS, POLICY_LIMITS, Account, Policy
from fleetscan.model import Ask, Errand, RequestKind

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Step:
    """One request to exchange now: its tokens are taken.

    `lane_taken` and `region_taken` are how many requests its buckets had counted when it left, itself
    included, by which the remaining counts of its reply are understood.
    """

    errand: Errand
    ask: Ask
    sent_at: float
    lane: Lane
    region: RegionLane
    lane_taken: int
    region_taken: int


class RegionLane:
    """Requests of one subscription, region and policy, earliest due first."""

    __slots__ = ("_queue", "bucket")

    def __init__(self, policy: Policy, now: float) -> None:
        self.bucket = Bucket(POLICY_LIMITS[policy], now)
        self._queue: list[tuple[float, int, Errand, Ask]] = []

    def put(self, due_at: float, order: int, errand: Errand, ask: Ask) -> None:
        """Queue `ask`; `order` tells apart what is due at the same moment."""
        heapq.heappush(self._queue, (due_at, order, errand, ask))

    def pop(self) -> tuple[Errand, Ask]:
        """Take out the request that is due first."""
        _, _, errand, ask = heapq.heappop(self._queue)
        return errand, ask

    def first_kind(self) -> RequestKind | None:
        """What the request that is due first is for."""
        return self._queue[0][3].kind if self._queue else None

    def due_at(self) -> float:
        """When the first request is due, whatever the bucket says; NEVER when none waits."""
        return self._queue[0][0] if self._queue else NEVER

    def ready_at(self, now: float) -> float:
        """When the first request is due and its token there."""
        return max(self._queue[0][0], self.bucket.ready_at(now)) if self._queue else NEVER

    def backlog_s(self) -> float:
        """How long the bucket's refill takes to serve everything that waits, in seconds."""
        return len(self._queue) / self.bucket.limit.refill_per_s


class Lane:
    """All requests of one subscription that draw on one account.

    `listed_at` is the moment under which the agenda has filed this lane.
    """

    __slots__ = ("_account", "_regions", "bucket", "listed_at")

    def __init__(self, account: Account, now: float) -> None:
        self._account = account
        self._regions: dict[tuple[Policy, str], RegionLane] = {}
        self.bucket = Bucket(ACCOUNT_LIMITS[account], now)
        self.listed_at = NEVER

    def put(self, due_at: float, order: int, errand: Errand, ask: Ask, now: float) -> None:
        """Queue `ask` in the region lane whose bucket it draws on."""
        _, policy = DRAWS[ask.kind]
        key = (policy, ask.region)
        if (region := self._regions.get(key)) is None:
            region = self._regions[key] = RegionLane(policy, now)
        region.put(due_at, order, errand, ask)

    def ready_at(self, now: float) -> float:
        """When any request may leave; NEVER when none waits."""
        return max(self.bucket.ready_at(now), min(region.ready_at(now) for region in self._regions.values()))

    def next_kind(self, now: float) -> RequestKind | None:
        """What the request that may leave first is for; None when none waits."""
        return min(self._regions.values(), key=lambda region: region.ready_at(now)).first_kind()

    def take(self, now: float) -> Step:
        """Send off the request whose turn it is; only when `ready_at` has come."""
        region = self._turn(now)
        errand, ask = region.pop()
        self.bucket.take(now)
        region.bucket.take(now)
        return Step(errand, ask, now, self, region, self.bucket.taken, region.bucket.taken)

    def _turn(self, now: float) -> RegionLane:
        """Starts: the region with the longest start time ahead. Reads: whichever is most overdue."""
        ready = [region for region in self._regions.values() if region.ready_at(now) <= now]
        if self._account is Account.WRITES:
            return max(ready, key=RegionLane.backlog_s)
        return min(ready, key=RegionLane.due_at)
