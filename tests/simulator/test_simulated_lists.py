"""Subscriptions, the Compute list and single machines."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from fleetscan.model import Json
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.ledger import Ask
from tests.simulator.simulated_cloud import (
    CALM,
    DOOMED,
    ask_graph,
    cloud_of,
    error_of,
    first,
    get,
    parsed,
    rows,
    start,
    texts,
)

SUBSCRIPTIONS = "/subscriptions?api-version=2022-12-01"
PAGED = replace(CALM, machines=60, subscriptions=1, page_size=7)


def vm_list(cloud: Cloud, tail: str = "") -> str:
    subscription = cloud.fleet.estate.subscriptions[0].subscription_id
    return (
        f"/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachines"
        f"?api-version=2024-07-01{tail}"
    )


def all_pages(cloud: Cloud, url: str, name: str) -> list[list[str]]:
    pages = []
    while url:
        reply = get(cloud, url)
        pages.append(texts(reply, "value", name))
        url = str(parsed(reply).get("nextLink") or "")
    return pages


def inside(value: dict[str, Json], *names: str) -> dict[str, Json]:
    for name in names:
        inner = value[name]
        assert isinstance(inner, dict)
        value = inner
    return value


def test_subscriptions_come_in_pages_with_a_disabled_one_at_the_end() -> None:
    cloud = cloud_of(replace(CALM, subscriptions=6, page_size=3))
    pages = all_pages(cloud, SUBSCRIPTIONS, "subscriptionId")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert list(chain(*pages)) == [s.subscription_id for s in cloud.fleet.subscriptions]
    states = [page for page in all_pages(cloud, SUBSCRIPTIONS, "state") if "Disabled" in page]
    assert states == [["Disabled"]]


def test_the_list_pages_by_next_link_and_loses_nobody() -> None:
    cloud = cloud_of(PAGED)
    pages = all_pages(cloud, vm_list(cloud), "id")
    assert [len(page) for page in pages] == [7] * 8 + [4]
    assert {vm_id.lower() for page in pages for vm_id in page} == {m.key for m in cloud.fleet}
    assert cloud.ledger.requests[Ask.LIST] == 9


def test_a_foreign_page_token_is_refused() -> None:
    cloud = cloud_of(PAGED)
    token = str(parsed(get(cloud, vm_list(cloud)))["nextLink"]).partition("skiptoken=")[2]
    assert get(cloud, vm_list(cloud, f"&$skiptoken={token}")).status == 200
    assert get(cloud, vm_list(cloud, f"&statusOnly=true&$skiptoken={token}")).status == 400
    assert get(cloud, vm_list(cloud, "&$skiptoken=Nw")).status == 400


def test_some_ids_come_with_an_upper_cased_resource_group() -> None:
    cloud = cloud_of(replace(PAGED, page_size=500))
    groups = [vm_id.split("/")[4] for vm_id in texts(get(cloud, vm_list(cloud)), "value", "id")]
    assert any(group.isupper() for group in groups)
    assert any(not group.isupper() for group in groups)


def test_only_the_status_list_tells_the_power_state() -> None:
    cloud = cloud_of(replace(CALM, stopped_pct=50, page_size=500))
    full = rows(get(cloud, vm_list(cloud)), "value")
    assert all("instanceView" not in inside(row, "properties") for row in full)
    for row in rows(get(cloud, vm_list(cloud, "&statusOnly=true")), "value"):
        machine = cloud.fleet.machine(str(row["id"]))
        assert f"PowerState/{machine.lot.power_state}" in str(inside(row, "properties", "instanceView"))


def test_a_listed_machine_has_the_fields_of_a_recorded_one() -> None:
    cloud = cloud_of(CALM)
    row = rows(get(cloud, vm_list(cloud)), "value")[0]
    machine = cloud.fleet.machine(str(row["id"]))
    profile = inside(row, "properties", "storageProfile")
    assert inside(profile, "imageReference")["offer"] == machine.image.offer
    assert inside(profile, "osDisk")["osType"] == machine.image.os_type
    kind = "windowsConfiguration" if machine.image.is_windows else "linuxConfiguration"
    settings = inside(row, "properties", "osProfile", kind, "patchSettings")
    assert settings["patchMode"] == machine.lot.patch_mode


def test_a_machine_shows_its_instance_view_when_asked() -> None:
    cloud = cloud_of(CALM)
    url = next(iter(cloud.fleet)).resource_id + "?api-version=2024-07-01"
    assert "instanceView" not in inside(parsed(get(cloud, url)), "properties")
    view = inside(parsed(get(cloud, url + "&$expand=instanceView")), "properties", "instanceView")
    assert view["osName"] == next(iter(cloud.fleet)).image.os_name


def test_the_instance_view_tells_of_the_newest_assessment() -> None:
    cloud = cloud_of(CALM)
    machine = next(iter(cloud.fleet))
    url = machine.resource_id + "/instanceView?api-version=2024-07-01"
    assert "patchStatus" not in parsed(get(cloud, url))
    start(cloud, machine)
    assert summary(cloud, url, 10.0)["status"] == "InProgress"
    ended = summary(cloud, url, 300.0)
    result = cloud.ledger.result_of(machine.key)
    assert result is not None
    for name in ("status", "assessmentActivityId", "criticalAndSecurityPatchCount", "otherPatchCount"):
        assert ended[name] == result[name]


def test_a_deleted_machine_is_listed_and_not_found() -> None:
    cloud = cloud_of(replace(DOOMED, subscriptions=1))
    machine = first(cloud, Fate.REFUSED_GONE)
    listed = chain(*all_pages(cloud, vm_list(cloud), "id"))
    assert machine.key in {vm_id.lower() for vm_id in listed}
    assert error_of(get(cloud, machine.resource_id + "?api-version=2024-07-01")) == (404, "ResourceNotFound")


def test_the_disabled_subscription_has_no_machines() -> None:
    cloud = cloud_of(CALM)
    path = f"/subscriptions/{cloud.fleet.estate.disabled.subscription_id}/providers/Microsoft.Compute"
    assert parsed(get(cloud, f"{path}/virtualMachines?api-version=2024-07-01")) == {"value": []}


def test_every_subscription_has_a_machine() -> None:
    fleet = cloud_of(replace(CALM, machines=8, subscriptions=8)).fleet
    assert all(len(fleet.of_subscription(s.subscription_id)) == 1 for s in fleet.estate.subscriptions)


def summary(cloud: Cloud, url: str, now: float) -> dict[str, Json]:
    return inside(parsed(get(cloud, url, now)), "patchStatus", "availablePatchSummary")


def compute_list(subscription_id: str) -> str:
    return (
        f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines?api-version=2024-07-01"
    )


def test_graph_says_nothing_of_hidden_and_denied_subscriptions_and_compute_shows_or_refuses() -> None:
    scenario = replace(CALM, machines=40, subscriptions=4, hidden_subscriptions=1, denied_subscriptions=1)
    cloud = cloud_of(scenario)
    hidden, *seen, denied = cloud.fleet.estate.subscriptions
    reply = ask_graph(cloud, "resources | project id, subscriptionId | order by id asc")
    shown = [machine for machine in cloud.fleet if machine.subscription in seen]
    assert {str(row["subscriptionId"]) for row in rows(reply, "data")} == {s.subscription_id for s in seen}
    assert parsed(reply)["totalRecords"] == len(shown)
    machines = rows(get(cloud, compute_list(hidden.subscription_id)), "value")
    assert len(machines) == len(cloud.fleet.of_subscription(hidden.subscription_id)) > 0
    refusal = get(cloud, compute_list(denied.subscription_id))
    assert error_of(refusal) == (403, "AuthorizationFailed")


def test_graph_shows_no_patches_of_a_machine_that_it_does_not_show() -> None:
    cloud = cloud_of(replace(CALM, machines=12, subscriptions=2, hidden_subscriptions=1))
    for machine in cloud.fleet:
        start(cloud, machine, now=0.0)
    query = "patchassessmentresources | project id, subscriptionId | order by id asc"
    found = {str(row["subscriptionId"]) for row in rows(ask_graph(cloud, query, now=1e5), "data")}
    assert found == {cloud.fleet.estate.subscriptions[1].subscription_id}


def test_some_machines_of_any_subscription_may_be_hidden() -> None:
    cloud = cloud_of(replace(CALM, machines=400, hidden_pct=10))
    shown = parsed(ask_graph(cloud, "resources | project id | order by id asc"))["totalRecords"]
    assert 340 <= int(str(shown)) <= 380


def test_empty_subscriptions_come_before_the_disabled_one_and_change_no_other() -> None:
    plain, more = cloud_of(CALM).fleet, cloud_of(replace(CALM, empty_subscriptions=2))
    assert more.fleet.subscriptions[:4] == plain.estate.subscriptions
    assert more.fleet.subscriptions[-1] == plain.estate.disabled
    unregistered, empty = (get(more, compute_list(s.subscription_id)) for s in more.fleet.subscriptions[4:6])
    assert error_of(unregistered) == (409, "MissingSubscriptionRegistration")
    assert parsed(empty)["value"] == []


def test_endless_and_hollow_lists_lead_on_beyond_the_last_machine() -> None:
    clouds = cloud_of(replace(PAGED, lists="endless")), cloud_of(replace(PAGED, lists="hollow"))
    for cloud, entries in zip(clouds, (7, 0), strict=True):
        url = vm_list(cloud)
        pages = []
        for _ in range(20):
            reply = get(cloud, url)
            pages.append(len(rows(reply, "value")))
            url = str(parsed(reply)["nextLink"])
        assert pages[-1] == entries


def test_endless_and_hollow_graphs_lead_on_beyond_the_last_row() -> None:
    paged = replace(PAGED, page_size=1000)
    clouds = cloud_of(replace(paged, graph="endless")), cloud_of(replace(paged, graph="hollow"))
    for cloud, entries in zip(clouds, (1000, 0), strict=True):
        first_page = parsed(ask_graph(cloud, "resources | project id | order by id asc"))
        token = {"$skipToken": first_page["$skipToken"]}
        second = parsed(ask_graph(cloud, "resources | project id | order by id asc", options=token))
        assert (first_page["totalRecords"], second["totalRecords"]) == (60, 60)
        assert len(rows_of(second)) == entries
        assert "$skipToken" in second


def rows_of(page: dict[str, Json]) -> list[Json]:
    data = page["data"]
    assert isinstance(data, list)
    return data
