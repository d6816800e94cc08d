"""Whole scans of subscriptions that are named: by id, by name, by a name that none has or that two have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from fleetscan.errors import NothingListedError, UsageError
from fleetscan.model import Reply, Request
from fleetscan.planning.planner import list_over
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import PlanSettings
from tests.scanner.test_whole_scans import Transport, cloud_of, run_of, settings_for
from tests.virtual_scan import in_virtual_time

UNKNOWN_ID = "3f8c0d5e-1111-2222-3333-444444444444"


def lists_of_subscriptions(asked: list[str]) -> Callable[[Request, Reply], Reply]:
    """Keeps the URLs at which subscriptions are listed, or a part of one is asked for."""

    def seen(request: Request, reply: Reply) -> Reply:
        asked.append(request.url)
        return reply

    return seen


@in_virtual_time
async def test_a_scan_is_of_the_subscriptions_that_are_named_whatever_the_case(tmp_path: Path) -> None:
    cloud = cloud_of(machines=40, subscriptions=4, warned=1)
    _, one, two, _ = cloud.fleet.estate.subscriptions
    named = (one.name.upper(), two.subscription_id, two.name)
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", subscription=named))
    assert summary.exit_code == 0
    assert {row["subscription_id"] for row in run.rows} == {one.subscription_id, two.subscription_id}
    assert run.fleet["selection"]["subscription"] == list(named)


@in_virtual_time
async def test_a_plan_is_of_the_subscriptions_that_are_named() -> None:
    cloud = cloud_of(machines=40, subscriptions=4)
    named = cloud.fleet.estate.subscriptions[0]
    settings = PlanSettings(subscription=(named.name.lower(),))
    roster = await list_over(Transport(cloud), settings, hooks=Hooks(), stop=anyio.Event())
    planned = {target.subscription_id for target in roster.answering}
    assert planned == {named.subscription_id}


@in_virtual_time
async def test_a_disabled_subscription_is_scanned_where_its_name_is_given(tmp_path: Path) -> None:
    cloud = cloud_of(machines=20, subscriptions=2, warned=1, stopped_pct=0.0)
    named = cloud.fleet.estate.subscriptions[0]
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", subscription=(named.name,)))
    assert {row["subscription_id"] for row in run.rows} == {named.subscription_id}
    assert run.fleet["not_scanned"] == []


@pytest.mark.parametrize("value", ["Nowhere", UNKNOWN_ID, "a/../../providers", "' or 1 == 1 | \x1b[31m?x=#"])
@in_virtual_time
async def test_a_subscription_that_is_not_visible_ends_with_4_and_beside_others_with_3(
    tmp_path: Path, value: str
) -> None:
    cloud = cloud_of(machines=20, subscriptions=2)
    asked: list[str] = []
    wire = Transport(cloud, lists_of_subscriptions(asked))
    with pytest.raises(NothingListedError, match="no VMs could be listed: ") as none:
        await scan_over(wire, settings_for(tmp_path / "none", subscription=(value,)))
    assert none.value.exit_code == 4
    assert asked == ["https://management.azure.com/subscriptions?api-version=2022-12-01"]
    named = (value, cloud.fleet.estate.subscriptions[0].name)
    summary, run = await run_of(wire, settings_for(tmp_path / "run", subscription=named))
    assert (summary.exit_code, len(run.fleet["inventory_errors"])) == (3, 1)
    assert run.fleet["inventory_errors"][0]["code"] == "SubscriptionNotFound"
    assert run.fleet["listed"] > 0


@in_virtual_time
async def test_a_name_that_two_subscriptions_have_starts_nothing_and_ends_with_2(tmp_path: Path) -> None:
    cloud = cloud_of(machines=20, subscriptions=2)
    one, two = cloud.fleet.estate.subscriptions

    def twins(request: Request, reply: Reply) -> Reply:
        return Reply(reply.status, reply.headers, reply.body.replace(two.name.encode(), one.name.encode()))

    with pytest.raises(UsageError, match=f"{one.subscription_id}, {two.subscription_id}; ") as refused:
        await scan_over(Transport(cloud, twins), settings_for(tmp_path / "run", subscription=(one.name,)))
    assert refused.value.exit_code == 2
    assert not (tmp_path / "run").exists()


@in_virtual_time
async def test_a_name_is_an_error_while_the_subscriptions_cannot_be_listed_and_an_id_is_tried(
    tmp_path: Path,
) -> None:
    cloud = cloud_of(machines=20, subscriptions=2)
    one, two = cloud.fleet.estate.subscriptions

    def denied(request: Request, reply: Reply) -> Reply:
        if "/subscriptions?" not in request.url:
            return reply
        return Reply(403, body=b'{"error":{"code":"AuthorizationFailed","message":"no"}}')

    with pytest.raises(NothingListedError, match=r"so the name .* cannot be looked up") as none:
        await scan_over(Transport(cloud, denied), settings_for(tmp_path / "none", subscription=(one.name,)))
    assert none.value.exit_code == 4
    named = (one.name, two.subscription_id)
    summary, run = await run_of(Transport(cloud, denied), settings_for(tmp_path / "run", subscription=named))
    assert summary.exit_code == 3
    assert {row["subscription_id"] for row in run.rows} == {two.subscription_id}


@in_virtual_time
async def test_an_inventory_is_filtered_by_names_that_azure_is_asked_for_and_by_ids_without_asking(
    tmp_path: Path,
) -> None:
    cloud = cloud_of(machines=20, subscriptions=2, stopped_pct=0.0)
    one, two = cloud.fleet.estate.subscriptions
    vms = tmp_path / "vms.txt"
    vms.write_text("\n".join(machine.resource_id for machine in cloud.fleet))
    asked: list[str] = []

    async def scanned(name: str, *named: str) -> tuple[int, set[str], bool]:
        settings = settings_for(tmp_path / name, inventory=str(vms), subscription=named)
        asked.clear()
        summary, run = await run_of(Transport(cloud, lists_of_subscriptions(asked)), settings)
        has_asked = any("/subscriptions?" in url for url in asked)
        return summary.exit_code, {row["subscription_id"] for row in run.rows}, has_asked

    assert await scanned("id", one.subscription_id.upper()) == (0, {one.subscription_id}, False)
    assert await scanned("name", one.name.lower()) == (0, {one.subscription_id}, True)
    both = await scanned("both", one.name, two.subscription_id)
    assert both == (0, {one.subscription_id, two.subscription_id}, True)
    assert await scanned("unknown", one.name, "Nowhere") == (3, {one.subscription_id}, True)
    with pytest.raises(NothingListedError, match="'Nowhere'"):
        await scanned("none", "Nowhere")
