"""A token bucket as Azure keeps it, and the published sizes of Azure's buckets.

Sizes and refills are facts from Microsoft's throttling pages. Written apart from the scanner's own
buckets on purpose: a shared mistake would stay hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import ceil, inf


@dataclass(frozen=True, slots=True)
class Policy:
    """A published limit: requests a minute, and how many may come at once.

    `is_per_machine` tells the limits of one machine from those of a subscription and region.
    """

    name: str
    refill_per_min: float
    size: int
    is_per_machine: bool = False


class Duty(Enum):
    """What Microsoft.Compute counts, with its policies in the order of the recorded headers."""

    PATCH = (
        Policy("VMGuestPatchOperationSubscriptionMaximum", 200, 600),
        Policy("VMGuestPatchOperationResource", 2, 6, is_per_machine=True),
    )
    POLL = (
        Policy("GetOperationResource", 15, 45, is_per_machine=True),
        Policy("GetOperationSubscriptionMaximum", 5_000, 15_000),
    )
    GET_VM = (
        Policy("LowCostGetResource", 12, 36, is_per_machine=True),
        Policy("LowCostGetSubscriptionMaximum", 8_000, 24_000),
    )
    LIST_VMS = (Policy("HighCostGetSubscriptionMaximum", 300, 900),)


ARM_READS = Policy("reads", 25 * 60, 250)
ARM_WRITES = Policy("writes", 10 * 60, 200)

QUERIES = 15
QUERY_WINDOW_S = 5.0


class Bucket:
    """Tokens that come back evenly. `speed` multiplies both the size and the refill."""

    __slots__ = ("_counted_at", "_per_s", "_shut_until", "_size", "_tokens", "policy")

    def __init__(self, policy: Policy, speed: float, now: float) -> None:
        self.policy = policy
        self._per_s = policy.refill_per_min * speed / 60
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
        self._tokens = min(self._size, self._tokens + (now - self._counted_at) * self._per_s)
        self._counted_at = now
        # A billionth, so that a token due at this very moment is not lost to rounding.
        return now >= self._shut_until and self._tokens >= 1 - 1e-9

    def take(self) -> None:
        """Spends one token; `is_open` has just said yes."""
        self._tokens = max(0.0, self._tokens - 1)

    def refuse(self, now: float) -> int:
        """The Retry-After of a refusal, whole seconds; until then nothing passes, token or not.

        "If you send a request before the retry value elapses, your request isn't processed and a new
        retry value is returned."
        """
        if now >= self._shut_until:
            self._shut_until = now + max(1, ceil((1 - self._tokens) / self._per_s - 1e-9))
        return ceil(self._shut_until - now)


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
