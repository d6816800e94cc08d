"""How likely operations are to end by their age, learned from their own times."""

from __future__ import annotations

import random
from math import log, sqrt

import pytest

from fleetscan.engine.hazard import EDGES_S, EVEN_SHARE, PRIOR_MEAN_S, STEPS, Hazard, hazards, smooth, step_of

BEFORE_ANYTHING = (1.0 + EVEN_SHARE) / PRIOR_MEAN_S


def learned(durations_s: list[float]) -> Hazard:
    hazard = Hazard()
    for duration_s in durations_s:
        hazard.ended(0.0, duration_s)
    return hazard


def test_before_anything_is_known_every_age_is_alike() -> None:
    hazard = Hazard()
    for age_s in (0.0, 3.0, 60.0, 600.0, 14_000.0, 1e9):
        assert hazard.root_at(age_s) == pytest.approx(sqrt(BEFORE_ANYTHING))


def test_a_constant_hazard_is_found_again() -> None:
    chance = random.Random(3)
    hazard = learned([chance.expovariate(1 / 200.0) for _ in range(5000)])
    for age_s in (30.0, 100.0, 200.0, 400.0):
        assert hazard.root_at(age_s) ** 2 == pytest.approx(1.1 / 200.0, rel=0.2)


def test_where_none_ended_the_hazard_is_a_tenth_of_the_mean_and_little_more() -> None:
    hazard = learned([180.0 + second / 10 for second in range(100)])
    mean = 1 / 185.0
    assert hazard.root_at(60.0) ** 2 < 0.2 * mean
    assert hazard.root_at(185.0) ** 2 > 10.0 * mean


def test_operations_seen_running_count_against_the_short_ones_that_ended() -> None:
    few = learned([60.0] * 5)
    among_many = learned([60.0] * 5)
    for _ in range(50):
        among_many.running(0.0, 300.0)
    assert among_many.root_at(60.0) ** 2 < 0.2 * few.root_at(60.0) ** 2


def test_being_seen_twice_is_no_other_evidence_than_being_seen_once() -> None:
    once, twice = learned([200.0]), learned([200.0])
    once.running(0.0, 90.0)
    twice.running(0.0, 50.0)
    twice.running(50.0, 90.0)
    for age_s in (20.0, 60.0, 85.0, 200.0):
        assert once.root_at(age_s) == pytest.approx(twice.root_at(age_s))


def test_an_end_is_no_earlier_than_where_the_operation_was_seen_running() -> None:
    early, late = Hazard(), Hazard()
    early.ended(100.0, 60.0)
    late.ended(100.0, 100.0)
    assert [early.root_at(age_s) for age_s in EDGES_S] == [late.root_at(age_s) for age_s in EDGES_S]


def test_a_share_is_due_where_the_roots_have_added_up_to_it() -> None:
    hazard, root = Hazard(), sqrt(BEFORE_ANYTHING)
    assert hazard.due_s(0.0, 10.0 * root) == pytest.approx(10.0)
    assert hazard.due_s(37.5, 25.0 * root) == pytest.approx(62.5)
    # Beyond the last step it goes on as there.
    assert hazard.due_s(20_000.0, 100.0 * root) == pytest.approx(20_100.0)


@pytest.mark.parametrize("share", [1e-6, 0.2, 3.0, 1e4])
def test_what_is_due_is_due_later_than_it_was_seen(share: float) -> None:
    hazard = learned([30.0] * 40 + [600.0] * 40)
    for seen_s in (*EDGES_S, 29.9, 30.1, 599.0, 1e6):
        assert hazard.due_s(seen_s, share) > seen_s


def test_where_the_hazard_is_high_the_next_poll_is_soon() -> None:
    hazard = learned([180.0 + second / 10 for second in range(100)])
    share = 0.5
    early_s, amid_s = hazard.due_s(20.0, share) - 20.0, hazard.due_s(182.0, share) - 182.0
    assert amid_s < early_s / 4.0


def test_half_of_a_constant_hazard_has_gone_after_its_half_life() -> None:
    half_life_s = log(2.0) / BEFORE_ANYTHING
    for age_s in (0.0, 90.0, 20_000.0):
        assert Hazard().half_gone_s(age_s) == pytest.approx(age_s + half_life_s)


def test_hazards_are_those_of_a_table_made_by_hand() -> None:
    ended, entered = [0.0] * STEPS, [0.0] * STEPS
    step = step_of(100.0)
    width_s = EDGES_S[step + 1] - EDGES_S[step]
    ended[step], entered[step] = 16.0, 40.0
    found = hazards(ended, entered, 4)
    # A quarter of what is in a step stays there when it is smoothed; 16 of the 40 ran through half of it.
    ends, run_s = 16.0 * 4 / 16, (40.0 - 8.0) * width_s * 4 / 16
    even = EVEN_SHARE * 16.5 / ((40.0 - 8.0) * width_s + 75.0)
    expected = (ends + 0.5 * width_s / 150.0) / (run_s + 0.5 * width_s) + even
    assert found[step] == pytest.approx(expected)


def test_smoothing_keeps_the_sum_away_from_the_ends() -> None:
    values = [0.0] * 5 + [16.0] + [0.0] * 5
    assert smooth(values, 4) == [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.0]


def test_polls_by_the_root_see_ends_sooner_than_as_many_that_are_even() -> None:
    """Half end after 30 s, half after 600: the polls between belong to neither."""
    chance = random.Random(5)
    durations_s = [(30.0 if chance.random() < 0.5 else 600.0) * chance.uniform(0.9, 1.1) for _ in range(400)]
    hazard = learned(durations_s)
    late_s, polls = 0.0, 0
    for duration_s in durations_s:
        seen_s = 0.0
        while (at_s := hazard.due_s(seen_s, 1.5)) < duration_s:
            seen_s, polls = at_s, polls + 1
        late_s, polls = late_s + at_s - duration_s, polls + 1
    spacing_s = sum(durations_s) / polls
    assert late_s / len(durations_s) < 0.6 * spacing_s / 2.0
