"""The all-knowing schedule: how soon a fleet can be assessed at best, which a scan is measured against.

It knows every duration, draws on the cloud's own buckets of starts, sends nothing else, and its requests
take no time.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from fleetscan.simulator.buckets import MINUTE_S, Bucket, arm_bucket, compute_bucket
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Fleet
from fleetscan.simulator.policies import ARM_WRITES, POLICIES, Duty
from fleetscan.simulator.refusals import refusal_of_start
from fleetscan.simulator.scenario import Scenario


def bound(
    scenario: Scenario, starts: Mapping[tuple[str, str], Sequence[float]], first_start_at: float = 0.0
) -> float:
    """Seconds from the first start to the last operation's end, at best.

    `starts` holds the durations in seconds of a (subscription, region)'s assessments. Of the scenario,
    `limits_speed`, `refill` and `rival_share` count. Where buckets fill by the minute it matters when in the
    minute a scan begins: `first_start_at` is that moment on the cloud's clock.
    """
    if not scenario.limits_speed:
        return max((duration for queue in starts.values() for duration in queue), default=0.0)
    regions: dict[str, list[Sequence[float]]] = {}
    for (subscription_id, _), durations in starts.items():
        regions.setdefault(subscription_id, []).append(durations)
    # The phase alone matters, and small numbers keep their precision.
    began_at = first_start_at % MINUTE_S
    ends = [_last_end(scenario, of_one, began_at) for of_one in regions.values()]
    return max(ends, default=began_at) - began_at


def bound_of(fleet: Fleet, scenario: Scenario, first_start_at: float = 0.0) -> float:
    """The bound of scanning a whole simulated fleet: every machine that is listed as running is started once.

    A start that is refused costs its tokens too, and ends at once.
    """
    starts: dict[tuple[str, str], list[float]] = {}
    for machine in fleet:
        if machine.fate is Fate.STOPPED:
            continue
        is_over = machine.fate is Fate.NO_CONTENT or refusal_of_start(machine) is not None
        duration_s = 0.0 if is_over else machine.lot.duration_s
        starts.setdefault((machine.subscription.subscription_id, machine.region), []).append(duration_s)
    return bound(scenario, starts, first_start_at)


class _Queue:
    """The starts of one subscription and region, longest assessment first; `done` of them have been made.

    `ready_at` is the earliest moment for the next.
    """

    __slots__ = ("bucket", "done", "durations", "ready_at", "tails")

    def __init__(self, durations: Sequence[float], bucket: Bucket, now: float) -> None:
        self.durations = sorted(durations, reverse=True)
        self.bucket = bucket
        self.tails = _tails(self.durations, bucket)
        self.ready_at = now
        self.done = 0

    def start(self, now: float) -> float:
        """Makes the next start, for which the bucket has just been asked; when its operation ends."""
        self.bucket.take()
        self.ready_at = self.bucket.ready_at(now)
        self.done += 1
        return now + self.durations[self.done - 1]


def _last_end(scenario: Scenario, regions: list[Sequence[float]], now: float) -> float:
    """When the last operation of one subscription ends; its first start is at `now`.

    Each token of ARM's goes to the most urgent start that can use it before the full bucket would spill it
    (Jackson's rule): a token may wait a moment for a region that has none.
    """
    # Of several windows the first binds, by how the policies are made.
    policy = POLICIES[scenario.policy_names][Duty.PATCH][0]
    door = arm_bucket(ARM_WRITES, scenario, now)
    queues = [
        _Queue(durations, compute_bucket(policy, scenario, now), now) for durations in regions if durations
    ]
    waiting = [(now, place) for place in range(len(queues))]
    urgent: list[tuple[float, int]] = []
    # ARM's bucket was last full at `now`, and `used` tokens have gone since.
    used, last_end = 0, now
    while waiting or urgent:
        opens_at, spills_at = now + max(0.0, (used + 1 - door.size) / door.per_s), now + used / door.per_s
        while waiting and waiting[0][0] <= spills_at:
            _, place = heapq.heappop(waiting)
            heapq.heappush(urgent, (-queues[place].tails[queues[place].done], place))
        if not urgent:
            now, used = waiting[0][0], 0
            continue
        queue = queues[place := heapq.heappop(urgent)[1]]
        # A rival may have emptied the region's bucket while ARM let nothing pass.
        queue.ready_at = queue.bucket.ready_at(max(opens_at, queue.ready_at))
        if queue.ready_at <= spills_at:
            last_end = max(last_end, queue.start(queue.ready_at))
            used += 1
        if queue.done < len(queue.durations):
            heapq.heappush(waiting, (queue.ready_at, place))
    return last_end


def _tails(durations: list[float], bucket: Bucket) -> list[float]:
    """For each start the least seconds to the last end of those from it on, were the bucket full then.

    A full bucket serves `size` starts at once; the one after them waits 1 / per_s, the next 2 / per_s.
    """
    tails = list(durations)
    latest = 0.0
    for place in range(len(durations) - 1, bucket.size - 1, -1):
        latest = max(latest, durations[place] + place / bucket.per_s)
        first = place - bucket.size
        tails[first] = max(tails[first], latest - (place - 1) / bucket.per_s)
    return tails
