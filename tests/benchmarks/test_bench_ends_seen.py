"""The fleets in virtual time: one is played as `make bench` plays all, and the table of what came of it."""

from __future__ import annotations

import pytest

from benchmarks.courses import course_of, operations_of, past_of
from benchmarks.cpu_watch import CpuWatch, busiest_cores
from benchmarks.ends_seen import Course, Ends, ends_table, play_fleets
from benchmarks.fleets import FLEETS, Fleet, Known, fleet
from benchmarks.paced import BEGINS_S, LASTS_S, OwnPart, own_us, trouble
from benchmarks.paced import FLEET as PACED_FLEET
from fleetscan.simulator.fleet import Machine
from tests.virtual import cloud_of, ends_at, play

FEW = FLEETS[0]


def course(seed: int, **told: float) -> Course:
    plain: dict[str, float] = {
        "median_s": 2.0, "p90_s": 4.0, "makespan_s": 204.0, "order_s": 200.0, "bound_s": 170.0, "polls": 500,
        "polls_throttled": 0, "starts_throttled": 0, "lost": 0,
    }  # fmt: skip
    return Course(fleet="50 VMs", machines=50, seed=seed, **(plain | told))  # type: ignore[arg-type]


def test_forty_vms_are_seen_to_end_seconds_after_they_do_and_none_is_lost() -> None:
    (played,) = play_fleets(1, lambda _: None, [FEW]).courses
    assert (played.fleet, played.machines, played.seed) == ("40 VMs in 2 subscriptions, 20 to 150 s", 40, 1)
    assert 0.5 < played.median_s < 4.0
    assert played.median_s < played.p90_s < 8.0
    assert played.bound_s <= played.order_s < played.makespan_s < 1.05 * played.bound_s
    assert (played.polls_throttled, played.starts_throttled, played.lost) == (0, 0, 0)


def test_a_seed_is_one_course_whether_it_is_played_here_or_apart() -> None:
    assert play_fleets(1, lambda _: None, [FEW]).courses == [course_of(FEW, 1)]
    assert course_of(FEW, 2) != course_of(FEW, 1)


def test_the_fleets_are_told_apart_by_their_names_and_every_vm_of_them_has_a_result() -> None:
    assert len({each.name for each in FLEETS}) == len(FLEETS) == 22
    assert {(each.scenario.failing_pct, each.scenario.stopped_pct) for each in FLEETS} == {(0.0, 0.0)}


def test_a_refused_start_is_counted_as_such_and_no_vm_is_lost_to_it() -> None:
    # A twentieth of the limits, of which a rival takes half: 10 starts and then one each 4 s.
    tight = Fleet("tight", fleet(30, "brief", limits_speed=0.05, rival_share=0.5))
    played = course_of(tight, 1)
    assert played.starts_throttled > 0
    assert played.lost == 0
    assert played.makespan_s >= played.order_s >= 3.0


def test_of_the_last_run_every_vms_duration_is_known_give_or_take_a_tenth() -> None:
    cloud = cloud_of(fleet(400, "lognormal"))
    assert past_of(cloud, Known.NOTHING).by_machine == {}
    past = past_of(cloud, Known.LAST_RUN)

    def ratio(machine: Machine) -> float:
        return past.by_machine[machine.key] / machine.lot.duration_s

    ratios = sorted(map(ratio, cloud.fleet))
    assert len(ratios) == sum(len(durations_s) for durations_s in past.by_os.values()) == 400
    # The quartiles of a lognormal tenth lie 6.5 % below and 7 % above.
    assert ratios[100] == pytest.approx(0.935, abs=0.02)
    assert ratios[300] == pytest.approx(1.070, abs=0.02)


def test_a_scan_that_reads_resource_graph_s_times_ends_near_the_bound() -> None:
    graph = Fleet("graph", fleet(250, "regular", assessed_before_pct=100.0, nights_differ=0.0), Known.GRAPH)
    played = course_of(graph, 1)
    assert (played.polls_throttled, played.starts_throttled, played.lost) == (0, 0, 0)
    assert 0.0 < played.median_s < 6.0
    assert played.bound_s <= played.order_s < played.makespan_s < 1.1 * played.bound_s


def test_a_line_has_medians_of_the_seeds_and_the_worst_of_their_counts() -> None:
    courses = [course(1, lost=1), course(2, median_s=9.0), course(3, polls_throttled=1_200)]
    assert ends_table(Ends("ends seen", "", courses)).splitlines() == [
        "| fleet | seeds | end seen, median s | p90 s | makespan s | over bound | over its own order "
        "| polls a VM | polls answered 429 | starts answered 429 | VMs lost |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
        "| 50 VMs | 3 | 2.0 | 4.0 | 204 | 1.200 | 1.020 | 10.0 | 1,200 | 0 | 1 |",
    ]


def test_the_busiest_minute_may_begin_at_any_second() -> None:
    # Idle for 30 s, 0.5 cores for 60 s, then 0.1.
    spent = [0.0] * 30 + [0.5 * second for second in range(60)] + [30 + 0.1 * more for more in range(100)]
    samples = [(1000.0 + second, spent_s) for second, spent_s in enumerate(spent)]
    assert busiest_cores(samples) == pytest.approx(0.5, abs=0.001)


def test_a_run_of_less_than_a_minute_has_no_busiest_one() -> None:
    assert busiest_cores([]) is None
    assert busiest_cores([(0.0, 0.0), (59.0, 59.0)]) is None
    assert busiest_cores([(0.0, 0.0), (61.0, 30.5)]) == pytest.approx(0.5)


def test_cpu_is_sampled_once_a_second_and_not_where_the_platform_does_not_tell() -> None:
    watch = CpuWatch(lambda: 1.5)
    for now in (0.0, 0.5, 0.9, 1.0, 1.5, 2.1):
        watch.look(now)
    assert watch.samples == [(0.0, 1.5), (1.0, 1.5), (2.1, 1.5)]
    blind = CpuWatch(lambda: None)
    blind.look(0.0)
    assert blind.samples == []


def test_a_paced_poll_is_measured_while_only_polls_are_sent_and_as_many_as_the_limit_allows() -> None:
    cloud = cloud_of(PACED_FLEET)
    history = play(cloud, operations_of(cloud, past_of(cloud, Known.NOTHING)))
    window = [step.turn.kind.value for at, step in history.sent if BEGINS_S < at < BEGINS_S + LASTS_S]
    assert set(window) == {"poll"}
    assert len(window) == pytest.approx(25.0 * 60.0, rel=0.05)
    assert not [at for at in ends_at(cloud, history).values() if BEGINS_S < at < BEGINS_S + LASTS_S]


def test_a_poll_costs_our_own_cpu_over_polls_unless_something_else_was_sent() -> None:
    assert own_us(OwnPart(polls=2_000, other=0, own_s=0.12)) == pytest.approx(60.0)
    assert own_us(OwnPart(polls=2_000, other=1, own_s=0.12)) is None
    assert own_us(None) is None
    assert trouble(OwnPart(2_000, 0, 0.12), "") == ""
    assert trouble(OwnPart(2_000, 1, 0.12), "") == "1 requests were no polls"
    assert trouble(None, "") == "it did not end"
