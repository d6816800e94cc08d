"""When to poll: by settings, or by what a read is worth among all that run in the subscription."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleetscan.engine.pacing import RETHINK_SHARE, Pacing, Watch


def learned(durations_s: list[float] | None = None) -> Pacing:
    return Pacing(lambda: 0.0, recalled={"Linux": durations_s or []})


def next_poll_s(pacing: Pacing, watch: Watch, age_s: float, reads_per_s: float) -> float:
    """The age at which the poll is due that is planned at `age_s`, planned anew as often as it takes."""
    while (wait_s := pacing.wait_s(watch, age_s, reads_per_s)) > 0.05:
        age_s += wait_s
    return age_s


def test_settings_fix_the_first_poll_and_the_distance_of_the_others() -> None:
    pacing = Pacing(lambda: 0.0, 75.0, 30.0)
    watch = pacing.watch("Linux", "s", 0.0)
    assert pacing.wait_s(watch, 0.0) == 75.0
    pacing.running(watch, 75.0)
    assert pacing.wait_s(watch, 75.0) == 30.0
    assert not pacing.may_wait(watch)


def test_what_a_setting_fixes_is_spread_by_up_to_a_tenth() -> None:
    pacing = Pacing(lambda: 1.0, 75.0, 30.0)
    assert pacing.wait_s(pacing.watch("Linux", "s", 0.0), 0.0) == pytest.approx(82.5)


def test_one_vm_with_reads_to_spare_is_polled_as_often_as_its_own_limit_allows() -> None:
    pacing = learned([60.0] * 20)
    watch = pacing.watch("Linux", "s", 0.0)
    pacing.counted(watch, 45)
    pacing.running(watch, 60.0)
    assert next_poll_s(pacing, watch, 60.0, 67.0) == pytest.approx(62.0, abs=0.1)


@pytest.mark.parametrize(("left", "spacing_s"), [(45, 2.0), (20, 4.0), (10, 8.0), (1, 60.0), (0, 60.0)])
def test_the_vms_own_count_sets_the_least_distance(left: int, spacing_s: float) -> None:
    pacing = learned([60.0] * 20)
    watch = pacing.watch("Linux", "s", 0.0)
    pacing.running(watch, 60.0)
    pacing.counted(watch, left)
    assert pacing.wait_s(watch, 60.0, 67.0) >= min(spacing_s, 60.0) - 1e-9
    assert watch.spacing_s == spacing_s


def test_no_poll_is_sent_before_four_seconds() -> None:
    pacing = learned([1.0] * 20)
    assert next_poll_s(pacing, pacing.watch("Linux", "s", 0.0), 0.0, 67.0) == 4.0


def test_reads_are_shared_among_all_that_run_in_the_subscription() -> None:
    alone, among = learned(), learned()
    watch = alone.watch("Linux", "s", 0.0)
    watches = [among.watch("Linux", "s", 0.0) for _ in range(1000)]
    for each in watches:
        among.wait_s(each, 60.0, 25.0)
    # A thousand with 25 reads a second: 40 s from poll to poll, as long as all are equally likely to end.
    assert next_poll_s(among, watches[0], 0.0, 25.0) == pytest.approx(40.0, rel=0.05)
    assert next_poll_s(alone, watch, 0.0, 25.0) < 4.1


def test_another_subscription_takes_nothing() -> None:
    pacing = learned()
    for _ in range(1000):
        pacing.wait_s(pacing.watch("Linux", "crowded", 0.0), 60.0, 25.0)
    assert next_poll_s(pacing, pacing.watch("Linux", "empty", 0.0), 0.0, 25.0) < 4.1


def test_what_has_ended_leaves_its_reads_to_the_others() -> None:
    pacing = learned()
    watches = [pacing.watch("Linux", "s", 0.0) for _ in range(1000)]
    for each in watches:
        pacing.wait_s(each, 60.0, 25.0)
    for each in watches[1:]:
        pacing.leave(each)
        pacing.leave(each)
    assert watches[0].demand.weight == pytest.approx(watches[0].weight)
    assert next_poll_s(pacing, watches[0], 0.0, 25.0) < 4.1


def test_polls_come_thick_where_ends_are_likely_and_thin_where_they_are_not() -> None:
    pacing = learned([170.0 + second for second in range(20)])
    watches = [pacing.watch("Linux", "s", 0.0) for _ in range(200)]
    for each in watches:
        pacing.wait_s(each, 60.0, 5.0)
    early, due = watches[0], watches[1]
    pacing.running(early, 60.0)
    pacing.running(due, 178.0)
    assert next_poll_s(pacing, due, 178.0, 5.0) - 178.0 < (next_poll_s(pacing, early, 60.0, 5.0) - 60.0) / 4.0


def test_what_one_kind_teaches_says_nothing_of_another() -> None:
    pacing = learned()
    windows = pacing.watch("Windows", "s", 0.0)
    before_s = next_poll_s(pacing, windows, 0.0, 0.01)
    for _ in range(20):
        pacing.ended(pacing.watch("Linux", "s", 0.0), 30.0)
    assert next_poll_s(pacing, windows, 0.0, 0.01) == before_s


def test_a_poll_is_planned_anew_after_a_share_of_the_age() -> None:
    pacing = learned()
    watch = pacing.watch("Linux", "s", 0.0)
    pacing.running(watch, 100.0)
    assert pacing.may_wait(watch)
    # With hardly any read it would be due in hours.
    assert pacing.wait_s(watch, 100.0, 0.0001) == pytest.approx(100.0 * RETHINK_SHARE)


def polled_at(took_s: Callable[[float], float], last_s: float, age_s: float) -> float:
    """When a VM that took `last_s` last time and runs at `age_s` is polled next.

    Sixty others that took 60 to 119 s last time have just taken `took_s` of that. A thousand of another kind
    run too, so that what this one does hardly changes its share of the reads.
    """
    pacing = learned()
    for other_s in range(60, 120):
        pacing.ended(pacing.watch("Linux", "s", 0.0, float(other_s)), took_s(float(other_s)))
    for _ in range(1000):
        pacing.wait_s(pacing.watch("Windows", "s", 0.0), 60.0, 60.0)
    watch = pacing.watch("Linux", "s", 0.0, last_s)
    pacing.running(watch, age_s)
    return next_poll_s(pacing, watch, age_s, 60.0)


def test_vms_that_take_as_long_as_last_time_are_polled_around_that_time() -> None:
    for last_s in (30.0, 300.0):
        assert polled_at(lambda other_s: other_s, last_s, 0.7 * last_s) == pytest.approx(last_s, rel=0.15)


def test_when_all_take_twice_as_long_as_last_time_polls_follow() -> None:
    for last_s in (30.0, 300.0):
        assert polled_at(lambda other_s: 2 * other_s, last_s, 1.4 * last_s) == pytest.approx(
            2 * last_s, rel=0.15
        )


def test_where_the_last_time_foretells_nothing_what_others_take_tonight_counts() -> None:
    for last_s in (30.0, 300.0):
        assert polled_at(lambda other_s: 150.0 + other_s % 3, last_s, 110.0) == pytest.approx(150.0, rel=0.1)


def test_an_earlier_run_is_believed_until_this_one_says_otherwise() -> None:
    pacing = learned([400.0 + second for second in range(20)])
    assert pacing.probably_ended_s("Linux", 300.0) > 380.0
    for _ in range(400):
        pacing.ended(pacing.watch("Linux", "s", 0.0), 60.0)
    assert pacing.probably_ended_s("Linux", 30.0) < 70.0
