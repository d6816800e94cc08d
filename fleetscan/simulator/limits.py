"""Which requests pass: ARM's front door first, then Microsoft.Compute; each refuses in its documented shape.

A request refused by Compute has already paid at the front door. All buckets are made when first used.
"""

from __future__ import annotations

from fleetscan.model import Json
from fleetscan.simulator.buckets import Bucket, arm_bucket, compute_bucket
from fleetscan.simulator.policies import ARM_READS, ARM_WRITES, POLICIES, Duty, Policy
from fleetscan.simulator.replies import Answer, arm_error, indented
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.times import Calendar

Headers = dict[str, str]

# With so many buckets of single machines, or twice those left the last time, full ones are forgotten.
SWEEP_LEAST = 1000


class Limits:
    """Every token bucket of one cloud. `limits_speed` 0 lets everything pass and says nothing of remains."""

    def __init__(self, scenario: Scenario, calendar: Calendar) -> None:
        self._scenario = scenario
        self._calendar = calendar
        self._policies = POLICIES[scenario.policy_names]
        self._doors: dict[tuple[str, str], Bucket] = {}
        self._regions: dict[tuple[str, str, str], Bucket] = {}
        self._machines: dict[tuple[str, str], Bucket] = {}
        self._sweep_at = SWEEP_LEAST

    def front_door(self, method: str, subscription_id: str, now: float) -> Headers | Answer:
        """Draws on ARM's bucket of a subscription ("" for the tenant): the remaining-headers, or a 429."""
        if not self._scenario.limits_speed:
            return {}
        policy = ARM_WRITES if method == "POST" else ARM_READS
        bucket = self._doors.get((policy.name, subscription_id))
        if bucket is None:
            bucket = arm_bucket(policy, self._scenario, now)
            self._doors[policy.name, subscription_id] = bucket
        if not bucket.is_open(now):
            return arm_refusal(policy, subscription_id, bucket.refuse(now))
        bucket.take()
        scope = "subscription" if subscription_id else "tenant"
        left = bucket.remaining
        # The buckets of all principals together are fifteen times as large; no other principal is calling.
        return {
            f"x-ms-ratelimit-remaining-{scope}-{policy.name}": str(left),
            f"x-ms-ratelimit-remaining-{scope}-global-{policy.name}": str(14 * bucket.size + left),
        }

    def compute(
        self, duty: Duty, subscription_id: str, region: str, machine: str, now: float
    ) -> Headers | Answer:
        """Draws on Compute's buckets of a machine and of its subscription and region."""
        if not self._scenario.limits_speed:
            return {}
        buckets = [
            self._of_machine(policy, machine, now)
            if policy.is_per_machine
            else self._of_region(policy, subscription_id, region, now)
            for policy in self._policies[duty]
        ]
        for bucket in buckets:
            if not bucket.is_open(now):
                return self._compute_refusal(bucket, now)
        remains = []
        for bucket in buckets:
            bucket.take()
            remains.append(f"Microsoft.Compute/{bucket.policy.name};{bucket.remaining}")
        return {"x-ms-ratelimit-remaining-resource": ",".join(remains)}

    def _of_region(self, policy: Policy, subscription_id: str, region: str, now: float) -> Bucket:
        scope = (policy.name, subscription_id, region)
        bucket = self._regions.get(scope)
        if bucket is None:
            bucket = self._regions[scope] = compute_bucket(policy, self._scenario, now)
        return bucket

    def _of_machine(self, policy: Policy, machine: str, now: float) -> Bucket:
        scope = (policy.name, machine)
        bucket = self._machines.get(scope)
        if bucket is None:
            if len(self._machines) >= self._sweep_at:
                self._sweep(now)
            bucket = self._machines[scope] = compute_bucket(policy, self._scenario, now)
        return bucket

    def _sweep(self, now: float) -> None:
        """A machine's bucket is full again within minutes, and a full one need not be kept."""
        used = {scope: bucket for scope, bucket in self._machines.items() if not bucket.is_as_new(now)}
        self._machines = used
        self._sweep_at = max(SWEEP_LEAST, 2 * len(used))

    def _compute_refusal(self, bucket: Bucket, now: float) -> Answer:
        """Both shapes of the field: a machine's own limit with the `error` wrapper, a region's without."""
        policy, measurement = bucket.policy, self._measurement(bucket, now)
        body = compute_throttle(policy, measurement, is_wrapped=policy.is_per_machine)
        return Answer(429, body, {"retry-after": str(bucket.refuse(now))})

    def _measurement(self, bucket: Bucket, now: float) -> str:
        begin, end = self._calendar.iso(now - 60), self._calendar.iso(now)
        return (
            f'{{"operationGroup":"{bucket.policy.name}","startTime":"{begin}","endTime":"{end}",'
            f'"allowedRequestCount":{bucket.size},"measuredRequestCount":{bucket.size + 1}}}'
        )


def compute_throttle(policy: Policy, measurement: str, *, is_wrapped: bool) -> bytes:
    """The body of Compute's 429: with the `error` wrapper of the field, or without as in the documents."""
    detail: Json = {"code": "TooManyRequests", "target": policy.name, "message": measurement}
    error: dict[str, Json] = {
        "code": "OperationNotAllowed",
        "message": "The server rejected the request because too many requests have been received "
        "for this subscription.",
        "details": [detail],
    }
    return indented({"error": error} if is_wrapped else error)


def arm_refusal(policy: Policy, subscription_id: str, retry_after_s: int) -> Answer:
    """ARM's 429 for a subscription, or with "" for the tenant."""
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
