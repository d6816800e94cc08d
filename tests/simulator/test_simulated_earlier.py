"""Assessments from before the simulated cloud began: what Resource Graph and the VM keep of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import log
from statistics import fmean, pstdev

import pytest

from fleetscan.model import Json
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.scenario import Scenario
from tests.simulator.simulated_cloud import CALM, DOOMED, EPOCH, ask_graph, cloud_of, get, parsed, rows, start

TIMES = (
    "patchassessmentresources | where type =~ 'microsoft.compute/virtualmachines/patchassessmentresults' "
    "| project id, status = properties.status, began = properties.startDateTime, "
    "changed = properties.lastModifiedDateTime | order by id asc"
)
KNOWN = replace(CALM, assessed_before_pct=100.0, machines=400, limits_speed=0)


def told(cloud: Cloud, now: float = 0.0) -> dict[str, dict[str, Json]]:
    """The row of each VM's newest assessment, by the VM's key."""
    found, token = dict[str, dict[str, Json]](), None
    while True:
        page = parsed(ask_graph(cloud, TIMES, {} if token is None else {"$skipToken": token}, now=now))
        data, token = page["data"], page.get("$skipToken")
        assert isinstance(data, list)
        found |= {str(row["id"]).lower().partition("/patch")[0]: row for row in data if isinstance(row, dict)}
        if token is None:
            assert len(found) == page["totalRecords"]
            return found


def moment(text: Json) -> datetime:
    return datetime.fromisoformat(str(text))


def ratio(cloud: Cloud, machine: Machine, row: dict[str, Json]) -> float:
    """The time between the row's two times, as a part of what the VM's operation takes tonight."""
    span = moment(row["changed"]) - moment(row["began"])
    return span / timedelta(seconds=machine.lot.duration_s)


def test_nine_in_ten_vms_were_assessed_in_the_week_before() -> None:
    cloud = cloud_of(Scenario(machines=1000, stopped_pct=0, failing_pct=0, limits_speed=0))
    assert 870 <= len(told(cloud)) <= 930
    for row in told(cloud).values():
        assert (
            timedelta(0) < EPOCH - moment(row["changed"]) < EPOCH - moment(row["began"]) < timedelta(days=7)
        )


def test_its_two_times_lie_nearer_together_than_the_operation_takes() -> None:
    cloud = cloud_of(replace(KNOWN, nights_differ=0.0))
    found = told(cloud)
    assert len(found) == 400
    assert all(ratio(cloud, each, found[each.key]) == pytest.approx(0.606, abs=0.001) for each in cloud.fleet)


def test_no_vm_takes_as_long_as_last_time() -> None:
    cloud = cloud_of(KNOWN)
    found = told(cloud)
    logs = [log(ratio(cloud, machine, found[machine.key]) / 0.606) for machine in cloud.fleet]
    assert abs(fmean(logs)) < 0.02
    assert 0.085 < pstdev(logs) < 0.115


def test_tonight_s_assessment_takes_the_place_of_the_earlier_one() -> None:
    cloud = cloud_of(KNOWN)
    machine = next(iter(cloud.fleet))
    before = told(cloud)[machine.key]
    start(cloud, machine, 10.0)
    assert told(cloud, 12.9)[machine.key] == before
    running = told(cloud, 13.0)
    assert (running[machine.key]["status"], len(running)) == ("InProgress", 400)
    assert moment(running[machine.key]["began"]) > EPOCH


def test_the_vm_itself_shows_it_until_it_is_assessed_anew() -> None:
    cloud = cloud_of(KNOWN)
    machine = next(iter(cloud.fleet))
    url = machine.resource_id + "/instanceView?api-version=2024-07-01"

    def summary(now: float) -> dict[str, Json]:
        patches = parsed(get(cloud, url, now))["patchStatus"]
        assert isinstance(patches, dict)
        found = patches["availablePatchSummary"]
        assert isinstance(found, dict)
        return found

    row, earlier = told(cloud)[machine.key], summary(0.0)
    assert earlier["status"] == "Succeeded"
    assert (earlier["startTime"], earlier["lastModifiedTime"]) == (row["began"], row["changed"])
    start(cloud, machine, 10.0)
    assert summary(10.0)["status"] == "InProgress"


def test_its_patches_are_kept_too() -> None:
    cloud = cloud_of(KNOWN)
    machine = next(iter(cloud.fleet))
    query = (
        f"patchassessmentresources | where id startswith '{machine.resource_id}/patchassessmentresults/"
        "latest' | project id, type, properties | order by id asc"
    )
    found = rows(ask_graph(cloud, query), "data")
    kinds = {str(row["type"]).rpartition("/")[2] for row in found}
    assert (kinds, len(found) > 1) == ({"patchassessmentresults", "softwarepatches"}, True)


def test_a_failure_that_never_reached_the_guest_left_nothing() -> None:
    cloud = cloud_of(replace(DOOMED, assessed_before_pct=100.0))
    found = told(cloud)
    fates = {machine.fate for machine in cloud.fleet if machine.key in found}
    assert Fate.PACKAGE_MANAGER_FAILURE in fates
    assert not fates & {Fate.REFUSED_DENIED, Fate.OPERATION_FAILED, Fate.NO_CONTENT, Fate.AGENT_NOT_READY}


def test_an_assessment_that_died_is_the_vm_s_newest() -> None:
    cloud = cloud_of(replace(KNOWN, stuck_pct=100.0))
    words = {str(row["status"]) for row in told(cloud).values()}
    assert words == {"InProgress", "Succeeded"}
    assert len(told(cloud)) == 400


def test_wrong_clocks_told_the_earlier_times_too() -> None:
    found = told(cloud_of(replace(KNOWN, wrong_clock_pct=100.0))).values()
    years = {moment(row[name]).year for row in found for name in ("began", "changed")}
    assert {1970, 2099} < years


def test_the_same_seed_had_the_same_week() -> None:
    assert told(cloud_of(KNOWN)) == told(cloud_of(KNOWN)) != told(cloud_of(replace(KNOWN, seed=2)))
