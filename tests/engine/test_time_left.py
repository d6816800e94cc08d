"""How much longer a scan takes, by what has ended, what runs and what is still to be started."""

from __future__ import annotations

import random

import pytest

from fleetscan.engine.time_left import TimeLeft


def known(durations_s: list[float]) -> TimeLeft:
    time_left = TimeLeft()
    for duration_s in durations_s:
        time_left.ended(duration_s)
    return time_left


def left_of(time_left: TimeLeft, now: float, to_start: int = 0, last_start_in_s: float = 0.0) -> float:
    ends_at = time_left.outlook(now, to_start, last_start_in_s).ends_at
    assert ends_at is not None
    return ends_at - now


def test_where_nothing_runs_and_nothing_is_to_start_nothing_is_left() -> None:
    outlook = TimeLeft().outlook(100.0, 0, 0.0)
    assert (outlook.ends_at, outlook.to_start, outlook.running, outlook.typical_s) == (100.0, 0, 0, None)


def test_before_any_end_an_assessment_takes_three_minutes() -> None:
    time_left = TimeLeft()
    time_left.accepted(0.0)
    assert left_of(time_left, 0.0, 0, 0.0) == pytest.approx(187.0, abs=8.0)
    assert left_of(time_left, 60.0, 0, 0.0) == pytest.approx(127.0, abs=8.0)


def test_where_none_has_ended_after_three_minutes_nothing_is_foretold() -> None:
    time_left = TimeLeft()
    time_left.accepted(0.0)
    assert time_left.outlook(200.0, 0, 0.0).ends_at is None
    time_left.ended(210.0)
    assert time_left.outlook(210.0, 0, 0.0).ends_at is not None


def test_starts_to_come_end_after_the_last_of_them() -> None:
    time_left = known([120.0 + second / 10 for second in range(100)])
    # The last of 400 starts leaves in 300 s, and the slowest takes some 130.
    assert left_of(time_left, 0.0, 400, 300.0) == pytest.approx(430.0, abs=10.0)


def test_what_runs_ends_as_those_before_it_did() -> None:
    time_left = known([120.0 + second / 10 for second in range(100)])
    time_left.accepted(0.0)
    for now in (10.0, 60.0, 100.0):
        assert now + left_of(time_left, now) == pytest.approx(127.0, abs=5.0)


def test_what_outlasts_all_that_are_known_has_some_seconds_left_and_never_none() -> None:
    time_left = known([120.0] * 100)
    time_left.accepted(0.0)
    for now in (140.0, 300.0, 3000.0):
        left_s = left_of(time_left, now, 0, 0.0)
        assert 0.02 * now < left_s < 0.2 * now


def test_the_more_run_the_later_is_the_last_end() -> None:
    chance = random.Random(1)
    durations_s = [180.0 * chance.lognormvariate(0.0, 0.5) for _ in range(2000)]
    lefts = []
    for count in (1, 10, 1000):
        time_left = known(durations_s)
        for _ in range(count):
            time_left.accepted(0.0)
        lefts.append(left_of(time_left, 0.0, 0, 0.0))
    assert lefts[0] == pytest.approx(180.0, rel=0.1)
    assert lefts == sorted(lefts)
    # 99.95 of a hundred have ended after 180 s x e^(0.5 x 3.29).
    assert lefts[2] == pytest.approx(930.0, rel=0.25)


def test_the_oldest_tell_how_long_such_ones_take() -> None:
    time_left = known([30.0] * 60 + [600.0] * 40)
    time_left.accepted(0.0)
    assert time_left.outlook(5.0, 0, 0.0).typical_s == pytest.approx(30.0, rel=0.1)
    assert time_left.outlook(100.0, 0, 0.0).typical_s == pytest.approx(600.0, rel=0.1)


def test_what_has_left_counts_no_more() -> None:
    time_left = known([100.0])
    time_left.accepted(5.2)
    time_left.accepted(5.7)
    time_left.left(5.2)
    assert time_left.outlook(6.0, 0, 0.0).running == 1
    time_left.left(5.7)
    assert left_of(time_left, 6.0, 0, 0.0) == 0.0


def test_a_scan_in_virtual_time_is_foretold_within_a_fifth_from_half_of_it_on() -> None:
    """800 that take a lognormal time: 200 at once, then ten a second."""
    chance = random.Random(2)
    started = [max(0.0, (number - 200) / 10.0) for number in range(800)]
    ends = sorted((at + 180.0 * chance.lognormvariate(0.0, 0.5), at) for at in started)
    last_end = ends[-1][0]
    for now in (last_end * share for share in (0.3, 0.5, 0.7, 0.9, 0.98)):
        time_left = TimeLeft()
        for end, at in ends:
            if at <= now:
                time_left.accepted(at)
                if end <= now:
                    time_left.left(at)
                    time_left.ended(end - at)
        to_start = sum(at > now for at in started)
        left_s = left_of(time_left, now, to_start, max(0.0, started[-1] - now))
        assert now + left_s == pytest.approx(last_end, rel=0.2)


def test_no_history_is_too_odd_to_foretell_its_end() -> None:
    """An exception here would end a scan."""
    for seed in range(500):
        chance = random.Random(seed)
        time_left, scale_s = TimeLeft(), chance.choice([1e-3, 3.0, 180.0, 3600.0, 1e6])
        sigma, gone = chance.choice([0.0, 0.01, 0.5, 3.0]), chance.choice([0.0, 0.3, 0.9, 1.0])
        for _ in range(chance.choice([1, 3, 50, 400])):
            at = chance.uniform(-100_000.0, 1000.0)
            time_left.accepted(at)
            if chance.random() < gone:
                time_left.left(at)
                time_left.ended(scale_s * chance.lognormvariate(0.0, sigma))
        outlook = time_left.outlook(
            1000.0, chance.choice([0, 1, 7, 1_000_000]), chance.choice([0.0, 0.5, 1e5])
        )
        assert outlook.ends_at is None or 1000.0 <= outlook.ends_at < 1e6, seed
