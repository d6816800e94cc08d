"""Token buckets as Azure keeps them: refilled evenly or by the minute, perhaps drained by a rival.

A bucket is asked and told; it never waits. Nothing here is shared with the scanner's own buckets.
"""

from __future__ import annotations

from math import ceil, inf

from fleetscan.simulator.policies import Policy
from fleetscan.simulator.scenario import Scenario

QUERIES = 15
QUERY_WINDOW_S = 5.0
MINUTE_S = 60.0

# A billionth, so that a token due at this very moment is not lost to rounding.
ONE = 1 - 1e-9


class Bucket:
    """Tokens that come back evenly, full at first.

    `speed` multiplies both the size and the refill; `rival_share` of the refill goes to another client.
    """

    __slots__ = ("_counted_at", "_shut_until", "_size", "_tokens", "per_s", "policy")

    def __init__(self, policy: Policy, speed: float, now: float, rival_share: float = 0.0) -> None:
        self.policy = policy
        self.per_s = policy.refill_per_min * speed * (1 - rival_share) / MINUTE_S
        """Tokens a second that are left to us in the long run."""
        self._size = max(1.0, policy.size * speed)
        self._tokens = self._size
        self._counted_at = now
        self._shut_until = -inf

    @property
    def remaining(self) -> int:
        """Whole tokens left after the last count: what the remaining-headers say."""
        return int(self._tokens)

    @property
    def size(self) -> int:
        """Tokens of a full bucket."""
        return int(self._size)

    def is_open(self, now: float) -> bool:
        """Whether a request may pass: a token is there, and no earlier Retry-After is still running."""
        self._count(now)
        return self._tokens >= ONE and now >= self._shut_until

    def is_as_new(self, now: float) -> bool:
        """Whether it is full, as if it had never been used."""
        self._count(now)
        return self._tokens >= self._size and now >= self._shut_until

    def ready_at(self, now: float) -> float:
        """When a token is there; `now` where one is."""
        self._count(now)
        return now if self._tokens >= ONE else self._next_at(now)

    def take(self) -> None:
        """Spends one token; the bucket has just been asked and has one."""
        self._tokens = max(0.0, self._tokens - 1)

    def refuse(self, now: float) -> int:
        """The Retry-After of a refusal, whole seconds; until then nothing passes, token or not.

        "If you send a request before the retry value elapses, your request isn't processed and a new
        retry value is returned."
        """
        if now >= self._shut_until:
            self._shut_until = now + max(1, ceil(self._promised_at(now) - now - 1e-9))
        return ceil(self._shut_until - now)

    def _count(self, now: float) -> None:
        self._tokens = min(self._size, self._tokens + (now - self._counted_at) * self.per_s)
        self._counted_at = now

    def _next_at(self, now: float) -> float:
        """When an empty bucket, counted at `now`, has a token again."""
        return now + (1 - self._tokens) / self.per_s

    def _promised_at(self, now: float) -> float:
        """The moment that a refusal at `now` names."""
        return self._next_at(now)


class MinuteBucket(Bucket):
    """The refill of a minute comes at once, at each whole minute; a rival drains evenly all the while."""

    __slots__ = ("_gain", "_leak_per_s")

    def __init__(self, policy: Policy, speed: float, now: float, rival_share: float = 0.0) -> None:
        super().__init__(policy, speed, now, rival_share)
        self._gain = policy.refill_per_min * speed
        self._leak_per_s = self._gain * rival_share / MINUTE_S

    def _count(self, now: float) -> None:
        refilled_at = _next_minute(self._counted_at)
        if now >= refilled_at:
            further = (now - refilled_at) // MINUTE_S
            # A refill is never less than what the rival drains until the next, so those between just add up.
            held = self._left(refilled_at) + self._gain + further * MINUTE_S * self.per_s
            self._tokens = min(self._size, held)
            self._counted_at = refilled_at + further * MINUTE_S
        self._tokens = self._left(now)
        self._counted_at = now

    def _next_at(self, now: float) -> float:
        refilled_at = _next_minute(now)
        missing = ONE - self._left(refilled_at) - self._gain
        further = max(0, ceil(missing / (MINUTE_S * self.per_s)))
        return refilled_at + further * MINUTE_S

    def _promised_at(self, now: float) -> float:
        return _next_minute(now)

    def _left(self, now: float) -> float:
        """What the rival leaves until `now`, which is in the minute of the last count, or its end."""
        return max(0.0, self._tokens - (now - self._counted_at) * self._leak_per_s)


def _next_minute(now: float) -> float:
    return (now // MINUTE_S + 1) * MINUTE_S


def arm_bucket(policy: Policy, scenario: Scenario, now: float) -> Bucket:
    """A bucket of ARM's front door, which refills evenly by its document."""
    return Bucket(policy, scenario.limits_speed, now, scenario.rival_share)


def compute_bucket(policy: Policy, scenario: Scenario, now: float) -> Bucket:
    """A bucket of Microsoft.Compute. A machine's own is ours alone: the rival uses other machines."""
    rival_share = 0.0 if policy.is_per_machine else scenario.rival_share
    kind = MinuteBucket if scenario.refill == "by-minute" else Bucket
    return kind(policy, scenario.limits_speed, now, rival_share)


class UserQuota:
    """Resource Graph's own limit: 15 queries in each window of 5 s for a user; `speed` 0 for no limit."""

    def __init__(self, speed: float) -> None:
        self._size = max(1, int(QUERIES * speed)) if speed else None
        self._opened_at = -inf
        self._left = 0

    def draw(self, now: float) -> tuple[bool, dict[str, str], int]:
        """Whether a query may run, the quota's headers, and whole seconds until the next window."""
        if self._size is None:
            return True, {}, 0
        if now - self._opened_at >= QUERY_WINDOW_S:
            self._opened_at, self._left = now, self._size
        wait_s = max(1, ceil(self._opened_at + QUERY_WINDOW_S - now - 1e-9))
        is_allowed = self._left > 0
        self._left -= is_allowed
        headers = {
            "x-ms-user-quota-remaining": str(self._left),
            "x-ms-user-quota-resets-after": f"00:00:{wait_s:02d}",
            "x-ms-ratelimit-remaining-tenant-resource-requests": str(self._left),
        }
        return is_allowed, headers, wait_s
