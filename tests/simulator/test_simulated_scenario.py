"""What a scenario may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fleet import Fleet
from fleetscan.simulator.scenario import Scenario
from tests.simulator.pretend_cloud import CALM


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


def test_more_regions_than_azure_has_names_for_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="regions is 17, and 16 is all"):
        Fleet(replace(CALM, regions=17))


def test_an_epoch_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Cloud(CALM, epoch=datetime(2026, 11, 22))  # noqa: DTZ001
