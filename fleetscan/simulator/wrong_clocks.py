"""Clocks that tell times of an assessment that cannot be, each drawn from its machine's own seed.

It ends when it ends, and finds what it finds: only what is said of when is wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum

from fleetscan.simulator.chances import chances
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.times import UNIX_EPOCH, Calendar

LATE_BEGINS = datetime(2099, 1, 1, tzinfo=UTC)
YEAR_S = 365 * 86_400.0


class WrongClock(Enum):
    """What is wrong with the clock."""

    NOT_SET_AT_START = "not_set_at_start"
    """It begins in 1970, and is right from its first half on."""
    LEAPING = "leaping"
    """It ends in 2099."""
    BACKWARDS = "backwards"
    """It ends as long before its start as it should after."""
    STANDING = "standing"
    """It ends at its very start."""
    HARDLY_MOVING = "hardly_moving"
    """It takes a few hundredths of a second."""
    RACING = "racing"
    """It takes a thousand times as long as it does."""
    LAST_YEAR = "last_year"
    """It began and ended a year ago."""
    NEXT_YEAR = "next_year"
    """It began and ended a year from now."""


_ALL = tuple(WrongClock)


def wrong_clock_of(scenario: Scenario, key: str) -> WrongClock | None:
    """The clock of the machine with the lower-cased id `key`; most are right."""
    if not scenario.wrong_clock_pct:
        return None
    percentile, choice, *_ = chances(f"{scenario.seed}:{key}:clock")
    return _ALL[int(choice * len(_ALL))] if percentile * 100 < scenario.wrong_clock_pct else None


def told_at(clock: WrongClock, started_at: float, share: float, span_s: float, calendar: Calendar) -> float:
    """When a `share` of an assessment of `span_s` was over by `clock`, in seconds of the cloud's clock."""
    passed_s = share * span_s
    match clock:
        case WrongClock.NOT_SET_AT_START if share < 0.5:
            return calendar.seconds_at(UNIX_EPOCH) + passed_s
        case WrongClock.LEAPING if share > 0.5:
            return calendar.seconds_at(LATE_BEGINS) + passed_s
        case WrongClock.BACKWARDS:
            return started_at - passed_s
        case WrongClock.STANDING:
            return started_at
        case WrongClock.HARDLY_MOVING:
            return started_at + passed_s / 10_000.0
        case WrongClock.RACING:
            return started_at + passed_s * 1000.0
        case WrongClock.LAST_YEAR:
            return started_at + passed_s - YEAR_S
        case WrongClock.NEXT_YEAR:
            return started_at + passed_s + YEAR_S
        case _:
            return started_at + passed_s
