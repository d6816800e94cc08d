"""The arithmetic between measured runs and the figures people read."""

from __future__ import annotations

import pytest

from benchmarks.figures import (
    all_requests_a_vm,
    bytes_an_operation,
    cpu_ms,
    cpu_ms_without_start_up,
    fleets,
    middle,
    over_bound,
    over_floor,
    requests_a_vm,
    slope,
)
from benchmarks.runs import quantile
from benchmarks.scene import Scene
from tests.benchmarks.bench_runs import a_run

FLOOR = "floor: bare aiohttp, no logic"


def test_a_ratio_to_the_floor_is_taken_pair_by_pair_and_not_of_medians() -> None:
    runs = [
        a_run(FLOOR, 100, 1.0), a_run("fleetscan", 100, 1.2),
        a_run(FLOOR, 100, 2.0), a_run("fleetscan", 100, 2.2),
        a_run(FLOOR, 100, 4.0), a_run("fleetscan", 100, 6.0),
    ]  # fmt: skip
    scene = Scene("no limits", "", runs)
    ratio = over_floor(fleets(scene)[1], scene)
    assert ratio is not None
    assert (ratio.middle, ratio.least, ratio.most) == pytest.approx((1.2, 1.1, 1.5))
    assert over_floor(fleets(scene)[0], scene) is None


def test_a_client_over_fewer_machines_is_compared_by_the_machine() -> None:
    scene = Scene("no limits", "", [a_run(FLOOR, 100, 1.0), a_run("threads", 10, 1.5)])
    ratio = over_floor(fleets(scene)[1], scene)
    assert ratio is not None
    assert ratio.middle == pytest.approx(15.0)


def test_start_up_is_what_the_same_client_takes_for_one_machine() -> None:
    runs = [
        a_run("fleetscan", 1, 0.5), a_run("fleetscan", 1001, 1.5), a_run("fleetscan", 10_001, 12.5),
        a_run("threads", 1, 2.0), a_run("threads", 1001, 12.0),
    ]  # fmt: skip
    scene = Scene("growth", "", runs)
    small, large, threads = fleets(scene)
    assert cpu_ms_without_start_up(small, scene) == pytest.approx(1.0)
    assert cpu_ms_without_start_up(large, scene) == pytest.approx(1.2)
    assert cpu_ms_without_start_up(threads, scene) == pytest.approx(10.0)
    assert slope(small, scene) is None
    assert slope(large, scene) == pytest.approx(1.2)


def test_a_run_without_results_is_not_cheap_but_unknown() -> None:
    broken = a_run("fleetscan", 100, 0.1, results=0, lost=100)
    scene = Scene("no limits", "", [a_run(FLOOR, 100, 1.0), broken])
    assert cpu_ms(broken) is None
    assert over_floor(fleets(scene)[1], scene) is None
    assert cpu_ms(a_run("sdk", 100, 1.0, results=50, unreached=50)) == pytest.approx(20.0)


def test_a_run_that_left_machines_out_is_never_near_the_bound() -> None:
    done = a_run("fleetscan", 800, 1.0, span_s=250.0, bound_s=245.0)
    cut = a_run("sdk", 800, 1.0, span_s=120.0, bound_s=245.0, results=799, lost=1)
    assert over_bound(done) == pytest.approx(1.0204, abs=1e-4)
    assert over_bound(cut) is None


def test_an_operation_in_flight_is_what_one_more_takes() -> None:
    runs = [a_run("fleetscan", 1, 0.5, in_flight_mb=50.0), a_run("fleetscan", 1001, 0.5, in_flight_mb=55.0)]
    scene = Scene("in flight", "", runs)
    assert bytes_an_operation(fleets(scene)[0], scene) == pytest.approx(5_000.0)


def test_429s_are_requests_too_but_of_no_kind() -> None:
    run = a_run("sdk", 10, 1.0, requests={"start": 10, "poll": 25}, throttled=5)
    assert requests_a_vm(run, "poll") == 2.5
    assert requests_a_vm(run, "result") == 0.0
    assert all_requests_a_vm(run) == 4.0


def test_what_an_azure_does_not_tell_is_unknown_and_not_zero() -> None:
    run = a_run("sdk", 10, 1.0)
    assert requests_a_vm(run, "poll") is None
    assert all_requests_a_vm(run) is None
    assert middle([run, a_run("sdk", 10, 1.0, throttled=3)], lambda each: each.throttled) is None


def test_quantiles_are_values_that_were_measured() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([float(value) for value in range(100)], 0.99) == 99.0
    assert quantile([], 0.5) is None
