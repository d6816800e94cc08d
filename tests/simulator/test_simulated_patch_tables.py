"""Resource Graph's tables of patches: the two queries they answer, and that their rows tell the truth."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from fleetscan.model import Json, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.kql import QueryError, read_query
from fleetscan.simulator.operations import Operation
from tests.simulator.simulated_cloud import (
    BASE,
    CALM,
    DOOMED,
    ask_graph,
    cloud_of,
    first,
    parsed,
    rows,
    start,
    texts,
)

RUNNING = (
    "patchinstallationresources | union patchassessmentresources | where type in~ "
    "('microsoft.compute/virtualmachines/patchinstallationresults', "
    "'microsoft.compute/virtualmachines/patchassessmentresults') and properties.status =~ 'InProgress' "
    "| project id | order by id asc"
)
SUMMARIES = (
    "patchassessmentresources | where type =~ 'microsoft.compute/virtualmachines/patchassessmentresults' "
    "| project id | order by id asc"
)


def latest(cloud: Cloud, machine: Machine, now: float) -> list[dict[str, Json]]:
    """The rows of one machine's newest assessment."""
    return rows(ask_graph(cloud, query_of(machine), now=now), "data")


def query_of(machine: Machine) -> str:
    return (
        f"patchassessmentresources | where id startswith '{machine.resource_id}/patchassessmentresults/"
        "latest' | project id, type, properties | order by id asc"
    )


def properties_of(row: dict[str, Json]) -> dict[str, Json]:
    properties = row["properties"]
    assert isinstance(properties, dict)
    return properties


def summary(cloud: Cloud, machine: Machine, now: float) -> dict[str, Json]:
    """`properties` of one machine's row, which sorts before its patches."""
    return properties_of(latest(cloud, machine, now)[0])


def counts(properties: dict[str, Json]) -> dict[str, int]:
    """The counts by lower-case class: Azure does not keep the case of classes."""
    found = properties["availablePatchCountByClassification"]
    assert isinstance(found, dict)
    return {name.lower(): count for name, count in found.items() if isinstance(count, int)}


def test_who_is_busy_is_told_of_installations_and_assessments_alike() -> None:
    cloud = cloud_of(replace(CALM, installing_pct=30))
    assessed = next(machine for machine in cloud.fleet if machine.lot.installs_until is None)
    start(cloud, assessed)
    installing = {machine.key for machine in cloud.fleet if machine.lot.installs_until is not None}
    ids = texts(ask_graph(cloud, RUNNING, now=5.0), "data", "id")
    assert {vm_id.lower().partition("/patch")[0] for vm_id in ids} == installing | {assessed.key}
    assert ids == sorted(ids)


def test_nobody_is_busy_any_more_once_all_has_ended() -> None:
    cloud = cloud_of(replace(CALM, installing_pct=30))
    start(cloud, next(iter(cloud.fleet)))
    assert len(rows(ask_graph(cloud, RUNNING, now=5.0), "data")) > 0
    # The same query again: what it found before is not remembered.
    assert rows(ask_graph(cloud, RUNNING, now=20_000.0), "data") == []


def test_who_is_busy_comes_in_pages() -> None:
    cloud = cloud_of(replace(CALM, installing_pct=100))
    page = parsed(ask_graph(cloud, RUNNING, {"$top": 30}))
    assert (page["totalRecords"], page["count"]) == (40, 30)
    rest = parsed(ask_graph(cloud, RUNNING, {"$top": 30, "$skipToken": page["$skipToken"]}))
    assert (rest["totalRecords"], rest["count"]) == (40, 10)
    assert "$skipToken" not in rest


def test_a_machine_that_was_never_assessed_has_no_row() -> None:
    cloud = cloud_of(CALM)
    machine, other, *_ = cloud.fleet
    start(cloud, other)
    assert latest(cloud, machine, 1000.0) == []


def test_an_assessment_shows_three_seconds_after_its_start_and_its_end() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    start(cloud, machine, 10.0)
    ends_at = 10.0 + machine.lot.duration_s
    assert latest(cloud, machine, 12.9) == []
    assert [properties_of(row)["status"] for row in latest(cloud, machine, 13.0)] == ["InProgress"]
    assert summary(cloud, machine, ends_at + 2.9)["status"] == "InProgress"
    assert summary(cloud, machine, ends_at + 3.1)["status"] == "Succeeded"


def test_a_second_start_shows_late_and_the_first_one_until_then() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    start(cloud, machine, 0.0)
    older = summary(cloud, machine, 5.0)["assessmentActivityId"]
    start(cloud, machine, 30.0)
    assert summary(cloud, machine, 32.9)["assessmentActivityId"] == older
    newer = summary(cloud, machine, 33.0)
    assert newer["assessmentActivityId"] != older
    assert newer["status"] == "InProgress"


def test_some_rows_write_their_classes_with_a_capital_and_linux_has_two() -> None:
    cloud = cloud_of(replace(CALM, machines=60, limits_speed=0))
    for machine in cloud.fleet:
        start(cloud, machine)
    told = [
        (machine.image.os_type, tuple(summary(cloud, machine, 1e6)["availablePatchCountByClassification"]))  # type: ignore[arg-type]
        for machine in cloud.fleet
        if machine.fate is Fate.SUCCEEDED
    ]
    assert {names for os_type, names in told if os_type == "Linux"} == {
        ("security", "other"),
        ("Security", "Other"),
    }
    assert {names[0] for os_type, names in told if os_type == "Windows"} == {"security", "Security"}


def test_every_summary_agrees_with_the_operations_own_result() -> None:
    cloud = cloud_of(
        replace(CALM, machines=120, warned_pct=20, truncated_pct=20, failing_pct=40, limits_speed=0)
    )
    for machine in cloud.fleet:
        if start(cloud, machine).status != 202:
            continue
        result = cloud.ledger.result_of(machine.key)
        shown = summary(cloud, machine, 1e6)
        if result is None:
            assert shown["status"] == "Failed"
            assert shown["availablePatchCountByClassification"] is None
            continue
        for name in ("status", "assessmentActivityId", "rebootPending", "startDateTime"):
            assert shown[name] == result[name]
        if "otherPatchCount" not in result:
            assert shown["availablePatchCountByClassification"] is None
            continue
        found = counts(shown)
        pressing = found["security"] + found.get("critical", 0)
        assert pressing == result["criticalAndSecurityPatchCount"]
        assert sum(found.values()) - pressing == result["otherPatchCount"]


def test_patches_have_rows_of_their_own_below_the_summary() -> None:
    cloud = cloud_of(CALM)
    machine = next(
        machine
        for machine in cloud.fleet
        if start(cloud, machine).status == 202 and len(latest(cloud, machine, 1000.0)) > 5
    )
    result = cloud.ledger.result_of(machine.key)
    assert result is not None
    listed = result["availablePatches"]
    assert isinstance(listed, list)
    head, *patches = latest(cloud, machine, 1000.0)
    assert str(head["id"]).lower() == f"{machine.key}/patchassessmentresults/latest"
    assert {row["type"] for row in patches} == {
        "microsoft.compute/virtualmachines/patchassessmentresults/softwarepatches"
    }
    assert {str(row["id"]).rpartition("/")[2] for row in patches} == {
        patch["patchId"] for patch in listed if isinstance(patch, dict)
    }


@pytest.mark.parametrize("fate", [Fate.OPERATION_FAILED, Fate.OPERATION_CANCELED])
def test_a_failed_or_canceled_operation_shows_as_failed(fate: Fate) -> None:
    cloud = cloud_of(DOOMED)
    machine = first(cloud, fate)
    start(cloud, machine)
    assert [properties_of(row)["status"] for row in latest(cloud, machine, 1e6)] == ["Failed"]


def test_ids_are_compared_without_case() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    start(cloud, machine)
    query = query_of(machine)
    lowered = query.replace(machine.resource_id, machine.key)
    raised = query.replace(machine.resource_id, machine.resource_id.upper())
    found = [rows(ask_graph(cloud, text, now=1000.0), "data") for text in (query, lowered, raised)]
    assert found[0] == found[1] == found[2] != []


def test_a_query_about_one_machine_looks_at_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = cloud_of(replace(CALM, machines=400, limits_speed=0))
    looked: list[str] = []
    for machine in cloud.fleet:
        start(cloud, machine)
    newest_at = cloud._assessments.newest_at

    def look(machine: Machine, at: float) -> Operation | None:
        looked.append(machine.key)
        return newest_at(machine, at)

    monkeypatch.setattr(cloud._assessments, "newest_at", look)
    machine = next(iter(cloud.fleet))
    assert latest(cloud, machine, 1000.0) != []
    assert looked == [machine.key]


def test_only_the_asked_types_are_shown() -> None:
    cloud = cloud_of(replace(CALM, limits_speed=0))
    for machine in cloud.fleet:
        start(cloud, machine)
    assert len(texts(ask_graph(cloud, SUMMARIES, now=1000.0), "data", "id")) == 40


def test_rows_of_types_that_a_query_does_not_ask_for_are_not_made() -> None:
    table = "patchassessmentresources | where"
    assert read_query(f"{table} type =~ 'A/B' | project id").types == frozenset({"a/b"})
    assert read_query(f"{table} type in~ ('A/B', 'c') | project id").types == frozenset({"a/b", "c"})
    assert read_query(f"{table} type =~ 'A/B' or id =~ 'x' | project id").types is None
    assert read_query(f"{table} type =~ name | project id").types is None
    assert read_query(f"{table} type !~ 'A/B' | project id").types is None


def test_only_the_asked_subscriptions_are_searched() -> None:
    cloud = cloud_of(replace(CALM, installing_pct=100))
    wanted = cloud.fleet.estate.subscriptions[1].subscription_id
    body = orjson.dumps({"query": RUNNING, "subscriptions": [wanted]})
    path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    ids = texts(cloud.handle(Request("POST", BASE + path, body), 0.0), "data", "id")
    assert len(ids) == len(cloud.fleet.of_subscription(wanted))
    assert {vm_id.split("/")[2] for vm_id in ids} == {wanted}


@pytest.mark.parametrize(
    ("query", "token"),
    [
        ("resources | union patchassessmentresources", "union"),
        ("patchassessmentresources | union resources", "resources"),
        ("patchassessmentresources | where type in ('x')", "in"),
        ("patchassessmentresources | where type in~ 'x'", "'x'"),
        ("patchassessmentresources | where type in~ ()", ")"),
        ("patchassessmentresources | where id startswith name", "name"),
        ("patchassessmentresources | where id !contains 'x'", "!"),
        ("patchassessmentresources | project id | union patchinstallationresources", "union"),
    ],
)
def test_other_unions_and_tests_are_syntax_errors(query: str, token: str) -> None:
    with pytest.raises(QueryError) as caught:
        read_query(query)
    assert caught.value.token == token
