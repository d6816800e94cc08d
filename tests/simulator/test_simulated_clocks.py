"""Clocks that are wrong: what they tell cannot be, and what the assessment finds stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetscan.simulator.fleet import Fleet
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.wrong_clocks import WrongClock
from tests.simulator.simulated_cloud import CALM, cloud_of, get, parsed, start

# A start at second 10 of 2026-11-22 02:00, and an end after 150 s.
TOLD = {
    WrongClock.NOT_SET_AT_START: ("1970-01-01T00:00:00.0000000+00:00", "2026-11-22T02:02:40"),
    WrongClock.LEAPING: ("2026-11-22T02:00:10", "2099-01-01T00:02:30"),
    WrongClock.BACKWARDS: ("2026-11-22T02:00:10", "2026-11-22T01:57:40"),
    WrongClock.STANDING: ("2026-11-22T02:00:10", "2026-11-22T02:00:10"),
    WrongClock.HARDLY_MOVING: ("2026-11-22T02:00:10.0", "2026-11-22T02:00:10.0150000"),
    WrongClock.RACING: ("2026-11-22T02:00:10", "2026-11-23T19:40:10"),
    WrongClock.LAST_YEAR: ("2025-11-22T02:00:10", "2025-11-22T02:02:40"),
    WrongClock.NEXT_YEAR: ("2027-11-22T02:00:10", "2027-11-22T02:02:40"),
}


@pytest.mark.parametrize("clock", WrongClock)
def test_a_wrong_clock_tells_what_cannot_be(clock: WrongClock) -> None:
    cloud = cloud_of(replace(CALM, machines=200, wrong_clock_pct=100))
    machine = next(
        each for each in cloud.fleet if each.lot.wrong_clock is clock and not each.lot.utc_offset_h
    )
    object.__setattr__(machine.lot, "duration_s", 150.0)
    url = start(cloud, machine, 10.0).headers["azure-asyncoperation"]
    assert parsed(get(cloud, url, 100.0))["status"] == "InProgress"
    told = parsed(get(cloud, url, 161.0))
    assert told["status"] == "Succeeded"
    started, ended = TOLD[clock]
    assert str(told["startTime"]).startswith(started)
    assert str(told["endTime"]).startswith(ended)


def test_wrong_clocks_take_their_share_and_change_nothing_else() -> None:
    plain, wrong = Fleet(Scenario(machines=4000)), Fleet(Scenario(machines=4000, wrong_clock_pct=15))
    kinds = [machine.lot.wrong_clock for machine in wrong if machine.lot.wrong_clock is not None]
    assert len(kinds) == pytest.approx(600, abs=80)
    assert set(kinds) == set(WrongClock)
    assert [machine.lot for machine in plain] == [replace(machine.lot, wrong_clock=None) for machine in wrong]
