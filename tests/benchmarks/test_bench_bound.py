"""The all-knowing schedule by arithmetic that can be done by hand.

A subscription's writes: 200 at once, then 10 a second. A region's starts: 600 at once, then 200 a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import pytest

from benchmarks.bound import bound, bound_of
from fleetscan.simulator.fleet import Fleet
from fleetscan.simulator.scenario import Scenario
from tests.simulator.simulated_cloud import CALM, DOOMED, cloud_of, start

EVENLY = Scenario()
BY_MINUTE = Scenario(refill="by-minute")
# ARM: 2 at once, then one each 10 s. A region: 6 at once, then one each 30 s.
TINY = Scenario(limits_speed=0.01)


def of_one_region(scenario: Scenario, machines: int, first_start_at: float = 0.0) -> float:
    """The bound of so many assessments of 60 s in one subscription and region."""
    return bound(scenario, {("s", "r"): [60.0] * machines}, first_start_at)


def test_nothing_to_start_takes_no_time() -> None:
    assert bound(EVENLY, {}) == 0.0
    assert bound(EVENLY, {("s", "r"): []}) == 0.0


def test_200_starts_go_at_once() -> None:
    assert of_one_region(EVENLY, 200) == 60.0


def test_up_to_600_starts_arms_10_a_second_bind() -> None:
    # 400 beyond the first 200 at 10 a second: 40 s, and 60 s for the last one.
    assert of_one_region(EVENLY, 600) == pytest.approx(100.0)


def test_at_800_starts_arm_and_the_region_bind_alike() -> None:
    # ARM: (800 - 200) / 10 = 60 s. Region: (800 - 600) at 200 a minute = 60 s.
    assert of_one_region(EVENLY, 800) == pytest.approx(120.0)


def test_beyond_800_starts_the_regions_200_a_minute_bind() -> None:
    # (1000 - 600) at 200 a minute: 120 s; ARM would be through at 80 s.
    assert of_one_region(EVENLY, 1000) == pytest.approx(180.0)


def test_by_the_minute_a_rest_waits_for_the_next_whole_minute() -> None:
    # 600 by 40 s, 200 more at 60 s (ARM has saved 200 since), the last 50 at 120 s.
    assert of_one_region(BY_MINUTE, 800) == pytest.approx(120.0)
    assert of_one_region(BY_MINUTE, 850) == pytest.approx(180.0)
    # Evenly they would go at (850 - 600) * 0.3 = 75 s.
    assert of_one_region(EVENLY, 850) == pytest.approx(135.0)


def test_by_the_minute_it_matters_when_in_the_minute_a_scan_begins() -> None:
    # Begun half a minute before a refill: 800 may go by 60 s, as ARM lets them, and 50 at 90 s.
    assert of_one_region(BY_MINUTE, 850, first_start_at=3630.0) == pytest.approx(150.0)
    assert of_one_region(EVENLY, 850, first_start_at=3630.0) == pytest.approx(135.0)


@pytest.mark.parametrize(("limits_speed", "span"), [(0.5, 480.0), (2.0, 90.0), (0.0, 60.0)])
def test_halved_doubled_and_absent_limits(limits_speed: float, span: float) -> None:
    # Halved: (1000 - 300) at 100 a minute, 420 s. Doubled: ARM's (1000 - 400) at 20 a second, 30 s.
    assert of_one_region(Scenario(limits_speed=limits_speed), 1000) == pytest.approx(span)


def test_a_rival_leaves_its_share_of_the_refill() -> None:
    # (1000 - 600) at 100 a minute: 240 s.
    assert of_one_region(Scenario(rival_share=0.5), 1000) == pytest.approx(300.0)


def test_by_the_minute_a_rival_also_drains_what_is_left_for_later() -> None:
    # ARM gives 5 a second. Of the region's 400 left after the first 200, 5 a second are ours and 1.67 the
    # rival's: empty at 60 s, with 500 started. Of the 200 of each minute so 150 are ours within 30 s, and
    # 50 the rival's: 650 by 90 s. The 150 that ARM saved by 120 s leave 50, of which 37 are ours: 837. At
    # 180 s ARM has saved enough for the last.
    scenario = Scenario(refill="by-minute", rival_share=0.5)
    assert of_one_region(scenario, 650) == pytest.approx(150.0)
    assert of_one_region(scenario, 1000) == pytest.approx(240.0)


def test_the_longest_assessments_start_first() -> None:
    # One of 100 s among 300 of 10 s: it goes at 0 s; last it would go at 10.1 s.
    assert bound(EVENLY, {("s", "r"): [*[10.0] * 300, 100.0]}) == pytest.approx(100.0)
    # 300 of 100 s and then one of 10 s: the last long one goes at 10 s.
    assert bound(EVENLY, {("s", "r"): [10.0, *[100.0] * 300]}) == pytest.approx(110.0)


def test_subscriptions_do_not_wait_for_each_other() -> None:
    starts = {(f"s{n}", "r"): [60.0] * 500 for n in range(4)}
    # (500 - 200) / 10 = 30 s in each.
    assert bound(EVENLY, starts) == pytest.approx(90.0)


def test_regions_of_one_subscription_share_its_writes() -> None:
    starts = {("s", f"r{n}"): [60.0] * 600 for n in range(4)}
    # (2400 - 200) / 10 = 220 s.
    assert bound(EVENLY, starts) == pytest.approx(280.0)


def test_the_region_with_the_longest_start_time_ahead_goes_first() -> None:
    starts = {("s", "small"): [10.0] * 600, ("s", "large"): [10.0] * 1200}
    # The large region alone takes (1200 - 600) * 0.3 = 180 s; the small one fits in between: ARM needs 160 s
    # for both. Were the small one first, the large one would begin at 40 s and end at 220 s.
    assert bound(EVENLY, starts) == pytest.approx(190.0)


@pytest.mark.parametrize(
    "starts",
    [
        {("s", "a"): [5.0] * 8, ("s", "b"): [40.0, 20.0, 1.0]},
        {("s", "a"): [90.0, 1.0, 1.0, 1.0, 1.0, 1.0, 70.0, 60.0], ("s", "b"): [55.0] * 3},
        # Here a token of ARM must wait for a region that is about to have one.
        {("s", "a"): [90.0, 90.0, 60.0, 40.0, 20.0, 10.0, 10.0, 10.0, 5.0], ("s", "b"): [40.0, 20.0, 1.0]},
        {("s", "a"): [10.0] * 3, ("s", "b"): [30.0, 20.0, 10.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0]},
    ],
)
def test_no_order_of_starts_beats_the_bound(starts: dict[tuple[str, str], list[float]]) -> None:
    a, b = (sorted(durations, reverse=True) for durations in starts.values())
    assert bound(TINY, starts) == pytest.approx(min(spans(a, b)))


def spans(a: list[float], b: list[float]) -> Iterator[float]:
    """The span of each way to mingle two regions' starts under the limits of `TINY`, one after another."""
    for places in combinations(range(len(a) + len(b)), len(a)):
        queues = {True: iter(a), False: iter(b)}
        # Tokens of ARM, of the one and of the other region, as they stand at `now`.
        now, end, arm, left = 0.0, 0.0, 2.0, {True: 6.0, False: 6.0}
        for place in range(len(a) + len(b)):
            mine = place in places
            wait = max(0.0, (1 - arm) * 10, (1 - left[mine]) * 30)
            now += wait
            arm = min(2.0, arm + wait / 10) - 1
            left = {which: min(6.0, tokens + wait / 30) for which, tokens in left.items()}
            left[mine] -= 1
            end = max(end, now + next(queues[mine]))
        yield end


def test_a_cloud_takes_every_start_at_the_bounds_pace_and_none_sooner() -> None:
    cloud = cloud_of(replace(CALM, machines=1001, subscriptions=1, regions=1))
    *machines, last = cloud.fleet
    for number, machine in enumerate(machines, 1):
        at = max(0.0, (number - 200) / 10, (number - 600) * 0.3) + 1e-6
        assert start(cloud, machine, at).status == 202
    assert start(cloud, last, 120.2).status == 429


def test_without_limits_the_longest_assessment_is_the_bound_of_a_fleet() -> None:
    scenario = replace(CALM, limits_speed=0.0)
    fleet = Fleet(scenario)
    assert bound_of(fleet, scenario) == max(machine.lot.duration_s for machine in fleet)


def test_machines_that_are_listed_as_stopped_are_not_started() -> None:
    scenario = replace(CALM, stopped_pct=100)
    assert bound_of(Fleet(scenario), scenario) == 0.0


def test_a_start_that_is_refused_costs_its_tokens_and_ends_at_once() -> None:
    scenario = replace(DOOMED, machines=1000, subscriptions=1, regions=1, limits_speed=1.0, speed=1e6)
    assert bound_of(Fleet(scenario), scenario) == pytest.approx(120.0, abs=0.01)


def test_policy_names_change_no_bound() -> None:
    scenario = replace(CALM, machines=1000, subscriptions=1, regions=1, policy_names="2023")
    plain = replace(scenario, policy_names="2024")
    assert bound_of(Fleet(scenario), scenario) == bound_of(Fleet(plain), plain)
