"""Between which moments the times of an assessment can lie, so that a row repeats none that cannot be true.

The clocks of guests and of Azure's services may be wrong. Now is the Date of the last reply, or our own clock
where there was none, which may be wrong too. Where there was a Date, the engine has checked the operation's
own times by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

from fleetscan.azure_times import FIRST_EVER
from fleetscan.model import Ending, OperationTrace, Source
from fleetscan.records.times import WallClock

# Azure's clocks are not quite one, and a Date has whole seconds.
AHEAD_S = 5.0
# Our start is the reply that accepted it, and Azure's lies before that; a guest's clock is a little off.
BEFORE_START_S = 120.0
# How far our own clock may be off.
OURS_OFF_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Window:
    """The moments up to `oldest_s` before `now` and `ahead_s` after it; without `now` all since 2020."""

    now: datetime | None = None
    oldest_s: float | None = None
    ahead_s: float = 0.0

    def has(self, moment: datetime) -> bool:
        """Whether `moment` is among them."""
        if self.now is None:
            return moment >= FIRST_EVER
        ago_s = (self.now - moment).total_seconds()
        if self.oldest_s is not None:
            return -self.ahead_s <= ago_s <= self.oldest_s
        # Where even now lies before the first one, no clock is right.
        return -self.ahead_s <= ago_s and (moment >= FIRST_EVER or self.now < FIRST_EVER)


def can_be(moment: datetime | None, trace: OperationTrace, clock: WallClock) -> TypeGuard[datetime]:
    """Whether `moment`, which Azure told as the operation's own time, is one that can be true."""
    if moment is None:
        return False
    return trace.azure_now is not None or of_operation(trace, clock).has(moment)


def of_operation(trace: OperationTrace, clock: WallClock) -> Window:
    """When the operation that `trace` is of can have run."""
    now, off_s = _now(trace, clock)
    if trace.started_at is None or trace.finished_at is None:
        return Window(now, None, AHEAD_S + off_s)
    age_s = trace.finished_at - trace.started_at
    if trace.azure_now is not None and trace.azure_accepted_at is not None:
        age_s = max(age_s, (trace.azure_now - trace.azure_accepted_at).total_seconds())
    return Window(now, age_s + BEFORE_START_S + off_s, AHEAD_S + off_s)


def of_assessment(ending: Ending, clock: WallClock) -> Window:
    """When the assessment in `ending` can have been made: by its operation, or at any time before now."""
    trace = ending.trace
    if trace is None:
        return Window()
    if ending.source in (Source.OPERATION, Source.ARC_OPERATION):
        return of_operation(trace, clock)
    now, off_s = _now(trace, clock)
    return Window(now, None, AHEAD_S + off_s)


def _now(trace: OperationTrace, clock: WallClock) -> tuple[datetime | None, float]:
    """When the operation ended, and how far that may be off, s."""
    if trace.azure_now is not None:
        return trace.azure_now, 0.0
    known_at = trace.finished_at if trace.known_at is None else trace.known_at
    return (None if known_at is None else clock.moment(known_at)), OURS_OFF_S
