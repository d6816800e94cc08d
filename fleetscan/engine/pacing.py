"""When to look at a running assessment. Retry-After is a floor, never a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Compute refills 15 status reads a minute for one machine: the distance of polls that nobody asked for by
# a setting, such as those after a failed read.
MIN_POLL_SPACING_S = 4.0


@dataclass(frozen=True, slots=True)
class Pacing:
    """The first look `first_poll_s` after the accepted start, later ones `poll_interval_s` apart.

    Jitter adds up to a tenth, so that machines started together are not read together; `chance`
    returns 0.0 to 1.0.
    """

    chance: Callable[[], float]
    first_poll_s: float = 75.0
    poll_interval_s: float = 30.0

    def first_after_s(self, retry_after_s: float | None) -> float:
        """Seconds from an accepted start to its first poll."""
        return self._spread(max(self.first_poll_s, retry_after_s or 0.0))

    def next_after_s(self, retry_after_s: float | None) -> float:
        """Seconds from a poll that still says running to the next."""
        return self._spread(max(self.poll_interval_s, retry_after_s or 0.0))

    def _spread(self, delay_s: float) -> float:
        return delay_s * (1.0 + 0.1 * self.chance())
