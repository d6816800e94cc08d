"""Scans of fleets whose clocks are wrong: polls come when they should."""

from __future__ import annotations

import pytest

from fleetscan.engine.operation import Operation
from fleetscan.model import RequestKind
from fleetscan.simulator.scenario import Scenario
from tests.scanner.test_histories import target_of
from tests.virtual import cloud_of, play, rules


def course(wrong_clock_pct: float) -> tuple[float, float]:
    """When a scan of 400 VMs is over, s, and its polls a VM, where so many clocks are wrong."""
    scenario = Scenario(
        machines=400,
        durations="regular",
        failing_pct=0,
        stopped_pct=0,
        limits_speed=0,
        wrong_clock_pct=wrong_clock_pct,
    )
    cloud = cloud_of(scenario)
    shared = rules(1, first_poll_s=None, poll_interval_s=None)
    history = play(cloud, [Operation(target_of(machine), shared) for machine in cloud.fleet])
    return history.finished_at, history.count(RequestKind.POLL) / 400


@pytest.mark.parametrize("wrong_clock_pct", [30.0, 100.0])
def test_wrong_clocks_delay_no_result_by_much(wrong_clock_pct: float) -> None:
    right_at, right_polls = course(0.0)
    wrong_at, wrong_polls = course(wrong_clock_pct)
    assert wrong_at < right_at * 1.25
    assert wrong_polls < right_polls + 1.0
