"""Outages: when they begin and end, whom they meet, and that nothing is handled meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetscan.model import Fault, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.estate import Estate
from fleetscan.simulator.outages import Outage, draw_outages
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.ways import Way
from tests.simulator.simulated_cloud import BASE, CALM, ask_graph, cloud_of, get, start

MANY = replace(CALM, outages=1000)
ESTATE = Estate(1, 4, 3)


def under(outage: Outage, scenario: Scenario = CALM) -> Cloud:
    """A cloud with one outage of our own making."""
    cloud = cloud_of(scenario)
    cloud._weather._outages = (outage,)
    return cloud


def test_there_are_none_unless_asked_for() -> None:
    assert draw_outages(CALM, ESTATE) == ()


def test_a_seed_draws_its_outages() -> None:
    three = draw_outages(replace(CALM, outages=3), ESTATE)
    assert len(three) == 3
    assert three == draw_outages(replace(CALM, outages=3), ESTATE)
    assert three == draw_outages(replace(CALM, outages=5), ESTATE)[:3]
    assert three != draw_outages(replace(CALM, outages=3, seed=2), ESTATE)


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_outages_begin_within_15_minutes_and_last_20_s_to_20_min(speed: float) -> None:
    for outage in draw_outages(replace(MANY, speed=speed), ESTATE):
        assert 0 <= outage.begins_at * speed <= 900
        most_s = 1200 if outage.subscription_id else 120
        assert 19.99 <= (outage.ends_at - outage.begins_at) * speed <= most_s + 0.01


def test_one_in_four_is_of_the_whole_tenant_and_a_401() -> None:
    outages = draw_outages(MANY, ESTATE)
    tenants = [outage for outage in outages if not outage.subscription_id]
    assert len(tenants) == pytest.approx(250, abs=50)
    assert {outage.way for outage in tenants} == {Way.CHALLENGED}
    others = [outage for outage in outages if outage.subscription_id]
    assert {outage.way for outage in others} == {Way.UNAVAILABLE, Way.RESET_BEFORE}
    assert {outage.region for outage in others} == {"", "westeurope", "northeurope", "eastus"}
    assert {outage.subscription_id for outage in others} == {
        subscription.subscription_id for subscription in ESTATE.subscriptions
    }


def test_a_region_s_outage_meets_its_starts_polls_and_reads_until_it_ends() -> None:
    scenario = replace(CALM, limits_speed=0)
    machine = next(iter(cloud_of(scenario).fleet))
    place = machine.subscription.subscription_id, machine.region
    cloud = under(Outage(10.0, 40.0, Way.UNAVAILABLE, *place), scenario)
    url = start(cloud, machine, 9.9).headers["azure-asyncoperation"]
    view = BASE + machine.resource_id + "/instanceView?api-version=2024-07-01"
    replies = [start(cloud, machine, 10.0), get(cloud, url, 20.0), get(cloud, view, 39.9)]
    assert [reply.status for reply in replies] == [503, 503, 503]
    assert all(reply.body.startswith(b"<html>") for reply in replies)
    assert cloud.ledger.starts[machine.key] == 1
    assert get(cloud, url, 40.0).status == 200


def test_a_region_s_outage_leaves_other_regions_and_lists_alone() -> None:
    scenario = replace(CALM, subscriptions=1)
    machine, *others = cloud_of(scenario).fleet
    subscription_id = machine.subscription.subscription_id
    cloud = under(Outage(0.0, 40.0, Way.RESET_BEFORE, subscription_id, machine.region), scenario)
    elsewhere = next(other for other in others if other.region != machine.region)
    assert start(cloud, machine).fault is Fault.CUT
    assert start(cloud, elsewhere).status == 202
    listing = f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines"
    assert get(cloud, f"{listing}?api-version=2024-07-01").status == 200


def test_a_subscription_s_outage_meets_its_lists_too_and_no_other_subscription() -> None:
    machine, *others = cloud_of(CALM).fleet
    subscription_id = machine.subscription.subscription_id
    cloud = under(Outage(0.0, 40.0, Way.UNAVAILABLE, subscription_id))
    elsewhere = next(other for other in others if other.subscription.subscription_id != subscription_id)
    listing = f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines"
    assert get(cloud, f"{listing}?api-version=2024-07-01").status == 503
    assert start(cloud, elsewhere).status == 202
    assert ask_graph(cloud, "resources | project id").status == 200


def test_a_tenant_s_outage_challenges_everything() -> None:
    cloud = under(Outage(0.0, 40.0, Way.CHALLENGED))
    replies = [
        start(cloud, next(iter(cloud.fleet))),
        get(cloud, "/subscriptions?api-version=2022-12-01"),
        ask_graph(cloud, "resources | project id"),
    ]
    assert [reply.status for reply in replies] == [401, 401, 401]
    assert all("claims=" in reply.headers["www-authenticate"] for reply in replies)
    assert cloud.ledger.faults == {Way.CHALLENGED: 3}
    assert cloud.handle(Request("GET", f"{BASE}/subscriptions?api-version=2022-12-01"), 40.0).status == 200
