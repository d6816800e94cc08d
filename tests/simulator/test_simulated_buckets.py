"""Token buckets by numbers that can be checked by hand."""

from __future__ import annotations

import pytest

from fleetscan.simulator.buckets import Bucket, MinuteBucket
from fleetscan.simulator.policies import ARM_READS, ARM_WRITES, POLICIES, Duty, Policy

SLOW = Policy("slow", 2, 6)
# One token a second.
BRISK = Policy("brisk", 60, 180)
PUBLISHED = POLICIES["2024"]


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
        (PUBLISHED[Duty.PATCH][0], 200, 600),
        (PUBLISHED[Duty.PATCH][1], 2, 6),
        (PUBLISHED[Duty.POLL][0], 15, 45),
        (PUBLISHED[Duty.POLL][1], 5000, 15_000),
        (PUBLISHED[Duty.GET_VM][0], 12, 36),
        (PUBLISHED[Duty.GET_VM][1], 8000, 24_000),
        (PUBLISHED[Duty.LIST_VMS][0], 300, 900),
    ],
)
def test_each_published_limit_has_its_published_numbers(policy: Policy, per_minute: int, size: int) -> None:
    bucket = Bucket(policy, 1.0, 0.0)
    assert taken(bucket, 0.0, 30_000) == size
    # A minute's refill where it fits, and a full bucket where it does not.
    assert taken(bucket, 60.0, 30_000) == min(per_minute, size)


def test_an_empty_bucket_says_when_a_token_is_there() -> None:
    bucket = Bucket(SLOW, 1.0, 0.0)
    assert bucket.ready_at(5.0) == 5.0
    taken(bucket, 5.0, 6)
    assert bucket.ready_at(5.0) == 35.0


def test_by_the_minute_the_whole_refill_comes_at_each_whole_minute() -> None:
    bucket = MinuteBucket(SLOW, 1.0, 10.0)
    assert taken(bucket, 10.0, 10) == 6
    assert taken(bucket, 59.9, 10) == 0
    assert taken(bucket, 60.0, 10) == 2
    assert taken(bucket, 119.9, 10) == 0
    assert taken(bucket, 185.0, 10) == 4


def test_by_the_minute_a_bucket_never_holds_more_than_its_size() -> None:
    bucket = MinuteBucket(SLOW, 1.0, 0.0)
    taken(bucket, 0.0, 6)
    assert taken(bucket, 86_400.0, 10) == 6


def test_by_the_minute_retry_after_is_the_rest_of_the_minute_and_at_least_a_second() -> None:
    bucket = MinuteBucket(SLOW, 1.0, 0.0)
    taken(bucket, 0.0, 6)
    assert bucket.refuse(45.5) == 15
    taken(bucket, 60.5, 2)
    assert bucket.refuse(119.9) == 1


def test_by_the_minute_a_small_refill_may_take_several_minutes_to_make_a_token() -> None:
    # Half a token a minute, one and a half at most.
    bucket = MinuteBucket(SLOW, 0.25, 0.0)
    assert taken(bucket, 0.0, 10) == 1
    assert bucket.ready_at(1.0) == 60.0
    assert taken(bucket, 60.0, 10) == 1
    assert bucket.ready_at(61.0) == 180.0


def test_a_rival_takes_its_share_of_an_even_refill() -> None:
    bucket = Bucket(BRISK, 1.0, 0.0, rival_share=0.25)
    taken(bucket, 0.0, 180)
    assert bucket.ready_at(0.0) == pytest.approx(4 / 3)
    assert taken(bucket, 8.0, 10) == 6


def test_a_rival_that_takes_less_than_the_refill_leaves_a_full_bucket_full() -> None:
    assert taken(Bucket(BRISK, 1.0, 0.0, rival_share=0.9), 600.0, 200) == 180


def test_by_the_minute_a_rival_drains_evenly_between_the_refills() -> None:
    # 60 tokens each minute, of which the rival takes one in two seconds.
    bucket = MinuteBucket(BRISK, 1.0, 0.0, rival_share=0.5)
    assert bucket.is_open(40.0)
    assert bucket.remaining == 160
    assert bucket.is_open(60.0)
    assert bucket.remaining == 180
    assert taken(bucket, 90.0, 200) == 165


def test_a_rival_never_takes_a_bucket_below_zero() -> None:
    bucket = MinuteBucket(BRISK, 1.0, 0.0, rival_share=0.5)
    taken(bucket, 0.0, 180)
    assert bucket.ready_at(30.0) == 60.0
    assert taken(bucket, 60.0, 200) == 60
    # 60 come each minute and 30 are drained in each: 60, 90, 120.
    assert taken(bucket, 240.0, 200) == 120
