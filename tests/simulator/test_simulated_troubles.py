"""Troubles that last: each machine's own, met however often one asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetscan.model import Reply
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.troubles import Trouble
from tests.simulator.simulated_cloud import (
    BASE,
    CALM,
    ask_graph,
    cloud_of,
    error_of,
    get,
    parsed,
    rows,
    start,
)

TROUBLED = replace(CALM, troubled_pct=100)
INSTANCE_VIEW = "/instanceView?api-version=2024-07-01"


def begun(trouble: Trouble, scenario: Scenario = TROUBLED) -> tuple[Cloud, Machine, str]:
    """A cloud, a machine of it that has this trouble, and where its operation is polled."""
    cloud = cloud_of(scenario)
    machine = next(machine for machine in cloud.fleet if machine.lot.trouble is trouble)
    return cloud, machine, start(cloud, machine).headers["azure-asyncoperation"]


def status_in_graph(cloud: Cloud, machine: Machine, now: float) -> list[str]:
    """The status of a machine's newest assessment in Resource Graph; empty without a row."""
    query = (
        f"patchassessmentresources | where id startswith '{machine.key}/patchassessmentresults/latest' "
        "| project id, status = tostring(properties.status) | order by id asc"
    )
    return [str(row["status"]) for row in rows(ask_graph(cloud, query, now=now), "data")][:1]


def poll(cloud: Cloud, url: str, now: float) -> Reply:
    return get(cloud, url, now)


def test_troubles_take_their_share_and_change_nothing_else() -> None:
    plain, troubled = Fleet(Scenario(machines=4000)), Fleet(Scenario(machines=4000, troubled_pct=15))
    kinds = [machine.lot.trouble for machine in troubled if machine.lot.trouble is not None]
    assert len(kinds) == pytest.approx(600, abs=80)
    assert set(kinds) == set(Trouble)
    assert [machine.lot for machine in plain] == [replace(machine.lot, trouble=None) for machine in troubled]


def test_a_never_ending_operation_still_runs_after_a_year() -> None:
    cloud, machine, url = begun(Trouble.NEVER_ENDING)
    assert parsed(poll(cloud, url, 31_536_000.0))["status"] == "InProgress"
    assert status_in_graph(cloud, machine, 31_536_000.0) == ["InProgress"]
    assert parsed(get(cloud, machine.resource_id + INSTANCE_VIEW, 31_536_000.0))["patchStatus"]
    assert cloud.ledger.result_of(machine.key) is None


def test_a_never_ending_operation_can_be_superseded() -> None:
    cloud, machine, url = begun(Trouble.NEVER_ENDING)
    assert start(cloud, machine, 60.0).status == 202
    assert error_of(poll(cloud, url, 61.0)) == (200, "OperationPreempted")


def test_a_denied_poll_is_denied_for_good_and_the_assessment_goes_on() -> None:
    cloud, machine, url = begun(Trouble.POLL_DENIED)
    for now in (0.0, 1000.0):
        reply = poll(cloud, url, now)
        assert error_of(reply) == (403, "AuthorizationFailed")
        assert b"Microsoft.Compute/locations/operations/read" in reply.body
    assert status_in_graph(cloud, machine, 1000.0) == ["Succeeded"]
    assert cloud.ledger.result_of(machine.key) is not None


def test_a_lost_operation_can_be_read_for_30_s() -> None:
    cloud, machine, url = begun(Trouble.OPERATION_LOST)
    assert parsed(poll(cloud, url, 29.9))["status"] == "InProgress"
    assert error_of(poll(cloud, url, 30.0)) == (404, "NotFound")
    assert error_of(poll(cloud, url, 1000.0)) == (404, "NotFound")
    assert status_in_graph(cloud, machine, 1000.0) == ["Succeeded"]


def test_speed_loses_an_operation_sooner() -> None:
    cloud, _, url = begun(Trouble.OPERATION_LOST, replace(TROUBLED, speed=10.0))
    assert poll(cloud, url, 2.9).status == 200
    assert poll(cloud, url, 3.0).status == 404


def test_a_vanishing_machine_is_gone_after_half_of_its_time() -> None:
    cloud, machine, url = begun(Trouble.VANISHING)
    gone_at = machine.lot.duration_s / 2
    assert parsed(poll(cloud, url, gone_at - 0.001))["status"] == "InProgress"
    assert error_of(poll(cloud, url, gone_at)) == (404, "NotFound")
    for path in (machine.resource_id + "?api-version=2024-07-01", machine.resource_id + INSTANCE_VIEW):
        assert error_of(get(cloud, BASE + path, gone_at)) == (404, "ResourceNotFound")
    assert error_of(start(cloud, machine, gone_at)) == (404, "ResourceNotFound")
    assert cloud.ledger.accepted[machine.key] == 1
    assert cloud.ledger.result_of(machine.key) is None


def test_a_vanished_machine_leaves_resource_graph_three_seconds_late() -> None:
    cloud, machine, _ = begun(Trouble.VANISHING)
    gone_at = machine.lot.duration_s / 2
    assert status_in_graph(cloud, machine, gone_at + 2.9) == ["InProgress"]
    assert status_in_graph(cloud, machine, gone_at + 3.1) == []


def test_a_machine_that_nobody_assesses_does_not_vanish() -> None:
    cloud = cloud_of(TROUBLED)
    machine = next(machine for machine in cloud.fleet if machine.lot.trouble is Trouble.VANISHING)
    assert get(cloud, machine.resource_id + "?api-version=2024-07-01", 1e6).status == 200


def test_a_preempted_operation_is_canceled_after_half_of_its_time() -> None:
    cloud, machine, url = begun(Trouble.PREEMPTED)
    half_s = machine.lot.duration_s / 2
    assert parsed(poll(cloud, url, half_s - 0.001))["status"] == "InProgress"
    assert error_of(poll(cloud, url, half_s)) == (200, "OperationPreempted")
    assert cloud.ledger.superseded == []
    assert cloud.ledger.result_of(machine.key) is None


def test_an_astray_start_is_accepted_and_leads_elsewhere() -> None:
    cloud, machine, url = begun(Trouble.ASTRAY)
    assert url.startswith("https://elsewhere.example/subscriptions/")
    assert cloud.ledger.accepted[machine.key] == 1
    assert status_in_graph(cloud, machine, 1000.0) == ["Succeeded"]
