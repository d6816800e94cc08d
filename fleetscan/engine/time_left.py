"""How much longer a scan takes: the last planned start, and what is known of the durations of what runs.

A plan and a running scan share it. Nothing here depends on our polls: durations are those that operations
tell, and operations that still run count as having lasted so long (Kaplan and Meier).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import log
from statistics import NormalDist
from typing import NamedTuple

from fleetscan.engine.hazard import EDGES_S, GROWTH, STEPS, step_of
from fleetscan.outlook import Outlook

# Before any has ended all take so long, and half of the rest ends with each twenty-fifth of the age. People
# report 2 to 10 minutes; a recorded assessment of a Windows VM took 71 s.
ASSESSMENT_S = 180.0
LEFT_BY_STEP = 0.5 ** (log(GROWTH) / log(1.04))
# What is assumed of the spread of durations, and the most of it that is believed; what is known tells it once
# two shares of what has ended are so many standard deviations apart.
USUAL_LOG_SIGMA = 0.5
LEAST_APART = 0.6
# Farther out than this, what is left ends as it does before any has ended.
FARTHEST_BENDS = 7.0
NORMAL = NormalDist()
# A share is no closer to none or all than this, which is 7 standard deviations out.
LEAST_TOLD = 1e-12
# The end has come when fewer than half an operation is expected to run.
LAST_ONE = 0.5
# The estimate is made to a tenth of a second, and never beyond a day.
PRECISION_S = 0.1
LONGEST_S = 86_400.0
# Ages within so many steps are told as one.
STEPS_AS_ONE = 4
# Starts to come are spread over so many moments.
MOMENTS = 20
BEFORE_ANY_END = [LEFT_BY_STEP ** max(0, step - step_of(ASSESSMENT_S)) for step in range(STEPS + 1)]


class TimeLeft:
    """Feed it what starts, runs and ends, and ask for the `outlook`. Moments are seconds of one clock."""

    def __init__(self) -> None:
        self._ended = [0.0] * STEPS
        self._entered = [0.0] * (STEPS + 1)
        # Running operations by the second in which they were accepted.
        self._accepted: Counter[int] = Counter()
        self._is_known = False

    def accepted(self, at: float) -> None:
        """An operation runs since `at`."""
        self._accepted[int(at)] += 1

    def left(self, accepted_at: float) -> None:
        """The operation that was accepted then is not followed any more."""
        second = int(accepted_at)
        self._accepted[second] -= 1
        if self._accepted[second] <= 0:
            del self._accepted[second]

    def ended(self, duration_s: float) -> None:
        """An operation lasted `duration_s`."""
        step = step_of(duration_s)
        self._ended[step] += 1.0
        self._entered[0] += 1.0
        self._entered[step + 1] -= 1.0
        self._is_known = True

    def outlook(self, now: float, to_start: int, last_start_in_s: float) -> Outlook:
        """What is left at `now`, where so many VMs are still to be started."""
        ages = self._ages(now)
        shares = self._survival(ages)
        # Starts to come are as old as they are far away, below zero.
        moments = min(to_start, MOMENTS)
        coming = [
            (-last_start_in_s * (moment + 1) / moments, to_start / moments) for moment in range(moments)
        ]
        oldest_s = max((age_s for age_s, _ in ages), default=None)
        is_foretold = self._is_known or (oldest_s or 0.0) < ASSESSMENT_S
        ends_at = now + _until_ended([*ages, *coming], shares) if is_foretold else None
        typical_s = None if oldest_s is None else oldest_s + _until_ended([(oldest_s, 1.0)], shares)
        return Outlook(ends_at, to_start, sum(count for _, count in ages), typical_s)

    def _ages(self, now: float) -> list[tuple[float, int]]:
        """The ages of those that run, with their numbers; those of nearly the same age are told as one."""
        by_step: dict[int, list[float]] = {}
        for second, count in self._accepted.items():
            sums = by_step.setdefault(step_of(max(now - second, 0.0)) // STEPS_AS_ONE, [0.0, 0])
            sums[0] += (now - second) * count
            sums[1] += count
        return [(age_s / count, int(count)) for age_s, count in by_step.values()]

    def _survival(self, ages: Sequence[tuple[float, int]]) -> list[float]:
        """The share of operations that still run at each edge of EDGES_S."""
        # Those that run have outlasted the steps before the one they are in, and count by half in that one.
        running = [0] * STEPS
        for age_s, count in ages:
            running[step_of(max(age_s, 0.0))] += count
        still = list(accumulate(reversed(running)))[::-1]
        entered = [
            known + beyond - here / 2.0
            for known, beyond, here in zip(accumulate(self._entered), still, running, strict=False)
        ]
        return survival(self._ended, entered) if self._is_known else BEFORE_ANY_END


def survival(ended: Sequence[float], entered: Sequence[float]) -> list[float]:
    """The share of operations that still run at each edge of EDGES_S: of those that `entered` each step,
    `ended` did there. Beyond the longest known it goes on as a lognormal distribution through what is known.
    """
    last = max(step for step in range(STEPS) if ended[step])
    share, shares = 1.0, [1.0]
    for step in range(last + 1):
        # Half an operation more, because none is ever known to be the very last.
        share *= (entered[step] - ended[step] + LAST_ONE) / (entered[step] + LAST_ONE)
        shares.append(share)
    at = _bend(shares, last)
    here = NORMAL.cdf(-at.bends)
    for step in range(last + 1, STEPS):
        bends = at.bends + log(EDGES_S[step + 1] / EDGES_S[last + 1]) / at.log_sigma
        shares.append(
            share * NORMAL.cdf(-bends) / here if bends < FARTHEST_BENDS else shares[-1] * LEFT_BY_STEP
        )
    return shares


class _Bend(NamedTuple):
    """How many standard deviations from the median, and how large one is, as the logarithm of an age."""

    bends: float
    log_sigma: float


def _bend(shares: Sequence[float], last: int) -> _Bend:
    """Where the last known share lies in the lognormal distribution through it and the one before that is far
    enough away to tell the spread."""
    at = _bends(shares[last + 1])
    for step in range(last, -1, -1):
        if shares[step] == 1.0:
            break
        apart = at - _bends(shares[step])
        if apart >= LEAST_APART:
            log_sigma = log(EDGES_S[last + 1] / EDGES_S[step]) / apart
            return _Bend(at, min(max(log_sigma, log(GROWTH)), USUAL_LOG_SIGMA))
    return _Bend(at, USUAL_LOG_SIGMA)


def _bends(share: float) -> float:
    """How many standard deviations beyond the median only this share still runs."""
    return NORMAL.inv_cdf(min(max(1.0 - share, LEAST_TOLD), 1.0 - LEAST_TOLD))


def _until_ended(ages: Sequence[tuple[float, float]], shares: Sequence[float]) -> float:
    """Seconds until fewer than half an operation of these is expected to run; `ages` with their numbers."""
    low_s, high_s = 0.0, 1.0
    if not ages:
        return 0.0
    # Each is that many of those that were started, of which only a share has come so far.
    ages = [(age_s, count / _share(shares, age_s)) for age_s, count in ages]
    while _running(ages, shares, high_s) >= LAST_ONE and high_s < LONGEST_S:
        low_s, high_s = high_s, high_s * 2.0
    while high_s - low_s > PRECISION_S:
        middle_s = (low_s + high_s) / 2.0
        if _running(ages, shares, middle_s) >= LAST_ONE:
            low_s = middle_s
        else:
            high_s = middle_s
    return high_s


def _running(ages: Sequence[tuple[float, float]], shares: Sequence[float], after_s: float) -> float:
    """How many are expected to run `after_s` seconds from now of those that were started so long ago."""
    return sum(started * _share(shares, age_s + after_s) for age_s, started in ages)


def _share(shares: Sequence[float], age_s: float) -> float:
    """The share of operations that still run at `age_s`, between the edges in a straight line."""
    if age_s <= 0.0:
        return 1.0
    step = step_of(age_s)
    low_s, high_s = EDGES_S[step], EDGES_S[step + 1]
    # The last step has no end: each further growth of the age halves what is left.
    part = min((age_s - low_s) / (high_s - low_s), 1.0)
    return max(shares[step] + (shares[step + 1] - shares[step]) * part, 1e-300)
