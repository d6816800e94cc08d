"""When to poll a running assessment: as the settings say, or as often as a read is worth at the moment.

A subscription's reads that can be spared are shared among its running operations in proportion to the square
root of their hazard: no other schedule sees the ends sooner for as many reads. docs/design/pacing.md has the
reasoning. Retry-After is a floor in either case, and never a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from fleetscan.engine.hazard import AGAIN_WIDTH, PRIOR_MEAN_S, Hazard
from fleetscan.engine.last_time import LastBy, LastTime
from fleetscan.engine.time_left import TimeLeft

# Compute refills 15 status reads a minute for one VM: the distance where no reply has told its own count.
MIN_POLL_SPACING_S = 4.0
# A VM's own count of reads that are left sets the distance: 2 s at 45 (a full bucket), 4 s at 20, 8 s at 10.
SPACING_COUNT_S = 80.0
CLOSEST_S, FARTHEST_S = 2.0, 60.0
# No assessment has been seen to end sooner.
SOONEST_S = 4.0
# A poll has to bring ends forward by so much on average to be worth a read.
LEAST_WORTH_S = 0.03
# A poll is planned anew after this share of the operation's age: others have ended, and more is known.
RETHINK_SHARE = 0.3
# What is due but for this share of its distance from the poll before goes now: to plan it anew costs as much
# time of our own as half a poll, and what reads may be spent changes by more within seconds.
NEARLY_DUE_SHARE = 0.05
# What polls may take of a subscription whose buckets are full, until its queue has said so.
FULL_READS_PER_S = 67.0
# An earlier run counts as so many operations of this one.
RECALL_WEIGHT = 40.0
SHORTEST_LAST_S = 10.0
LONGEST_LAST_S = 14_400.0


@dataclass(slots=True)
class Demand:
    """The running operations of a subscription: the sum of their weights, and the reads a second for them."""

    weight: float = 0.0
    reads_per_s: float = FULL_READS_PER_S


@dataclass(slots=True)
class Watch:
    """What is known of a running operation. `seen_s` is its age when it was last seen running, 0 at first.

    `last_s` is how long the VM's assessment took last time, where that is known, by the times of `last_by`.
    `is_resumed` says that an earlier process started it: how old it is depends on two wall clocks. `weight`
    is its part of `demand`.
    """

    kind: str
    demand: Demand
    accepted_at: float
    last_s: float | None = None
    last_by: LastBy = LastBy.OPERATION
    seen_s: float = 0.0
    is_resumed: bool = False
    weight: float = 0.0
    spacing_s: float = MIN_POLL_SPACING_S
    has_left: bool = False

    @property
    def scale(self) -> float:
        """What ages are divided by to compare VMs by their last times."""
        return 1.0 if self.last_s is None else self.last_s / PRIOR_MEAN_S


class Pacing:
    """Plans the polls of all operations of a scan; ages and waits are seconds.

    `first_poll_s` and `poll_interval_s` fix the schedule where they are given, with up to a tenth added so
    that VMs started together are not polled together; `chance` returns 0.0 to 1.0. `recalled` are the
    durations of an earlier run, by OS type.
    """

    def __init__(
        self,
        chance: Callable[[], float],
        first_poll_s: float | None = None,
        poll_interval_s: float | None = None,
        recalled: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self._chance = chance
        self._first_poll_s = first_poll_s
        self._poll_interval_s = poll_interval_s
        self._hazards: dict[str, Hazard] = {}
        self._demands: dict[str, Demand] = {}
        # Durations again, each divided by its VM's last one.
        self._again = {last_by: Hazard(AGAIN_WIDTH) for last_by in LastBy}
        self._last_time = {last_by: LastTime() for last_by in LastBy}
        self.time_left = TimeLeft()
        for kind, durations_s in (recalled or {}).items():
            for duration_s in durations_s:
                self._of(kind).ended(0.0, duration_s, RECALL_WEIGHT / len(durations_s))
                self.time_left.ended(duration_s)

    def watch(
        self,
        os_type: str | None,
        subscription: str,
        accepted_at: float,
        last_s: float | None = None,
        last_by: LastBy = LastBy.OPERATION,
        *,
        is_resumed: bool = False,
    ) -> Watch:
        """Begin to watch an operation accepted at `accepted_at`, of a VM that took `last_s` last time."""
        demand = self._demands.setdefault(subscription, Demand())
        self.time_left.accepted(accepted_at)
        last_s = last_s and _as_last(last_s)
        return Watch(os_type or "", demand, accepted_at, last_s, last_by, is_resumed=is_resumed)

    def expect(self, watch: Watch, last_s: float, last_by: LastBy) -> None:
        """How long the VM's last assessment took became known while it is watched; what is known stays."""
        if watch.last_s is None:
            watch.last_s, watch.last_by = _as_last(last_s), last_by

    def may_wait(self, watch: Watch) -> bool:
        """Whether a poll planned now is planned anew before it is sent."""
        return self._fixed_s(watch) is None

    def wait_s(self, watch: Watch, age_s: float, reads_per_s: float | None = None) -> float:
        """How long until the next poll is due, or is to be planned anew; 0.0 where it is due at `age_s`.

        `reads_per_s` is what the subscription's polls may take now; without it, what was last said.
        """
        if (fixed_s := self._fixed_s(watch)) is not None:
            return max(0.0, watch.seen_s + fixed_s * (1.0 + 0.1 * self._chance()) - age_s)
        if reads_per_s is not None:
            watch.demand.reads_per_s = reads_per_s
        least_s = max(watch.seen_s + watch.spacing_s, SOONEST_S)
        due_s = max(self._worth_it_s(watch, age_s), least_s)
        if age_s >= max(least_s, due_s - NEARLY_DUE_SHARE * (due_s - watch.seen_s)):
            return 0.0
        return max(0.0, min(due_s, max(least_s, age_s * (1.0 + RETHINK_SHARE))) - age_s)

    def probably_ended_s(self, os_type: str | None, age_s: float) -> float:
        """The age at which half of the operations have ended that run at `age_s`."""
        return self._of(os_type or "").half_gone_s(age_s)

    def counted(self, watch: Watch, left: int) -> None:
        """A reply said that so many reads of this VM are `left`."""
        watch.spacing_s = min(max(SPACING_COUNT_S / max(left, 1), CLOSEST_S), FARTHEST_S)

    def running(self, watch: Watch, age_s: float) -> None:
        """A poll at `age_s` showed the operation running."""
        self._of(watch.kind).running(watch.seen_s, age_s)
        if watch.last_s is not None:
            self._again[watch.last_by].running(watch.seen_s / watch.scale, age_s / watch.scale)
        watch.seen_s = age_s

    def ended(self, watch: Watch, duration_s: float) -> None:
        """The operation has ended, and lasted `duration_s` by Azure's own clock."""
        self.time_left.ended(duration_s)
        self._of(watch.kind).ended(watch.seen_s, duration_s)
        if watch.last_s is not None:
            self._again[watch.last_by].ended(watch.seen_s / watch.scale, duration_s / watch.scale)
            self._last_time[watch.last_by].ended(watch.kind, _as_last(duration_s), watch.last_s)

    def ended_within(self, watch: Watch, age_s: float) -> None:
        """A poll at `age_s` showed that the operation has ended, and not when.

        It counts as having lasted so long: at most it did. How it compares to last time that does not tell,
        because the poll may have been sent by the last time.
        """
        if not watch.is_resumed:
            self.time_left.ended(age_s)
            self._of(watch.kind).ended(watch.seen_s, age_s)

    def leave(self, watch: Watch) -> None:
        """The operation is not polled any more, for whatever reason. Leaving twice is harmless."""
        if not watch.has_left:
            watch.has_left = True
            self._weigh(watch, 0.0)
            self.time_left.left(watch.accepted_at)

    def _fixed_s(self, watch: Watch) -> float | None:
        return self._first_poll_s if watch.seen_s == 0.0 else self._poll_interval_s

    def _worth_it_s(self, watch: Watch, age_s: float) -> float:
        """The age at which the operation's turn comes among those of its subscription."""
        hazard, scale = self._guess(watch)
        # A hazard a scaled second is `scale` times less a second, and its root over the seconds as much more.
        root = sqrt(scale)
        self._weigh(watch, hazard.root_at(age_s / scale) / root)
        # Over a short while d the ends are late by hazard x d^2 / 2 in all, and the root x d is the share.
        share = max(watch.demand.weight / watch.demand.reads_per_s, sqrt(2.0 * LEAST_WORTH_S))
        return hazard.due_s(watch.seen_s / scale, share / root) * scale

    def _weigh(self, watch: Watch, weight: float) -> None:
        # Rounding must not leave less than nothing of many sums and differences.
        watch.demand.weight = max(weight, watch.demand.weight + weight - watch.weight)
        watch.weight = weight

    def _guess(self, watch: Watch) -> tuple[Hazard, float]:
        """What predicts the operation's end best, and what its ages are divided by there."""
        if watch.last_s is not None and self._last_time[watch.last_by].is_reliable:
            return self._again[watch.last_by], watch.scale
        return self._of(watch.kind), 1.0

    def _of(self, kind: str) -> Hazard:
        if (hazard := self._hazards.get(kind)) is None:
            hazard = self._hazards[kind] = Hazard()
        return hazard


def _as_last(duration_s: float) -> float:
    """A duration as it is compared to another: what lies beyond any assessment is no longer told apart."""
    return min(max(duration_s, SHORTEST_LAST_S), LONGEST_LAST_S)
