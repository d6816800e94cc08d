"""A circuit breaker: what keeps a region that does not answer from using up the attempts and time of its VMs.

It counts failures and answers, and never waits. A throttled or refused request is an answer: Azure is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

# In a row and without an answer in between; one VM alone gives up before.
FAILURES_TO_OPEN = 10
# How long after each failed probe the next one may go; after the last of them the region is given up.
PROBE_WAITS_S = (15.0, 30.0, 60.0, 120.0, 120.0, 120.0, 120.0)


class Circuit:
    """Closed, it lets every request through; open, one probe at a time until one is answered.

    `opens_after` failures in a row open it; with infinity it never does.
    """

    __slots__ = ("_failures", "_opened_at", "_opens_after", "_waits", "is_given_up", "ready_at")

    def __init__(self, opens_after: float = FAILURES_TO_OPEN) -> None:
        self._opens_after = opens_after
        self._failures = 0
        self._opened_at = inf
        self._waits: Iterator[float] = iter(())
        self.ready_at = -inf
        self.is_given_up = False

    def answered(self) -> None:
        """Azure answered, be it with a refusal."""
        if self._failures:
            self._failures = 0
            self._opened_at = inf
            self.ready_at = -inf
            self.is_given_up = False

    @property
    def is_open(self) -> bool:
        """Whether nothing but probes is let through."""
        return self._opened_at < inf

    def sent(self) -> None:
        """A request has left: while the circuit is open, no other follows before its reply."""
        if self.is_open:
            self.ready_at = inf

    def failed(self, sent_at: float, now: float) -> None:
        """A request sent at `sent_at` brought no answer of Azure's."""
        self._failures += 1
        if self.is_open:
            # A request that left before it opened says nothing new.
            if sent_at >= self._opened_at:
                self._wait(now)
        elif self._failures >= self._opens_after:
            self._opened_at = now
            self._waits = iter(PROBE_WAITS_S)
            self._wait(now)

    def _wait(self, now: float) -> None:
        wait_s = next(self._waits, None)
        self.is_given_up = wait_s is None
        self.ready_at = now + (PROBE_WAITS_S[-1] if wait_s is None else wait_s)
