"""When to look: by settings, by scouts, by what was learned; thought over while it can wait."""

from __future__ import annotations

import pytest

from fleetscan.engine.pacing import SCOUTS, Pacing, Watch


def learned() -> Pacing:
    return Pacing(lambda: 0.0)


def watched(pacing: Pacing, last_s: float) -> Watch:
    """A machine that is no scout."""
    return [pacing.watch("Linux", last_s) for _ in range(SCOUTS + 1)][-1]


def test_settings_fix_the_first_look_and_the_distance_of_the_others() -> None:
    pacing = Pacing(lambda: 0.0, 75.0, 30.0)
    watch = pacing.watch("Linux")
    assert pacing.poll_s(watch, 0.0) == 75.0
    pacing.running(watch, 75.0)
    assert pacing.poll_s(watch, 75.0) == 30.0
    assert not pacing.may_wait(watch)


def test_the_first_three_of_each_kind_are_scouts() -> None:
    pacing = learned()
    assert [pacing.watch("Linux").is_scout for _ in range(4)] == [True, True, True, False]
    assert pacing.watch("Windows").is_scout


def test_a_scout_is_looked_at_early_and_often() -> None:
    pacing = learned()
    watch = pacing.watch("Linux")
    assert pacing.poll_s(watch, 0.0) == 40.0
    pacing.running(watch, 100.0)
    assert 14.0 < pacing.poll_s(watch, 100.0) < 16.0


def test_all_others_think_their_look_over_when_scouts_have_shown_something() -> None:
    pacing = learned()
    scouts = [pacing.watch("Linux") for _ in range(3)]
    watch = pacing.watch("Linux")
    assert pacing.may_wait(watch)
    before_s = pacing.poll_s(watch, 60.0)
    for scout in scouts:
        pacing.ended(scout, 61.0)
    assert pacing.poll_s(watch, 60.0) < before_s
    assert pacing.reconsider_s(watch, 0.0) <= 60.0


def test_what_one_kind_teaches_says_nothing_of_another() -> None:
    pacing = learned()
    windows = [pacing.watch("Windows") for _ in range(4)][-1]
    before_s = pacing.poll_s(windows, 0.0)
    for _ in range(20):
        pacing.ended(pacing.watch("Linux"), 30.0)
    assert pacing.poll_s(windows, 0.0) == before_s


def test_a_run_to_learn_from_makes_scouts_needless() -> None:
    pacing = Pacing(lambda: 0.0, recalled={"Linux": [100.0, 101.0, 102.0]})
    watch = pacing.watch("Linux")
    assert not watch.is_scout
    assert 102.0 <= pacing.poll_s(watch, 0.0) <= 130.0


def test_once_much_is_known_nothing_is_thought_over() -> None:
    pacing = learned()
    for _ in range(301):
        pacing.ended(pacing.watch("Linux"), 120.0)
    assert not pacing.may_wait(pacing.watch("Linux"))


def test_machines_that_take_as_long_as_last_time_are_looked_at_right_after() -> None:
    pacing = learned()
    for last_s in range(60, 120):
        pacing.ended(pacing.watch("Linux", float(last_s)), float(last_s))
    assert 300.0 < pacing.poll_s(watched(pacing, 300.0), 0.0) < 305.0
    assert 30.0 < pacing.poll_s(watched(pacing, 30.0), 0.0) < 30.5


def test_when_all_take_twice_as_long_as_last_time_looks_follow() -> None:
    pacing = learned()
    for last_s in range(60, 120):
        pacing.ended(pacing.watch("Linux", float(last_s)), 2.0 * last_s)
    assert 200.0 < pacing.poll_s(watched(pacing, 100.0), 0.0) < 215.0


def test_where_the_last_time_foretells_nothing_what_others_take_tonight_counts() -> None:
    pacing = learned()
    for last_s in range(60, 120):
        pacing.ended(pacing.watch("Linux", float(last_s)), 150.0 + last_s % 3)
    assert 152.0 < pacing.poll_s(watched(pacing, 30.0), 0.0) < 160.0


def test_what_a_setting_fixes_is_spread_by_up_to_a_tenth() -> None:
    pacing = Pacing(lambda: 1.0, 75.0, 30.0)
    assert pacing.poll_s(pacing.watch("Linux"), 0.0) == pytest.approx(82.5)
