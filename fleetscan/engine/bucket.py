"""A token bucket that can be corrected: the client's own picture of one of Azure's.

It answers when a request may be sent; it never waits. It starts from published numbers and believes what
replies tell: counts, in both directions, how fast they grow, and refusals. Facts: ARM's throttling documents.
"""

from __future__ import annotations

from fleetscan.engine.limits import Limit

# Half a nanotoken: rounding must not turn "ready at t" into "not quite ready at t".
ALMOST_ONE = 1.0 - 5e-10
# A throttled reply that names no time freezes the bucket this long, doubling while it goes on.
BLIND_FREEZE_S = 10.0
MAX_FREEZE_S = 3600.0
# Resource Graph's window is 5 s long; no count of a reply holds up requests for more than this.
MAX_WINDOW_S = 60.0
# Refills are measured over whole minutes and more: Compute's documents describe theirs as once a minute.
MEASURE_S = 120.0
# A bucket this full may have run over while it was measured.
NEARLY_FULL = 0.9
# A refusal that asks for less than this many tokens' time says that the refill is slower than believed; one
# that asks for more says that the refill comes in steps, and when the next one is due.
STEP_TOKENS = 10.0
SLOWER = 0.8
FORGIVING = 1.002
SLOWEST, FASTEST = 0.05, 20.0
# Of a bucket, the last fifth is not for what can wait, but for a trickle; at half of it as much may go as
# comes in, and 2.7 times as much when it is full.
RESERVED, STEADY, TRICKLE = 0.2, 0.3, 0.03


class Bucket:
    """Starts full and refills evenly. `taken` counts the requests ever sent on it.

    `share` of it is ours: the rest is left to others, whatever the replies tell. It may hold less than
    nothing after a correction: the debt is waited off.
    """

    __slots__ = (
        "_capacity",
        "_frozen_at",
        "_frozen_until",
        "_is_trusted",
        "_limit",
        "_measured_at",
        "_measured_supply",
        "_refused",
        "_resets_at",
        "_share",
        "_strikes",
        "_tokens",
        "_told_taken",
        "_updated_at",
        "refill_per_s",
        "taken",
    )

    def __init__(self, limit: Limit, now: float, share: float = 1.0) -> None:
        self._limit = limit
        self._capacity = self._tokens = max(1.0, limit.capacity * share)
        self._share = share
        # What is not all ours grows for others too: then counts only ever lower the bucket.
        self._is_trusted = share == 1.0
        self._updated_at = now
        self._frozen_at = self._frozen_until = float("-inf")
        self._resets_at = float("-inf")
        self._strikes = 0
        self._measured_at: float | None = None
        self._measured_supply = 0.0
        self._told_taken = -1
        # Requests that this bucket itself refused, which cost it nothing.
        self._refused = 0
        self.refill_per_s = limit.refill_per_s * share
        self.taken = 0

    @property
    def limit(self) -> Limit:
        """The published numbers this bucket began with."""
        return self._limit

    def ready_at(self) -> float:
        """When the next request may be sent: a moment that only a change of the bucket moves."""
        if self._tokens >= ALMOST_ONE:
            return self._frozen_until
        at = self._updated_at + (1.0 - self._tokens) / self.refill_per_s
        return at if at > self._frozen_until else self._frozen_until

    def spare_per_s(self, now: float) -> float:
        """The requests a second that may be spent now on what can wait; some of the bucket is for others."""
        self._refill(now)
        fill = 0.0 if self._frozen_until > now else self._tokens / self._capacity
        return self.refill_per_s * max(TRICKLE, (fill - RESERVED) / STEADY)

    def served_at(self, requests: int, now: float) -> float:
        """When so many requests could have been sent, as far as the bucket is known."""
        self._refill(now)
        waits_s = max(0.0, requests - self._tokens) / self.refill_per_s
        return max(now, self._frozen_until) + waits_s

    def take(self, now: float) -> None:
        """Spend one token."""
        self._refill(now)
        self._tokens -= 1.0
        self.taken += 1

    def correct(self, remaining: int, taken_when_sent: int, now: float) -> None:
        """Believe a reply that says `remaining`, less what was sent since its request left.

        `taken_when_sent` is `taken` as it stood when the answered request had been counted. Only the newest
        request's count may raise the bucket: a late reply must not give back what was spent meanwhile.
        """
        if taken_when_sent > self._told_taken and self._is_trusted:
            self._refill(now)
            self._told_taken = taken_when_sent
            self._capacity = max(self._capacity, float(remaining))
            self._measure(remaining, taken_when_sent, now)
            self._tokens = float("inf")
        self.lower(remaining, taken_when_sent, now)

    def lower(self, remaining: int, taken_when_sent: int, now: float) -> None:
        """Lower the bucket to what `remaining` allows: the count of a larger bucket that ours is part of."""
        self._refill(now)
        left = remaining * self._share - (self.taken - taken_when_sent)
        self._tokens = min(self._tokens, float(left))

    def rest(self, remaining: int, resets_after_s: float, now: float) -> None:
        """A quota has `remaining` requests until it is filled up as a whole, some whole seconds from now.

        The replies of one window all tell of one moment, each rounded up: the earliest is the nearest to it.
        """
        told_at = now + min(resets_after_s, MAX_WINDOW_S)
        self._resets_at = told_at if now >= self._resets_at else min(self._resets_at, told_at)
        if remaining <= 0:
            self._frozen_until = max(self._frozen_until, self._resets_at)

    def freeze(self, now: float, sent_at: float, after_s: float | None) -> None:
        """Freeze the bucket for `after_s`; without a time 10 s, doubling with each new refusal.

        A refusal also says that the bucket is empty: it refills from there, and nothing bursts at the thaw.
        Replies to requests that left before the last freeze tell of the same drought and teach nothing new.
        """
        self._refused += 1
        if sent_at >= self._frozen_at:
            self._strikes += 1
            if after_s is not None and after_s * self.refill_per_s < STEP_TOKENS:
                self._set_refill(self.refill_per_s * SLOWER)
        if after_s is None:
            after_s = min(BLIND_FREEZE_S * 2.0 ** (max(self._strikes, 1) - 1), MAX_FREEZE_S)
        self._frozen_at = now
        self._frozen_until = max(self._frozen_until, now + after_s)
        self._refill(now)
        self._tokens = min(self._tokens, 0.0)

    def thaw(self) -> None:
        """A request went through: the next refusal without a time starts at 10 s again.

        Where counts do not tell the refill, each good reply takes back a little of what refusals taught.
        """
        self._strikes = 0
        if not self._is_trusted or self._measured_at is None:
            started_from = self._limit.refill_per_s * self._share
            self.refill_per_s = max(self.refill_per_s, min(self.refill_per_s * FORGIVING, started_from))

    def _measure(self, remaining: int, taken: int, now: float) -> None:
        """Learn the refill from how the supply grows: what is left and what was taken, together."""
        supply = float(remaining + taken - self._refused)
        if self._measured_at is None or remaining >= NEARLY_FULL * self._capacity:
            self._measured_at, self._measured_supply = now, supply
        elif now - self._measured_at >= MEASURE_S:
            grown = (supply - self._measured_supply) / (now - self._measured_at)
            self._set_refill((self.refill_per_s + grown) / 2.0)
            self._measured_at, self._measured_supply = now, supply

    def _set_refill(self, per_s: float) -> None:
        published = self._limit.refill_per_s * self._share
        self.refill_per_s = min(max(per_s, SLOWEST * published), FASTEST * published)

    def _refill(self, now: float) -> None:
        if now > self._updated_at:
            grown = self._tokens + (now - self._updated_at) * self.refill_per_s
            self._tokens = min(self._capacity, grown)
            self._updated_at = now
