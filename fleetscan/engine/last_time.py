"""Whether VMs take as long as they took last time, judged by this run's operations alone.

A VM's own last duration predicts its next only where the two correlate; where they do not, what
others of its kind take in this run is the better guess. Both guesses are compared by how widely they miss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

# So many ends before the last time is believed, and it must explain this share of the scatter.
ENOUGH_ENDS = 10
EXPLAINED = 0.75
# A recorded operation took 71.1 s, and its result's own two times lie 43.1 s apart.
RESULT_SHARE = 43.1 / 71.1


class LastBy(Enum):
    """By which times a VM's last assessment took as long as is known. Each has its own ratio to tonight."""

    OPERATION = "operation"
    """The operation's own start and end."""
    RESULT = "result"
    """The start and last change of the result: less than the operation, by an unknown share."""


def expected_s(last_s: float, last_by: LastBy) -> float:
    """How long the operation probably takes, good enough to compare the two sources in one order."""
    return last_s / RESULT_SHARE if last_by is LastBy.RESULT else last_s


@dataclass(slots=True)
class Scatter:
    """How widely values lie about their own mean, one at a time (Welford)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Take in one value."""
        self.count += 1
        off = value - self.mean
        self.mean += off / self.count
        self.squares += off * (value - self.mean)


@dataclass(slots=True)
class LastTime:
    """The evidence of a run; durations in seconds. One rate slower or faster for all is no scatter."""

    _ratios: Scatter = field(default_factory=Scatter)
    _durations: dict[str, Scatter] = field(default_factory=dict)

    def ended(self, kind: str, duration_s: float, last_s: float) -> None:
        """A VM of `kind` took `duration_s`, and `last_s` last time."""
        self._ratios.add(math.log(duration_s / last_s))
        self._durations.setdefault(kind, Scatter()).add(math.log(duration_s))

    @property
    def is_reliable(self) -> bool:
        """Whether a VM's own last time is a better guess than what its kind takes in this run."""
        if self._ratios.count < ENOUGH_ENDS:
            return False
        scatter = sum(durations.squares for durations in self._durations.values())
        return self._ratios.squares < (1.0 - EXPLAINED) * scatter
