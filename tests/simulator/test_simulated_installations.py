"""Patch installations that run when the cloud begins, and what an assessment does to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetscan.model import Json
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate, Lot
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.scenario import Scenario
from tests.simulator.simulated_cloud import CALM, DOOMED, ask_graph, cloud_of, first, get, parsed, rows, start

ALL = "patchinstallationresources | project id, type, properties | order by id asc"
INSTALLING = replace(CALM, installing_pct=100)


def view(cloud: Cloud, machine: Machine, now: float) -> dict[str, Json]:
    """`patchStatus.lastPatchInstallationSummary` of a machine."""
    status = parsed(get(cloud, machine.resource_id + "/instanceView?api-version=2024-07-01", now)).get(
        "patchStatus", {}
    )
    assert isinstance(status, dict)
    summary = status.get("lastPatchInstallationSummary", {})
    assert isinstance(summary, dict)
    return summary


def told(cloud: Cloud, machine: Machine, now: float) -> dict[str, Json]:
    """`properties` of a machine's installation in Resource Graph."""
    for row in rows(ask_graph(cloud, ALL, now=now), "data"):
        if str(row["id"]).lower().startswith(machine.key):
            assert isinstance(row["properties"], dict)
            return row["properties"]
    return {}


def until(machine: Machine) -> float:
    """When a machine's installation ends by itself."""
    assert machine.lot.installs_until is not None
    return machine.lot.installs_until


def test_new_knobs_leave_the_lots_of_a_seed_as_they_were() -> None:
    lots = [machine.lot for machine in Fleet(Scenario(machines=3))]
    assert lots == [
        Lot(Fate.SUCCEEDED, 211.07507964124807, "running", 0, False, False, "Manual", "ImageDefault"),
        Lot(Fate.SUCCEEDED, 187.5771958977508, "running", 0, False, False, "ImageDefault", "ImageDefault"),
        Lot(Fate.SUCCEEDED, 91.47248486789978, "running", 0, False, False, "Manual", "ImageDefault"),
    ]


def stuck_fleet(*, is_installation: bool) -> tuple[Cloud, Machine]:
    """A cloud in which all running machines have a dead operation, and one whose is of a kind."""
    cloud = cloud_of(replace(CALM, machines=20, stuck_pct=100))
    return cloud, next(
        machine
        for machine in cloud.fleet
        if machine.lot.stuck is not None and machine.lot.stuck.is_installation is is_installation
    )


def test_dead_operations_change_nothing_else_and_began_days_ago_at_any_speed() -> None:
    plain = [machine.lot for machine in Fleet(Scenario(machines=400))]
    stuck = [machine.lot for machine in Fleet(Scenario(machines=400, stuck_pct=25, speed=1.0))]
    assert plain == [replace(lot, stuck=None) for lot in stuck]
    dead = [lot.stuck for lot in stuck if lot.stuck is not None]
    assert len(dead) == pytest.approx(95, abs=25)
    assert all(-30 * 86_400.0 <= each.began_at <= -86_400.0 for each in dead)
    assert 0.3 < sum(each.is_installation for each in dead) / len(dead) < 0.7
    fast = [machine.lot.stuck for machine in Fleet(Scenario(machines=400, stuck_pct=25, speed=9.0))]
    assert fast == [lot.stuck for lot in stuck]


def test_a_dead_installation_says_in_progress_for_ever_and_no_assessment_ends_it() -> None:
    cloud, machine = stuck_fleet(is_installation=True)
    start(cloud, machine, now=5.0)
    for now in (1.0, 10.0, 1e6):
        assert (view(cloud, machine, now)["status"], told(cloud, machine, now)["status"]) == (
            "InProgress",
            "InProgress",
        )
    assert cloud.ledger.installations_killed == []


def test_a_dead_assessment_says_in_progress_until_a_new_one_takes_its_place() -> None:
    cloud, machine = stuck_fleet(is_installation=False)

    def shown(now: float) -> list[Json]:
        query = "patchassessmentresources | project id, properties | order by id asc"
        found = rows(ask_graph(cloud, query, now=now), "data")
        mine = [row["properties"] for row in found if str(row["id"]).lower().startswith(machine.key)]
        assert all(isinstance(each, dict) for each in mine)
        return [each.get("status") for each in mine if isinstance(each, dict) and "startedBy" in each]

    assert shown(1e5) == ["InProgress"]
    start(cloud, machine, now=1e5)
    assert shown(2e5) == ["Succeeded"]


def test_nothing_installs_unless_asked_for() -> None:
    cloud = cloud_of(CALM)
    assert all(machine.lot.installs_until is None for machine in cloud.fleet)
    assert rows(ask_graph(cloud, ALL, now=10.0), "data") == []
    assert view(cloud, next(iter(cloud.fleet)), 0.0) == {}


def test_installations_take_their_share_of_the_running_machines_and_change_nothing_else() -> None:
    plain, busy = Fleet(Scenario(machines=4000)), Fleet(Scenario(machines=4000, installing_pct=25))
    installing = [machine for machine in busy if machine.lot.installs_until is not None]
    assert len(installing) == pytest.approx(950, abs=80)
    assert all(machine.lot.power_state == "running" for machine in installing)
    assert [machine.lot for machine in plain] == [
        replace(machine.lot, installs_until=None) for machine in busy
    ]


def test_installations_end_between_five_minutes_and_three_hours_as_often_early_as_late() -> None:
    ends = sorted(until(machine) for machine in Fleet(replace(INSTALLING, machines=2000)))
    assert ends[0] >= 300.0
    assert ends[-1] <= 10_800.0
    # In the middle of the logarithmic scale: 300 s times the root of 36.
    assert ends[1000] == pytest.approx(1800, rel=0.1)


def test_speed_divides_installations() -> None:
    slow, fast = Fleet(INSTALLING), Fleet(replace(INSTALLING, speed=60))
    for machine in slow:
        assert until(fast.machine(machine.key)) == pytest.approx(until(machine) / 60)


def test_the_instance_view_shows_an_installation_without_lag() -> None:
    cloud = cloud_of(INSTALLING)
    machine = next(iter(cloud.fleet))
    ends_at = until(machine)
    assert view(cloud, machine, ends_at - 0.001)["status"] == "InProgress"
    assert view(cloud, machine, ends_at)["status"] == "Succeeded"
    assert list(view(cloud, machine, ends_at)) == [
        "status",
        "installationActivityId",
        "startTime",
        "lastModifiedTime",
    ]


def test_resource_graph_shows_an_installation_three_seconds_late() -> None:
    cloud = cloud_of(INSTALLING)
    machine = next(iter(cloud.fleet))
    ends_at = until(machine)
    assert told(cloud, machine, 0.0)["status"] == "InProgress"
    assert told(cloud, machine, ends_at + 2.9)["status"] == "InProgress"
    assert told(cloud, machine, ends_at + 3.0)["status"] == "Succeeded"


def test_speed_divides_resource_graphs_lag_too() -> None:
    cloud = cloud_of(replace(INSTALLING, speed=10.0, graph_lag_s=20.0))
    machine = next(iter(cloud.fleet))
    ends_at = until(machine)
    assert told(cloud, machine, ends_at + 1.9)["status"] == "InProgress"
    assert told(cloud, machine, ends_at + 2.1)["status"] == "Succeeded"


def test_an_installation_has_the_fields_of_the_documents() -> None:
    cloud = cloud_of(INSTALLING)
    row = rows(ask_graph(cloud, ALL), "data")[0]
    machine = cloud.fleet.machine(str(row["id"]).lower().partition("/patchinstallationresults/")[0])
    assert row["type"] == "microsoft.compute/virtualmachines/patchinstallationresults"
    properties = row["properties"]
    assert isinstance(properties, dict)
    assert str(row["id"]).rpartition("/")[2] == properties["installationActivityId"]
    assert properties["osType"] == machine.image.os_type
    assert str(properties["startDateTime"]) < "2026-11-22T02:00"
    assert set(properties) == {
        "status",
        "installationActivityId",
        "startDateTime",
        "lastModifiedDateTime",
        "osType",
        "startedBy",
    }


def test_an_accepted_start_kills_the_installation_once() -> None:
    cloud = cloud_of(INSTALLING)
    machine, other, *_ = cloud.fleet
    assert start(cloud, machine, 100.0).status == 202
    assert start(cloud, machine, 110.0).status == 202
    assert cloud.ledger.installations_killed == [machine.key]
    assert view(cloud, machine, 100.0)["status"] == "Failed"
    assert view(cloud, other, 100.0)["status"] == "InProgress"
    assert told(cloud, machine, 102.9)["status"] == "InProgress"
    assert told(cloud, machine, 103.0)["status"] == "Failed"


def test_a_start_after_the_end_kills_nothing() -> None:
    cloud = cloud_of(INSTALLING)
    machine = next(iter(cloud.fleet))
    start(cloud, machine, until(machine))
    assert cloud.ledger.installations_killed == []


def test_a_refused_start_kills_nothing() -> None:
    cloud = cloud_of(replace(DOOMED, installing_pct=100))
    machine = first(cloud, Fate.REFUSED_CONFLICT)
    start(cloud, machine, 10.0)
    assert cloud.ledger.installations_killed == []
    assert view(cloud, machine, 10.0)["status"] == "InProgress"


@pytest.mark.parametrize("fate", [Fate.STOPPED_UNSEEN, Fate.REFUSED_GONE])
def test_a_machine_that_does_not_run_installs_nothing(fate: Fate) -> None:
    assert first(cloud_of(replace(DOOMED, installing_pct=100)), fate).lot.installs_until is None
