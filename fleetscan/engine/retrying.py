"""How often and how late a request is sent again after weather. Chance comes in as an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fleetscan.model import Turn


@dataclass(frozen=True, slots=True)
class Retrying:
    """A bounded exponential backoff with full jitter above a floor.

    `attempts` bounds failures in a row of one request. A 429 only delays: the bucket it names
    is frozen, so that `throttled_attempts` is there to end an endless refusal.
    `chance` returns 0.0 to 1.0.
    """

    chance: Callable[[], float]
    attempts: int = 6
    throttled_attempts: int = 50
    base_s: float = 1.0
    cap_s: float = 60.0

    def delay_s(self, failures: int, floor_s: float | None = None) -> float:
        """Seconds to wait after the `failures`th failure in a row, never less than `floor_s`.

        The jitter is half of the backoff, so that requests that failed together return apart.
        """
        backoff_s = min(self.cap_s, self.base_s * 2.0 ** (failures - 1))
        return max(floor_s or 0.0, backoff_s * 0.5) + backoff_s * 0.5 * self.chance()


def again(turn: Turn, after_s: float) -> Turn:
    """The same turn once more, `after_s` from now."""
    return replace(turn, after_s=after_s, is_retry=True, may_wait=False)
