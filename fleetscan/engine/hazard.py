"""How likely a running assessment is to end now, by its age, learned from operations' own durations.

Never from the moments of our polls: that would feed our own queueing back into itself. Operations that were
seen running count too, as having lasted at least so long (a Kaplan-Meier estimate): judged by the first
that end alone, assessments would always seem short.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import log, sqrt

# Ages are told apart by a hundredth of their length, from 1 s to four hours.
GROWTH = 1.01
EDGES_S = (0.0, *(GROWTH**step for step in range(964)))
WIDTHS_S = tuple(high - low for low, high in pairwise(EDGES_S))
STEPS = len(WIDTHS_S)
# Before anything is known, every moment is as likely as any: a recorded Windows assessment took 71 s,
# documents say "a few minutes", people report 2 to 10. It weighs as half an operation.
PRIOR_MEAN_S = 150.0
PRIOR_WEIGHT = 0.5
PRIOR_RUN_S = tuple(PRIOR_WEIGHT * width for width in WIDTHS_S)
# Too few end in one step to tell its hazard alone: so many neighbours on each side count too, the nearer the
# more. VMs of one kind differ; one that takes as long as last time can be told apart more finely.
KIND_WIDTH = 12
AGAIN_WIDTH = 4
# This share of the mean hazard is added at every age: an operation may end where none did before.
EVEN_SHARE = 0.1
# The sums are made anew when so many times more is known.
RENEW_GROWTH = 1.1


class Hazard:
    """The ends a second among the running operations of one kind, by their age in seconds.

    Feed it `ended` and `running` for what polls showed. Polls that are in proportion to `root_at`, the square
    root of the hazard, see the ends with the least lateness for their number. `width` is how many steps the
    hazard is smoothed over, KIND_WIDTH or AGAIN_WIDTH.
    """

    __slots__ = ("_ended", "_entered", "_hazards", "_known", "_renew_at", "_root_sums", "_roots", "_width")

    def __init__(self, width: int = KIND_WIDTH) -> None:
        self._width = width
        self._ended = [0.0] * STEPS
        # Difference array of the operations known to have entered each step.
        self._entered = [0.0] * (STEPS + 1)
        self._known = self._renew_at = 0.0
        self._hazards: Sequence[float] = ()
        self._roots: Sequence[float] = ()
        # Of the roots over the ages: what the steps before each one add up to.
        self._root_sums: Sequence[float] = ()

    def ended(self, seen_s: float, duration_s: float, weight: float = 1.0) -> None:
        """An operation last seen running after `seen_s` turned out to have lasted `duration_s`."""
        first = step_of(seen_s)
        step = max(step_of(duration_s), first)
        self._ended[step] += weight
        self._entered[first] += weight
        self._entered[step + 1] -= weight
        self._known += weight

    def running(self, seen_s: float, age_s: float) -> None:
        """An operation last seen running after `seen_s` still runs after `age_s`."""
        first, step = step_of(seen_s), step_of(age_s)
        if step > first:
            self._entered[first] += 1.0
            self._entered[step] -= 1.0
            self._known += 1.0

    def root_at(self, age_s: float) -> float:
        """The square root of the hazard at `age_s`."""
        if self._known >= self._renew_at:
            self._renew()
        return self._roots[step_of(age_s)]

    def due_s(self, seen_s: float, share: float) -> float:
        """The age at which the roots from `seen_s` on, summed over the seconds, come to `share`."""
        if self._known >= self._renew_at:
            self._renew()
        sums, roots, step = self._root_sums, self._roots, step_of(seen_s)
        goal = sums[step] + (seen_s - EDGES_S[step]) * roots[step] + share
        step = bisect_right(sums, goal, step, STEPS) - 1
        return EDGES_S[step] + (goal - sums[step]) / roots[step]

    def half_gone_s(self, age_s: float) -> float:
        """The age at which half of the operations that still run at `age_s` have ended."""
        if self._known >= self._renew_at:
            self._renew()
        step, left = step_of(age_s), log(2.0)
        while (passes := self._hazards[step] * (EDGES_S[step + 1] - age_s)) < left and step < STEPS - 1:
            left -= passes
            step += 1
            age_s = EDGES_S[step]
        return age_s + left / self._hazards[step]

    def _renew(self) -> None:
        self._renew_at = self._known * RENEW_GROWTH + 1.0
        self._hazards = hazards(self._ended, list(accumulate(self._entered)), self._width)
        self._roots = [sqrt(hazard) for hazard in self._hazards]
        passed = (root * width for root, width in zip(self._roots, WIDTHS_S, strict=True))
        self._root_sums = list(accumulate(passed, initial=0.0))


def step_of(age_s: float) -> int:
    """The step in which an age lies; the last one has no end."""
    return bisect_right(EDGES_S, age_s, 0, STEPS) - 1


def hazards(ended: Sequence[float], entered: Sequence[float], width: int) -> list[float]:
    """The ends a second in each step, of the operations that `entered` it and those that `ended` there."""
    # Those that end in a step run through half of it.
    run_s = [
        (count - ends / 2.0) * width if count > ends / 2.0 else 0.0
        for count, ends, width in zip(entered, ended, WIDTHS_S, strict=False)
    ]
    even = EVEN_SHARE * (sum(ended) + PRIOR_WEIGHT) / (sum(run_s) + PRIOR_WEIGHT * PRIOR_MEAN_S)
    return [
        (ends + before_s / PRIOR_MEAN_S) / (ran_s + before_s) + even
        for ends, ran_s, before_s in zip(smooth(ended, width), smooth(run_s, width), PRIOR_RUN_S, strict=True)
    ]


def smooth(values: Sequence[float], width: int) -> list[float]:
    """Each value blended with its neighbours, weights falling evenly to none at `width` steps; beyond the
    ends there is nothing.
    """
    # Those weights are what sums of so many add up to when they are summed again.
    beyond = [0.0] * (width - 1)
    sums = sums_of(width, sums_of(width, [*beyond, *values, *beyond]))
    return [total / width**2 for total in sums]


def sums_of(count: int, values: Sequence[float]) -> list[float]:
    """The sums of `count` neighbours each, one fewer than so many fewer than there are values."""
    before = [0.0, *accumulate(values)]
    # Rounding must not leave less than nothing.
    return [max(0.0, after - start) for start, after in zip(before, before[count:], strict=False)]
