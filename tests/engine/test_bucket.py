"""A token bucket's arithmetic, in numbers that can be checked by hand."""

from __future__ import annotations

import random

from fleetscan.engine.bucket import Bucket
from fleetscan.engine.limits import Limit

TEN_AND_ONE = Limit(capacity=10.0, refill_per_s=1.0)


def spent(count: int, now: float = 100.0) -> Bucket:
    bucket = Bucket(TEN_AND_ONE, now)
    for _ in range(count):
        bucket.take(now)
    return bucket


def test_a_full_bucket_is_ready() -> None:
    assert spent(0).ready_at() <= 100.0


def test_an_empty_bucket_is_ready_when_one_token_has_refilled() -> None:
    assert spent(10).ready_at() == 101.0


def test_a_bucket_never_holds_more_than_its_capacity() -> None:
    bucket = spent(0)
    for _ in range(10):
        assert bucket.ready_at() <= 1_000_000.0
        bucket.take(1_000_000.0)
    assert bucket.ready_at() == 1_000_001.0


def test_a_told_count_lowers_the_bucket() -> None:
    bucket = spent(1)
    bucket.correct(0, taken_when_sent=1, now=100.0)
    assert bucket.ready_at() == 101.0


def test_the_newest_told_count_raises_the_bucket_too() -> None:
    bucket = spent(10)
    bucket.correct(500, taken_when_sent=10, now=100.0)
    for _ in range(500):
        assert bucket.ready_at() <= 100.0
        bucket.take(100.0)
    assert bucket.ready_at() == 101.0


def test_an_older_count_never_raises_the_bucket() -> None:
    bucket = spent(10)
    bucket.correct(0, taken_when_sent=10, now=100.0)
    bucket.correct(500, taken_when_sent=9, now=100.0)
    assert bucket.ready_at() == 101.0


def test_a_share_of_a_bucket_leaves_the_rest_to_others() -> None:
    bucket = Bucket(TEN_AND_ONE, 100.0, share=0.5)
    bucket.take(100.0)
    bucket.correct(7, taken_when_sent=1, now=100.0)
    # Half of the seven are ours, and three of them are spent.
    for _ in range(3):
        bucket.take(100.0)
    assert bucket.ready_at() == 101.0


def test_a_share_of_a_bucket_that_is_smaller_than_published_is_no_debt() -> None:
    bucket = Bucket(Limit(capacity=600.0, refill_per_s=200.0 / 60.0), 0.0, share=0.5)
    bucket.take(0.0)
    bucket.correct(10, taken_when_sent=1, now=0.0)
    assert bucket.ready_at() <= 0.0


def test_a_refusal_never_raises_the_refill() -> None:
    bucket = Bucket(TEN_AND_ONE, 0.0, share=0.01)
    before = bucket.refill_per_s
    bucket.freeze(0.0, sent_at=0.0, after_s=1.0)
    assert bucket.refill_per_s < before


def test_good_replies_take_back_what_refusals_taught_where_no_count_does() -> None:
    bucket = Bucket(TEN_AND_ONE, 0.0)
    for second in range(10):
        bucket.freeze(float(second), sent_at=float(second), after_s=1.0)
    assert bucket.refill_per_s < 0.2
    for _ in range(2000):
        bucket.thaw()
    assert bucket.refill_per_s == 1.0


def test_a_refill_that_is_half_as_fast_is_learned_from_the_counts() -> None:
    bucket = spent(10)
    for second in range(0, 601, 2):
        now = 100.0 + second
        bucket.take(now)
        bucket.correct(0, taken_when_sent=10 + second // 2 + 1, now=now)
    assert 0.45 <= bucket.refill_per_s <= 0.6


def test_a_refill_that_is_twice_as_fast_is_learned_from_the_counts() -> None:
    bucket = spent(10)
    for second in range(601):
        now = 100.0 + second
        bucket.take(now)
        # Every second two tokens come and one is taken, of a bucket that holds thousands.
        bucket.correct(second, taken_when_sent=10 + second + 1, now=now)
        bucket._capacity = 10_000.0
    assert 1.8 <= bucket.refill_per_s <= 2.2


def test_a_short_refusal_says_that_the_refill_is_slower() -> None:
    bucket = spent(0)
    bucket.freeze(100.0, sent_at=99.0, after_s=1.0)
    assert bucket.refill_per_s == 0.8


def test_a_long_refusal_says_when_the_next_step_comes_and_nothing_of_the_refill() -> None:
    bucket = spent(0)
    bucket.freeze(100.0, sent_at=99.0, after_s=45.0)
    assert bucket.refill_per_s == 1.0
    assert bucket.ready_at() == 145.0


def test_a_late_reply_is_read_less_what_was_sent_since() -> None:
    bucket = spent(5)
    bucket.correct(7, taken_when_sent=1, now=100.0)
    for _ in range(3):
        bucket.take(100.0)
    assert bucket.ready_at() == 101.0


def test_a_debt_is_waited_off() -> None:
    bucket = spent(5)
    bucket.correct(0, taken_when_sent=1, now=100.0)
    assert bucket.ready_at() == 105.0


def test_a_refusal_stills_the_bucket_for_as_long_as_it_says() -> None:
    bucket = spent(0)
    bucket.freeze(100.0, sent_at=99.0, after_s=17.0)
    assert bucket.ready_at() == 117.0


def test_a_shorter_refusal_does_not_thaw_a_longer_one() -> None:
    bucket = spent(0)
    bucket.freeze(100.0, sent_at=99.0, after_s=60.0)
    bucket.freeze(101.0, sent_at=99.0, after_s=1.0)
    assert bucket.ready_at() == 160.0


def test_refusals_without_a_time_double_from_ten_seconds() -> None:
    bucket = spent(0)
    bucket.freeze(100.0, sent_at=99.0, after_s=None)
    assert bucket.ready_at() == 110.0
    bucket.freeze(111.0, sent_at=110.0, after_s=None)
    assert bucket.ready_at() == 131.0


def test_refusals_of_one_drought_double_once() -> None:
    bucket = spent(0)
    for _ in range(64):
        bucket.freeze(100.0, sent_at=99.0, after_s=None)
    assert bucket.ready_at() == 110.0


def test_a_success_starts_the_doubling_anew() -> None:
    bucket = spent(0)
    bucket.freeze(100.0, sent_at=99.0, after_s=None)
    bucket.thaw()
    bucket.freeze(120.0, sent_at=119.0, after_s=None)
    assert bucket.ready_at() == 130.0


def test_a_refused_bucket_is_empty_and_refills_from_there() -> None:
    bucket = spent(0)
    bucket.freeze(100.0, sent_at=99.0, after_s=10.0)
    for _ in range(10):
        assert bucket.ready_at() == 110.0
        bucket.take(110.0)
    assert bucket.ready_at() == 111.0


def test_a_count_that_came_later_is_not_refilled_for_the_time_before_it() -> None:
    bucket = spent(10)
    bucket.correct(0, taken_when_sent=10, now=105.0)
    assert bucket.ready_at() == 106.0


def test_no_window_ever_sees_more_than_capacity_and_refill() -> None:
    for seed in range(300):
        chance = random.Random(seed)
        bucket, now, sent_at = Bucket(TEN_AND_ONE, 0.0), 0.0, list[float]()
        for _ in range(200):
            now = max(now + chance.expovariate(2.0), bucket.ready_at()) if chance.random() < 0.3 else now
            if bucket.ready_at() <= now:
                bucket.take(now)
                sent_at.append(now)
        for first in range(len(sent_at)):
            for last in range(first, len(sent_at)):
                allowed = 10.0 + (sent_at[last] - sent_at[first]) + 1e-6
                assert last - first + 1 <= allowed, f"seed {seed}"


def test_a_window_that_is_spent_is_waited_for_to_its_earliest_told_end() -> None:
    bucket = spent(9)
    # Whole seconds, rounded up: the window ends at 105.0 at the latest, and at 105.7 by a later reply.
    bucket.rest(1, 5.0, now=100.0)
    bucket.take(100.7)
    bucket.rest(0, 5.0, now=100.7)
    assert bucket.ready_at() == 105.0


def test_the_next_window_is_told_anew_and_one_with_requests_left_holds_nothing_up() -> None:
    bucket = spent(0)
    bucket.rest(0, 5.0, now=100.0)
    bucket.rest(1, 5.0, now=105.2)
    assert bucket.ready_at() == 105.0
    bucket.rest(0, 5.0, now=105.4)
    assert bucket.ready_at() == 110.2


def test_no_count_holds_requests_up_for_longer_than_a_minute() -> None:
    bucket = spent(0)
    bucket.rest(0, 3600.0, now=100.0)
    assert bucket.ready_at() == 160.0
