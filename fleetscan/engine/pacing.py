"""When to poll a running assessment: as the settings say, or as learned from operations' own durations.

Retry-After is a floor in either case, and never a plan. Until anything is known of a kind of VM, a few
scouts are polled often and all others wait for what those show. Where VMs take about as long as last
time, each is polled by its own last duration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fleetscan.engine.durations import PRIOR_MEDIAN_S, Durations
from fleetscan.engine.last_time import TRIAL, LastTime

# Compute refills 15 status reads a minute for one VM: the distance between polls that no
# setting asks for, such as those after a failed poll.
MIN_POLL_SPACING_S = 4.0
# Enough to tell a regular fleet from a varied one; more would cost a small fleet more reads than they save.
SCOUTS = 3
SCOUT_FIRST_S = 40.0
SCOUT_GROWTH = 1.15
# An earlier run counts as so many operations of this one.
RECALL_WEIGHT = 40.0
# How durations may compare to those of last time: closely, or hardly at all.
AGAIN_LOG_SIGMAS = (0.1, 0.6)
SHORTEST_LAST_S = 10.0
LONGEST_LAST_S = 14_400.0
# A poll that can wait is reconsidered after a minute, and then after a seventh of the operation's age:
# what was due later may turn out to be due now.
RECONSIDER_FIRST_S = 60.0
RECONSIDER_SHARE = 0.15


@dataclass(slots=True)
class Watch:
    """What is known of a running operation. `seen_s` is its age when it was last seen running, 0 at first.

    `last_s` is how long the VM's assessment took last time, where that is known. `is_resumed` says that an
    earlier process started it: how old it is depends on two wall clocks.
    """

    kind: str
    is_scout: bool
    last_s: float | None = None
    seen_s: float = 0.0
    is_resumed: bool = False

    @property
    def scale(self) -> float:
        """What ages are divided by to compare VMs by their last times."""
        return 1.0 if self.last_s is None else self.last_s / PRIOR_MEDIAN_S


class Pacing:
    """Plans the polls of all operations of a scan; ages and delays are seconds.

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
        self._learns = first_poll_s is None or poll_interval_s is None
        self._durations: dict[str, Durations] = {}
        self._scouts: dict[str, int] = {}
        # Durations again, each divided by its VM's last one.
        self._again = Durations(*AGAIN_LOG_SIGMAS)
        self._last_time = LastTime()
        for kind, durations_s in (recalled or {}).items():
            if durations_s:
                self._of(kind).recall(durations_s, RECALL_WEIGHT)
                self._scouts[kind] = SCOUTS

    def watch(self, os_type: str | None, last_s: float | None = None, *, is_resumed: bool = False) -> Watch:
        """Begin to watch an accepted operation of a VM whose assessment took `last_s` last time."""
        kind = os_type or ""
        scouts = self._scouts.get(kind, 0)
        self._scouts[kind] = scouts + 1
        return Watch(kind, scouts < SCOUTS, last_s and _as_last(last_s), is_resumed=is_resumed)

    def poll_s(self, watch: Watch, age_s: float) -> float:
        """How long the next poll can wait, as far as is known at `age_s`; 0.0 when it is due."""
        fixed_s = self._first_poll_s if watch.seen_s == 0.0 else self._poll_interval_s
        if fixed_s is not None:
            return max(0.0, watch.seen_s + fixed_s * (1.0 + 0.1 * self._chance()) - age_s)
        return max(0.0, self._learned_poll_at_s(watch) - age_s)

    def may_wait(self, watch: Watch) -> bool:
        """Whether a poll planned now should be reconsidered before it is sent."""
        fixed_s = self._first_poll_s if watch.seen_s == 0.0 else self._poll_interval_s
        return fixed_s is None and not watch.is_scout and not self._guess(watch)[0].is_settled

    def reconsider_s(self, watch: Watch, age_s: float) -> float:
        """How long until a poll that may wait is due, or should be reconsidered."""
        return min(self.poll_s(watch, age_s), max(RECONSIDER_FIRST_S - age_s, RECONSIDER_SHARE * age_s))

    def running(self, watch: Watch, age_s: float) -> None:
        """A poll at `age_s` showed the operation running."""
        if self._learns:
            self._of(watch.kind).running(watch.seen_s, age_s)
            if watch.last_s is not None:
                self._last_time.running(age_s, watch.last_s)
                self._again.running(watch.seen_s / watch.scale, age_s / watch.scale)
        watch.seen_s = age_s

    def ended(self, watch: Watch, duration_s: float) -> None:
        """The operation has ended, and lasted `duration_s` by Azure's own clock."""
        if self._learns:
            self._of(watch.kind).ended(watch.seen_s, duration_s)
            if watch.last_s is not None:
                self._again.ended(watch.seen_s / watch.scale, duration_s / watch.scale)
                self._last_time.ended(watch.kind, _as_last(duration_s), watch.last_s)

    def ended_within(self, watch: Watch, age_s: float) -> None:
        """A poll at `age_s` showed that the operation has ended, and not when.

        It counts as having lasted so long: at most it did. How it compares to last time that does not tell,
        because the poll may have been sent by the last time.
        """
        if self._learns and not watch.is_resumed:
            self._of(watch.kind).ended(watch.seen_s, age_s)

    def _learned_poll_at_s(self, watch: Watch) -> float:
        if watch.is_scout:
            return max(SCOUT_FIRST_S, watch.seen_s * SCOUT_GROWTH)
        durations, scale = self._guess(watch)
        poll_at_s = durations.poll_at_s(watch.seen_s / scale) * scale
        if watch.last_s is not None and self._last_time.is_untried and watch.seen_s < watch.last_s:
            poll_at_s = min(poll_at_s, watch.last_s * TRIAL)
        return max(poll_at_s, watch.seen_s + MIN_POLL_SPACING_S)

    def _guess(self, watch: Watch) -> tuple[Durations, float]:
        """What predicts the operation's end best, and what its ages are divided by there."""
        if watch.last_s is not None and self._last_time.is_reliable:
            return self._again, watch.scale
        return self._of(watch.kind), 1.0

    def _of(self, kind: str) -> Durations:
        if (durations := self._durations.get(kind)) is None:
            durations = self._durations[kind] = Durations()
        return durations


def _as_last(duration_s: float) -> float:
    """A duration as it is compared to another: what lies beyond any assessment is no longer told apart."""
    return min(max(duration_s, SHORTEST_LAST_S), LONGEST_LAST_S)
