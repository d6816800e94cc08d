"""A token bucket that can be corrected: the client's own picture of one of Azure's.

It answers when a request may be sent; it never waits. Facts: ARM's throttling documents.
"""

from __future__ import annotations

from fleetscan.engine.limits import Limit

# Half a nanotoken: rounding must not turn "ready at t" into "not quite ready at t".
ALMOST_ONE = 1.0 - 5e-10
# A throttled reply that names no time stills the bucket this long, doubling while it goes on.
BLIND_FREEZE_S = 10.0
MAX_FREEZE_S = 3600.0


class Bucket:
    """Starts full and refills evenly. `taken` counts the requests ever sent on it.

    A bucket may hold less than nothing after a correction: the debt is waited off.
    """

    __slots__ = ("_frozen_at", "_frozen_until", "_limit", "_strikes", "_tokens", "_updated_at", "taken")

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit = limit
        self._tokens = limit.capacity
        self._updated_at = now
        self._frozen_at = self._frozen_until = float("-inf")
        self._strikes = 0
        self.taken = 0

    @property
    def limit(self) -> Limit:
        """The published numbers this bucket started from."""
        return self._limit

    def ready_at(self, now: float) -> float:
        """When the next request may be sent; `now` or earlier when it may at once."""
        self._refill(now)
        if self._tokens >= ALMOST_ONE:
            return self._frozen_until
        return max(self._frozen_until, now + (1.0 - self._tokens) / self._limit.refill_per_s)

    def take(self, now: float) -> None:
        """Spend one token."""
        self._refill(now)
        self._tokens -= 1.0
        self.taken += 1

    def correct(self, remaining: int, taken_when_sent: int, now: float) -> None:
        """Believe a reply that told `remaining`, less what was sent since its request left.

        `taken_when_sent` is `taken` as it stood when the answered request had been counted. A count
        only ever lowers the bucket: a late reply must not give back what was spent meanwhile.
        """
        self._refill(now)
        self._tokens = min(self._tokens, float(remaining - (self.taken - taken_when_sent)))

    def freeze(self, now: float, sent_at: float, after_s: float | None) -> None:
        """Still the bucket for `after_s`; without a time 10 s, doubling with each new refusal.

        A refusal also says that the bucket is empty: it refills from there, and nothing bursts at the thaw.
        Replies to requests that left before the last freeze tell of the same drought and do not double it.
        """
        if after_s is None:
            if sent_at >= self._frozen_at:
                self._strikes += 1
            after_s = min(BLIND_FREEZE_S * 2.0 ** (max(self._strikes, 1) - 1), MAX_FREEZE_S)
        self._frozen_at = now
        self._frozen_until = max(self._frozen_until, now + after_s)
        self._refill(now)
        self._tokens = min(self._tokens, 0.0)

    def thaw(self) -> None:
        """A request went through: the next refusal without a time starts at 10 s again."""
        self._strikes = 0

    def _refill(self, now: float) -> None:
        if now > self._updated_at:
            grown = self._tokens + (now - self._updated_at) * self._limit.refill_per_s
            self._tokens = min(self._limit.capacity, grown)
            self._updated_at = now
