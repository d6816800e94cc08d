"""How long assessments take, learned from operations' own start and end times, and when to poll one.

Never from the moments of our polls: that would feed our own queueing back into itself. Operations that were
seen running count too, as having lasted at least so long (a Kaplan-Meier estimate): judged by the first
that end alone, assessments would always seem short.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from statistics import NormalDist, fmean

# Durations are told apart by a twenty-fifth of their length, from 5 s to four hours.
GROWTH = 1.04
STEPS = 204
EDGES_S = tuple(5.0 * GROWTH**step for step in range(STEPS))
MIDDLES_S = tuple((low + high) / 2.0 for low, high in pairwise((0.0, *EDGES_S)))
# Before anything is known: a recorded Windows assessment took 71 s, documents say "a few minutes", people
# report 2 to 10. Weighed as a handful of operations, so that a handful of real ones outweighs it.
PRIOR_MEDIAN_S = 150.0
PRIOR_LOG_SIGMA = 0.6
PRIOR_WEIGHT = 1.0
# Azure's front door gives 2.5 reads for each start: a schedule that spends fewer never waits for them.
MAX_POLLS = 1.47
# A new schedule is made when there are this many times more polls, or ends, to go by.
REPLAN_GROWTH = 1.7
PRICE_HALVINGS = 8
# After so many polls a schedule changes no more by one operation than it should.
SETTLED_POLLS = 300
# When so many have ended in a step, a poll right after the longest of them serves as well as one at its end.
ENOUGH_TO_TRIM = 20
TRIM = 1.005
# Where Azure gives no times nothing is learned, and operations that only ever run would push polls out for
# ever: then each poll comes a quarter of the operation's age after the one before.
MOST_POLLS_WITHOUT_ENDS = 40
BLIND_GROWTH = 1.25
# However few the polls are, one more must bring a result forward by this much to be worth a request.
LEAST_PRICE_S = 90.0


class Durations:
    """The durations of one kind of VM, in seconds, and the schedule of polls that fits them.

    Feed it `ended` and `running` for what a poll showed; `poll_at_s` is the best next poll of an operation
    that was last seen running so long after its start.
    """

    def __init__(self, *log_sigmas: float) -> None:
        """`log_sigmas` are how widely durations may scatter, each as likely before anything is known."""
        self._deaths = prior(log_sigmas or (PRIOR_LOG_SIGMA,))
        # How many operations really ended in each step, and the longest of them.
        self._seen = [0] * STEPS
        self._longest = [0.0] * STEPS
        self._most_s = math.inf
        # Difference array of the operations known to have entered each step.
        self._entered = [0.0] * (STEPS + 1)
        for step, weight in enumerate(self._deaths):
            self._expose(0, step, weight)
        self._polls = self._polls_planned = 0
        self._ends = self._ends_planned = 0
        self._polls_at: Sequence[int] = prior_schedule(log_sigmas or (PRIOR_LOG_SIGMA,))
        self._is_stale = False

    def ended(self, seen_s: float, duration_s: float) -> None:
        """An operation last seen running after `seen_s` turned out to have lasted `duration_s`."""
        survived = _survived(seen_s)
        step = min(max(bisect_left(EDGES_S, duration_s), survived), STEPS - 1)
        self._deaths[step] += 1.0
        self._note(step, duration_s)
        self._expose(survived, step, 1.0)
        self._ends += 1
        self._polled()

    def running(self, seen_s: float, elapsed_s: float) -> None:
        """An operation last seen running after `seen_s` still runs after `elapsed_s`."""
        self._expose(_survived(seen_s), _survived(elapsed_s) - 1, 1.0)
        self._polled()

    def recall(self, durations_s: Sequence[float], weight: float) -> None:
        """Take in an earlier run's durations, all together worth `weight` operations of this run."""
        for duration_s in durations_s:
            step = min(bisect_left(EDGES_S, duration_s), STEPS - 1)
            self._deaths[step] += weight / len(durations_s)
            self._note(step, duration_s)
            self._expose(0, step, weight / len(durations_s))
        self._is_stale = True

    def poll_at_s(self, seen_s: float) -> float:
        """The next poll, in seconds after the start, of an operation last seen running at `seen_s`."""
        survived = _survived(seen_s)
        if not self._ends and self._polls > MOST_POLLS_WITHOUT_ENDS:
            return max(EDGES_S[min(survived, STEPS - 1)], seen_s * BLIND_GROWTH)
        is_outlasting = self._most_s <= seen_s <= self._most_s * GROWTH
        if is_outlasting and self._ends >= ENOUGH_TO_TRIM and survived < STEPS:
            # An operation that outlasts the longest known one most likely does so by little.
            return EDGES_S[survived]
        polls_at = self._schedule()
        while survived < STEPS:
            step = polls_at[survived]
            if (poll_at_s := self._end_of(step)) > seen_s:
                return poll_at_s
            survived = step + 1
        return seen_s * GROWTH

    def _end_of(self, step: int) -> float:
        """When all that end in `step` have ended: right after the longest, where enough are known."""
        if self._seen[step] < ENOUGH_TO_TRIM:
            return EDGES_S[step]
        return min(EDGES_S[step], self._longest[step] * TRIM)

    def _note(self, step: int, duration_s: float) -> None:
        self._seen[step] += 1
        self._longest[step] = max(self._longest[step], duration_s)
        self._most_s = duration_s if self._most_s == math.inf else max(self._most_s, duration_s)

    @property
    def is_settled(self) -> bool:
        """Whether so much is known that a schedule made now will hold."""
        return self._polls >= SETTLED_POLLS

    def _expose(self, first: int, last: int, weight: float) -> None:
        if last >= first:
            self._entered[first] += weight
            self._entered[last + 1] -= weight

    def _polled(self) -> None:
        self._polls += 1
        is_stale = self._polls > self._polls_planned * REPLAN_GROWTH
        if is_stale or self._ends > self._ends_planned * REPLAN_GROWTH:
            self._polls_planned, self._ends_planned = self._polls, self._ends
            self._is_stale = True

    def _schedule(self) -> Sequence[int]:
        """The schedule by what is known; made when it is asked for, because it takes milliseconds."""
        if self._is_stale:
            self._polls_at = schedule(shares(self._deaths, list(accumulate(self._entered))))
            self._is_stale = False
        return self._polls_at


def _survived(seconds: float) -> int:
    """How many steps an operation that runs after `seconds` has behind it."""
    return bisect_right(EDGES_S, seconds)


def prior(log_sigmas: Sequence[float]) -> list[float]:
    """The operations of each step before anything is known: lognormal, or a blend of such."""
    bells = [NormalDist(math.log(PRIOR_MEDIAN_S), log_sigma) for log_sigma in log_sigmas]
    below = [0.0, *(fmean(bell.cdf(math.log(edge)) for bell in bells) for edge in EDGES_S)]
    return [PRIOR_WEIGHT * (high - low) for low, high in pairwise(below)]


@lru_cache(maxsize=8)
def prior_schedule(log_sigmas: tuple[float, ...]) -> tuple[int, ...]:
    """The schedule before anything is known."""
    ends = prior(log_sigmas)
    return tuple(schedule([weight / sum(ends) for weight in ends]))


def shares(deaths: Sequence[float], entered: Sequence[float]) -> list[float]:
    """The share of all operations that end in each step, by Kaplan and Meier."""
    ends, surviving = [], 1.0
    for died, exposed in zip(deaths, entered, strict=False):
        share = surviving * min(1.0, died / exposed) if exposed > 0.0 else 0.0
        ends.append(share)
        surviving -= share
    return ends


def schedule(ends: Sequence[float]) -> list[int]:
    """For an operation that has so many steps behind it, the step at whose end to poll next.

    The least expected lateness at `MAX_POLLS` polls an operation or fewer: each poll has a price in seconds
    of lateness, which is raised until the polls are few enough.
    """
    polls_at, polls = _at_price(ends, LEAST_PRICE_S)
    if polls <= MAX_POLLS:
        return polls_at
    low, high = LEAST_PRICE_S, EDGES_S[-1]
    for _ in range(PRICE_HALVINGS):
        price = (low + high) / 2.0
        found, polls = _at_price(ends, price)
        if polls > MAX_POLLS:
            low = price
        else:
            high, polls_at = price, found
    return polls_at


def _at_price(ends: Sequence[float], price: float) -> tuple[list[int], float]:
    """The schedule of the least cost when a poll costs `price` seconds, and its polls an operation.

    Backwards from the last step. Of those unseen at the end of step k, the ones that ended in (s..k] are
    late by (edge k - their end); `ended` and `sums` hold the running sums that make this a subtraction.
    """
    ended = [0.0, *accumulate(ends)]
    sums = [0.0, *accumulate(end * middle for end, middle in zip(ends, MIDDLES_S, strict=True))]
    polls_at, polls = [STEPS - 1] * STEPS, [0.0] * (STEPS + 1)
    # What a poll at the end of each step costs, but for the part that depends on the poll before it.
    ahead = [0.0] * STEPS
    cost = 0.0
    for step in range(STEPS - 1, -1, -1):
        ahead[step] = EDGES_S[step] * ended[step + 1] - sums[step + 1] + cost
        before = ended[step]
        values = [value - edge * before for value, edge in zip(ahead[step:], EDGES_S[step:], strict=True)]
        least = min(values)
        polls_at[step] = best = step + values.index(least)
        cost = price * (1.0 - before) + least + sums[step]
        polls[step] = (1.0 - before) + polls[best + 1]
    return polls_at, polls[0]
