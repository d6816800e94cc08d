"""Which of the times that Azure tells of an operation can be true, and how long it took by them.

The clock that wrote them may be wrong. What bounds them is known otherwise: an operation begins after its
start was sent, it has ended when a poll says so, and it takes no longer than lies between. Now, by Azure's
clock, is the Date of the reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetscan.azure_times import azure_time

# A Date has whole seconds, and the clocks of Azure's front doors and regions are not quite one.
A_LITTLE_S = 5.0


@dataclass(frozen=True, slots=True)
class OperationTimes:
    """Azure's own words for when an operation began and ended, each None where it is missing or cannot be."""

    started: str | None = None
    ended: str | None = None

    @property
    def duration_s(self) -> float | None:
        """How long it took; None unless both times are there."""
        started, ended = azure_time(self.started), azure_time(self.ended)
        return None if started is None or ended is None else (ended - started).total_seconds()

    def that_can_be(self, age_s: float, azure_now: datetime | None) -> OperationTimes:
        """What can be true `age_s` after the start was sent, in a reply of the Date `azure_now`."""
        started = self.started if _can_be(self.started, age_s, azure_now) else None
        ended = self.ended if _can_be(self.ended, age_s, azure_now) else None
        is_whole = started is self.started and ended is self.ended
        times = self if is_whole else OperationTimes(started, ended)
        # Two times that contradict each other are both in doubt.
        took_s = times.duration_s
        return times if took_s is None or 0.0 < took_s <= age_s + A_LITTLE_S else OperationTimes()


def _can_be(text: str | None, age_s: float, azure_now: datetime | None) -> bool:
    """Whether `text` is a time between the start and now; without a now, whether it is one."""
    moment = azure_time(text)
    if moment is None or azure_now is None:
        return moment is not None
    ago_s = (azure_now - moment) / timedelta(seconds=1)
    return -A_LITTLE_S <= ago_s <= age_s + A_LITTLE_S
