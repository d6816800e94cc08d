"""What a scenario may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.dials import Dial, dials_of
from fleetscan.simulator.estate import REGIONS
from fleetscan.simulator.fleet import Fleet
from fleetscan.simulator.scenario import Scenario
from tests.simulator.simulated_cloud import CALM


def test_the_defaults_are_a_small_ordinary_fleet() -> None:
    fleet = Fleet(Scenario())
    assert len(fleet) == 300
    assert len(fleet.estate.subscriptions) == 4
    assert {machine.region for machine in fleet} == {"westeurope", "northeurope", "eastus"}


@pytest.mark.parametrize(
    "change",
    [
        {"machines": -1},
        {"subscriptions": 0},
        {"page_size": 0},
        {"speed": 0},
        {"limits_speed": -1},
        {"rival_share": 1},
        {"rival_share": -0.1},
        {"stopped_pct": 60, "failing_pct": 60},
        {"warned_pct": -1},
        {"installing_pct": 101},
        {"graph_lag_s": -1},
        {"faults_pct": 100.1},
        {"troubled_pct": -1},
        {"outages": -1},
    ],
    ids=str,
)
def test_what_cannot_be_is_a_value_error(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        replace(CALM, **change)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"regions": 17}, "regions must be a whole number from 1 to 16, not 17"),
        ({"machines": 2.5}, "machines must be a whole number from 0 to 1000000, not 2.5"),
        ({"faults_pct": float("nan")}, "faults_pct must be a number from 0 to 100, not nan"),
        ({"graph": "down"}, "graph must be one of up, denied, broken, endless, hollow, not 'down'"),
        ({"token": "two words"}, "token must be printable ASCII without blanks, not 'two words'"),
        (
            {"stopped_pct": 60, "warned_pct": 40, "failing_pct": 3},
            "stopped_pct, warned_pct, truncated_pct and failing_pct must be 100 together at most, not 103",
        ),
    ],
    ids=str,
)
def test_a_refusal_names_the_dial_and_what_it_may_be(change: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        replace(CALM, **change)
    assert str(caught.value) == refusal


def test_a_fleet_can_be_spread_over_every_region_there_is() -> None:
    assert dials_of(Scenario)["regions"].high == len(REGIONS) == 16


def test_a_word_s_choices_are_those_of_its_type() -> None:
    hints = get_type_hints(Scenario)
    words = {name: each.choices for name, each in dials_of(Scenario).items() if each.choices}
    assert words == {name: get_args(hints[name]) for name in hints if get_origin(hints[name]) is Literal}


def test_a_number_s_default_has_the_type_of_its_dial() -> None:
    hints = get_type_hints(Scenario)
    numbers = {name: type(each.default) for name, each in dials_of(Scenario).items() if each.high}
    assert numbers == {name: hint for name, hint in hints.items() if hint in (int, float)}


def test_a_dial_that_is_on_or_off_takes_no_number() -> None:
    switch = Dial(False, "Whether it snows.")
    assert [switch.allows(value) for value in (True, False, 1)] == [True, True, False]


def test_every_dial_is_told_in_a_sentence() -> None:
    assert [name for name, each in dials_of(Scenario).items() if not each.help.endswith(".")] == []


def test_an_epoch_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Cloud(CALM, epoch=datetime(2026, 11, 22))  # noqa: DTZ001
