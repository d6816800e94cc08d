"""Each machine's fate: its own, the same in every order, and on the wire what it is called."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from fleetscan.model import Json
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.scenario import Scenario
from tests.simulator.simulated_cloud import (
    CALM,
    DOOMED,
    cloud_of,
    error_of,
    first,
    get,
    parsed,
    result_in,
    start,
)

LARGE = Scenario(machines=10_000)


def test_the_same_seed_makes_the_same_fleet_and_another_seed_another() -> None:
    keys = [[m.key for m in cloud_of(replace(CALM, seed=seed)).fleet] for seed in (7, 7, 8)]
    assert keys[0] == keys[1]
    assert not set(keys[0]) & set(keys[2])


def test_a_machine_keeps_its_fate_in_a_larger_fleet() -> None:
    small, large = cloud_of(Scenario(machines=100)).fleet, cloud_of(Scenario(machines=200)).fleet
    assert all(large.machine(machine.key) == machine for machine in small)


def test_the_order_of_starts_changes_no_result() -> None:
    one, other = cloud_of(DOOMED), cloud_of(DOOMED)
    for machine in one.fleet:
        start(one, machine)
    for machine in reversed(list(other.fleet)):
        start(other, machine)
    keys = [machine.key for machine in one.fleet]
    assert [one.ledger.result_of(key) for key in keys] == [other.ledger.result_of(key) for key in keys]


def test_shares_are_those_of_the_scenario() -> None:
    fates = [machine.fate for machine in cloud_of(LARGE).fleet]
    assert fates.count(Fate.STOPPED) == pytest.approx(500, abs=80)
    assert fates.count(Fate.WARNED) == pytest.approx(400, abs=80)
    assert fates.count(Fate.TRUNCATED) == pytest.approx(100, abs=40)
    assert fates.count(Fate.SUCCEEDED) == pytest.approx(8800, abs=130)


def test_every_kind_of_failure_happens() -> None:
    fates = {machine.fate for machine in cloud_of(DOOMED).fleet}
    assert fates == set(Fate) - {Fate.SUCCEEDED, Fate.WARNED, Fate.TRUNCATED, Fate.STOPPED}


def test_lognormal_durations_have_a_median_of_180_s_and_few_are_ten_times_longer() -> None:
    durations = [machine.lot.duration_s for machine in cloud_of(LARGE).fleet]
    assert statistics.median(durations) == pytest.approx(180, rel=0.03)
    assert sum(duration > 900 for duration in durations) == pytest.approx(90, abs=40)


def test_regular_durations_differ_by_os_alone() -> None:
    for machine in cloud_of(CALM).fleet:
        typical = 180 if machine.image.is_windows else 120
        assert machine.lot.duration_s == pytest.approx(typical, rel=0.05)


def test_speed_divides_durations() -> None:
    slow, fast = cloud_of(CALM).fleet, cloud_of(replace(CALM, speed=60)).fleet
    for machine in slow:
        assert fast.machine(machine.key).lot.duration_s == machine.lot.duration_s / 60


def test_an_operation_runs_exactly_as_long_as_its_machine_takes() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    url = start(cloud, machine, 10.0).headers["azure-asyncoperation"]
    ends_at = 10.0 + machine.lot.duration_s
    assert parsed(get(cloud, url, ends_at - 0.001))["status"] == "InProgress"
    assert parsed(get(cloud, url, ends_at))["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("fate", "status", "code"),
    [
        (Fate.REFUSED_BAD_REQUEST, 400, "InvalidParameter"),
        (Fate.REFUSED_DENIED, 403, "AuthorizationFailed"),
        (Fate.REFUSED_GONE, 404, "ResourceNotFound"),
        (Fate.REFUSED_CONFLICT, 409, "Conflict"),
        (Fate.AGENT_NOT_READY, 409, "VMAgentStatusCommunicationError"),
        (Fate.STOPPED_UNSEEN, 409, "OperationNotAllowed"),
    ],
)
def test_a_refused_start_says_why(fate: Fate, status: int, code: str) -> None:
    cloud = cloud_of(DOOMED)
    machine = first(cloud, fate)
    assert error_of(start(cloud, machine)) == (status, code)
    assert cloud.ledger.result_of(machine.key) is None


def test_a_stopped_machine_is_refused_as_not_running() -> None:
    cloud = cloud_of(replace(CALM, stopped_pct=100))
    machine = next(iter(cloud.fleet))
    reply = start(cloud, machine)
    assert error_of(reply) == (409, "OperationNotAllowed")
    assert b"VM is not running" in reply.body
    assert machine.lot.power_state in ("stopped", "deallocated")


def test_no_content_is_a_204() -> None:
    cloud = cloud_of(DOOMED)
    reply = start(cloud, first(cloud, Fate.NO_CONTENT))
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize(
    ("fate", "word", "code"),
    [
        (Fate.OPERATION_FAILED, "Failed", "VMExtensionProvisioningError"),
        (Fate.OPERATION_CANCELED, "Canceled", "Canceled"),
    ],
)
def test_a_failed_operation_is_an_http_200_with_a_top_level_error(fate: Fate, word: str, code: str) -> None:
    cloud = cloud_of(DOOMED)
    reply = get(cloud, start(cloud, first(cloud, fate)).headers["azure-asyncoperation"], 1e6)
    body = parsed(reply)
    assert error_of(reply) == (200, code)
    assert body["status"] == word
    assert "properties" not in body
    assert "endTime" in body


@pytest.mark.parametrize(
    ("fate", "code"),
    [
        (Fate.PACKAGE_MANAGER_FAILURE, "PACKAGE_MANAGER_FAILURE"),
        (Fate.ESM_REQUIRED, "UA_ESM_REQUIRED"),
        (Fate.PATCH_INTERNAL_ERROR, "VMGuestPatchInternalError"),
    ],
)
def test_a_failure_in_the_guest_sits_inside_a_succeeded_operation(fate: Fate, code: str) -> None:
    cloud = cloud_of(DOOMED)
    reply = get(cloud, start(cloud, first(cloud, fate)).headers["azure-asyncoperation"], 1e6)
    assert parsed(reply)["status"] == "Succeeded"
    result = result_in(reply)
    assert (result["status"], inner_code(result)) == ("Failed", code)


def test_a_success_without_counts_has_none_at_all() -> None:
    cloud = cloud_of(DOOMED)
    url = start(cloud, first(cloud, Fate.NO_COUNTS)).headers["azure-asyncoperation"]
    result = result_in(get(cloud, url, 1e6))
    assert result["status"] == "Succeeded"
    assert "criticalAndSecurityPatchCount" not in result
    assert "otherPatchCount" not in result


def test_a_second_start_ends_the_running_operation_as_preempted() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    older = start(cloud, machine, 0.0).headers["azure-asyncoperation"]
    newer = start(cloud, machine, 30.0).headers["azure-asyncoperation"]
    assert error_of(get(cloud, older, 31.0)) == (200, "OperationPreempted")
    assert parsed(get(cloud, newer, 31.0))["status"] == "InProgress"
    assert parsed(get(cloud, newer, 300.0))["status"] == "Succeeded"
    assert cloud.ledger.superseded == [machine.key]


def test_a_start_after_the_end_supersedes_nothing() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    older = start(cloud, machine, 0.0).headers["azure-asyncoperation"]
    newer = start(cloud, machine, 300.0).headers["azure-asyncoperation"]
    assert older != newer
    assert parsed(get(cloud, older, 301.0))["status"] == "Succeeded"
    assert cloud.ledger.superseded == []
    assert cloud.ledger.starts[machine.key] == 2


def inner_code(result: dict[str, Json]) -> Json:
    """The code of an assessment's first detail."""
    error = result["error"]
    assert isinstance(error, dict)
    details = error["details"]
    assert isinstance(details, list)
    assert isinstance(details[0], dict)
    return details[0]["code"]
