"""Who may pass: ARM's front door first, then Microsoft.Compute; each refuses in its own documented shape.

A request refused by Compute has already paid at the front door. All buckets are made when first used.
"""

from __future__ import annotations

from fleetscan.model import Json
from fleetscan.simulator.buckets import ARM_READS, ARM_WRITES, Bucket, Duty, Policy
from fleetscan.simulator.replies import Answer, arm_error, indented
from fleetscan.simulator.times import Calendar

Headers = dict[str, str]
Scope = tuple[str, str, str]


class Limits:
    """Every token bucket of one cloud. `speed` 0 lets everything pass and says nothing of remains."""

    def __init__(self, speed: float, calendar: Calendar) -> None:
        self._speed = speed
        self._calendar = calendar
        self._buckets: dict[Scope, Bucket] = {}

    def front_door(self, method: str, subscription_id: str, now: float) -> Headers | Answer:
        """Draws on ARM's bucket of a subscription ("" for the tenant): the remaining-headers, or a 429."""
        if not self._speed:
            return {}
        policy = ARM_WRITES if method == "POST" else ARM_READS
        bucket = self._bucket(policy, (policy.name, subscription_id, ""), now)
        if not bucket.is_open(now):
            return _arm_refusal(policy, subscription_id, bucket.refuse(now))
        bucket.take()
        scope = "subscription" if subscription_id else "tenant"
        # The buckets of all principals together are fifteen times as large; nobody else is calling.
        everybody = 14 * bucket.size + bucket.remaining
        return {
            f"x-ms-ratelimit-remaining-{scope}-{policy.name}": str(bucket.remaining),
            f"x-ms-ratelimit-remaining-{scope}-global-{policy.name}": str(everybody),
        }

    def compute(
        self, duty: Duty, subscription_id: str, region: str, machine: str, now: float
    ) -> Headers | Answer:
        """Draws on Compute's buckets of a machine and of its subscription and region."""
        if not self._speed:
            return {}
        single, shared = (machine, ""), (subscription_id, region)
        buckets = [
            self._bucket(policy, (policy.name, *(single if policy.is_per_machine else shared)), now)
            for policy in duty.value
        ]
        for bucket in buckets:
            if not bucket.is_open(now):
                return self._compute_refusal(bucket, now)
        for bucket in buckets:
            bucket.take()
        remains = ",".join(f"Microsoft.Compute/{bucket.policy.name};{bucket.remaining}" for bucket in buckets)
        return {"x-ms-ratelimit-remaining-resource": remains}

    def _bucket(self, policy: Policy, scope: Scope, now: float) -> Bucket:
        bucket = self._buckets.get(scope)
        if bucket is None:
            bucket = self._buckets[scope] = Bucket(policy, self._speed, now)
        return bucket

    def _compute_refusal(self, bucket: Bucket, now: float) -> Answer:
        """Both shapes of the field: a machine's own limit with the `error` wrapper, a region's without."""
        detail: Json = {
            "code": "TooManyRequests",
            "target": bucket.policy.name,
            "message": self._measurement(bucket, now),
        }
        error: dict[str, Json] = {
            "code": "OperationNotAllowed",
            "message": "The server rejected the request because too many requests have been received "
            "for this subscription.",
            "details": [detail],
        }
        body = indented({"error": error} if bucket.policy.is_per_machine else error)
        return Answer(429, body, {"retry-after": str(bucket.refuse(now))})

    def _measurement(self, bucket: Bucket, now: float) -> str:
        begin, end = self._calendar.iso(now - 60), self._calendar.iso(now)
        return (
            f'{{"operationGroup":"{bucket.policy.name}","startTime":"{begin}","endTime":"{end}",'
            f'"allowedRequestCount":{bucket.size},"measuredRequestCount":{bucket.size + 1}}}'
        )


def _arm_refusal(policy: Policy, subscription_id: str, retry_after_s: int) -> Answer:
    # The tenant's code is the subscription's with the other word.
    scope = f"subscription '{subscription_id}'" if subscription_id else "tenant"
    answer = arm_error(
        429,
        "SubscriptionRequestsThrottled" if subscription_id else "TenantRequestsThrottled",
        f"Number of '{policy.name}' requests for {scope} exceeded. Please try again after '{retry_after_s}' "
        "seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for "
        "additional information.",
    )
    return Answer(429, answer.body, {"retry-after": str(retry_after_s)})
