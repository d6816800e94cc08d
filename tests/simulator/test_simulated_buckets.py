"""Token buckets by numbers that can be checked by hand."""

from __future__ import annotations

import pytest

from fleetscan.simulator.buckets import ARM_READS, ARM_WRITES, Bucket, Duty, Policy

SLOW = Policy("slow", 2, 6)


def taken(bucket: Bucket, now: float, wanted: int) -> int:
    """How many of `wanted` requests at one moment pass."""
    passed = 0
    for _ in range(wanted):
        if bucket.is_open(now):
            bucket.take()
            passed += 1
    return passed


def test_a_full_bucket_lets_its_size_pass_and_no_more() -> None:
    assert taken(Bucket(SLOW, 1.0, 0.0), 0.0, 10) == 6


def test_tokens_come_back_evenly() -> None:
    bucket = Bucket(SLOW, 1.0, 0.0)
    taken(bucket, 0.0, 6)
    assert not bucket.is_open(29.9)
    assert taken(bucket, 30.0, 10) == 1
    assert taken(bucket, 120.0, 10) == 3


def test_a_bucket_never_holds_more_than_its_size() -> None:
    bucket = Bucket(SLOW, 1.0, 0.0)
    taken(bucket, 0.0, 6)
    assert taken(bucket, 86_400.0, 10) == 6


def test_retry_after_is_the_time_to_the_next_token_in_whole_seconds() -> None:
    bucket = Bucket(SLOW, 1.0, 0.0)
    taken(bucket, 0.0, 6)
    assert not bucket.is_open(10.5)
    assert bucket.refuse(10.5) == 20


def test_retry_after_is_at_least_a_second() -> None:
    bucket = Bucket(ARM_READS, 1.0, 0.0)
    taken(bucket, 0.0, 250)
    assert bucket.refuse(0.0) == 1


def test_nothing_passes_before_a_given_retry_after_is_over() -> None:
    bucket = Bucket(ARM_READS, 1.0, 0.0)
    taken(bucket, 0.0, 250)
    bucket.refuse(0.0)
    assert not bucket.is_open(0.9)
    assert bucket.refuse(0.9) == 1
    assert taken(bucket, 1.0, 100) == 25


def test_speed_multiplies_size_and_refill() -> None:
    bucket = Bucket(SLOW, 10.0, 0.0)
    assert taken(bucket, 0.0, 100) == 60
    assert taken(bucket, 3.0, 100) == 1


@pytest.mark.parametrize(
    ("policy", "per_minute", "size"),
    [
        (ARM_READS, 1500, 250),
        (ARM_WRITES, 600, 200),
        (Duty.PATCH.value[0], 200, 600),
        (Duty.PATCH.value[1], 2, 6),
        (Duty.POLL.value[0], 15, 45),
        (Duty.POLL.value[1], 5000, 15_000),
        (Duty.GET_VM.value[0], 12, 36),
        (Duty.GET_VM.value[1], 8000, 24_000),
        (Duty.LIST_VMS.value[0], 300, 900),
    ],
)
def test_each_published_limit_has_its_published_numbers(policy: Policy, per_minute: int, size: int) -> None:
    bucket = Bucket(policy, 1.0, 0.0)
    assert taken(bucket, 0.0, 30_000) == size
    # A minute's refill where it fits, and a full bucket where it does not.
    assert taken(bucket, 60.0, 30_000) == min(per_minute, size)
