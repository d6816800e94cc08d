"""Durations learned from operations' own times, and the looks that fit them."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

import pytest

from fleetscan.engine.durations import EDGES_S, MAX_POLLS, Durations, shares

Draw = Callable[[random.Random], float]


def looks_of(draw: Draw, operations: int = 2000) -> tuple[float, float, Durations]:
    """Looks an operation and the median lateness in seconds, of a fleet looked at by what it teaches."""
    chance, durations, looks, late = random.Random(7), Durations(), 0, []
    for _ in range(operations):
        duration_s, seen_s = draw(chance), 0.0
        while (poll_at_s := durations.poll_at_s(seen_s)) < duration_s:
            durations.running(seen_s, poll_at_s)
            seen_s = poll_at_s
            looks += 1
        durations.ended(seen_s, duration_s)
        looks += 1
        late.append(poll_at_s - duration_s)
    return looks / operations, statistics.median(late), durations


@pytest.mark.parametrize("typical_s", [40.0, 120.0, 180.0, 700.0])
def test_regular_durations_cost_one_look_soon_after_the_end(typical_s: float) -> None:
    looks, late_s, _ = looks_of(lambda chance: typical_s * (0.95 + 0.1 * chance.random()))
    assert looks <= 1.12
    assert late_s < 0.2 * typical_s


def test_varied_durations_stay_within_the_polls_that_azure_gives() -> None:
    looks, _, _ = looks_of(lambda chance: 180.0 * chance.lognormvariate(0.0, 0.5))
    assert looks <= MAX_POLLS + 0.05


def test_two_kinds_in_one_get_a_look_at_each() -> None:
    _, _, durations = looks_of(lambda chance: (60.0 if chance.random() < 0.8 else 600.0) + chance.random())
    first_s = durations.poll_at_s(0.0)
    assert 60.0 < first_s < 75.0
    assert 600.0 < durations.poll_at_s(first_s) < 700.0


def test_operations_seen_running_count_against_the_short_ones_that_ended() -> None:
    durations = Durations()
    for _ in range(50):
        durations.running(0.0, 300.0)
    for _ in range(5):
        durations.ended(0.0, 60.0)
    assert durations.poll_at_s(0.0) > 300.0


def test_an_earlier_run_is_believed_until_this_one_says_otherwise() -> None:
    durations = Durations()
    durations.recall([400.0 + second for second in range(20)], weight=40.0)
    assert 415.0 < durations.poll_at_s(0.0) < 480.0
    for _ in range(400):
        durations.ended(0.0, 60.0)
    assert durations.poll_at_s(0.0) < 70.0


def test_an_operation_older_than_anything_known_is_looked_at_ever_more_rarely() -> None:
    assert Durations().poll_at_s(100_000.0) == pytest.approx(104_000.0)


def test_shares_are_those_of_a_hand_made_table() -> None:
    # Ten enter the first step, two end in it; four of the eight left are known to enter the second, one ends.
    assert shares([2.0, 1.0], [10.0, 4.0]) == [0.2, pytest.approx(0.2)]


def test_a_look_is_always_later_than_the_last() -> None:
    durations = Durations()
    for edge in EDGES_S:
        assert durations.poll_at_s(edge) > edge


def test_where_no_end_is_ever_told_polls_do_not_drift_away() -> None:
    durations = Durations()
    for _ in range(600):
        durations.running(0.0, 200.0)
    assert durations.poll_at_s(0.0) < 60.0
    assert durations.poll_at_s(200.0) == pytest.approx(250.0)


def test_a_look_is_later_than_the_last_also_where_the_longest_is_known() -> None:
    durations = Durations()
    for _ in range(50):
        durations.ended(0.0, 120.0)
    for seen_s in (0.0, 119.0, 120.5, 121.0, 125.0):
        assert durations.poll_at_s(seen_s) > seen_s


def test_whoever_outlasts_the_longest_known_is_looked_at_soon_again() -> None:
    durations = Durations()
    for _ in range(50):
        durations.ended(0.0, 180.0)
    first_s = durations.poll_at_s(0.0)
    assert first_s == pytest.approx(180.9)
    # 180 s are in the step that ends at 184.5 s; beyond it nobody was ever seen to end.
    assert durations.poll_at_s(first_s) == pytest.approx(184.5, abs=0.1)
