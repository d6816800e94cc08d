"""Listings of what is below management groups, and without subscriptions that are left out."""

from __future__ import annotations

import pytest

from fleetscan.errors import NothingListedError, UsageError
from fleetscan.inventory.from_file import read_lines
from fleetscan.scanner.selecting import fleet_in_file, selection_in
from fleetscan.settings.selecting import ListSettings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.scanner.asked_cloud import Asked, keys, listed

UNKNOWN_ID = "3f8c0d5e-1111-2222-3333-444444444444"


def cloud_of(**more: int) -> Cloud:
    """Eight subscriptions of six units: the first unit, Retail, has the first and the seventh."""
    return Cloud(Scenario(machines=80, subscriptions=8, limits_speed=0, page_size=3, **more))  # type: ignore[arg-type]


def keys_of(cloud: Cloud, *places: int) -> list[str]:
    """The VMs of some of the cloud's subscriptions."""
    ids = {cloud.fleet.estate.subscriptions[place].subscription_id for place in places}
    return sorted(machine.key for machine in cloud.fleet if machine.subscription.subscription_id in ids)


@pytest.mark.parametrize("source", ["auto", "compute", "resource-graph"])
async def test_a_management_group_is_what_is_below_it_at_any_depth(source: str) -> None:
    cloud = cloud_of()
    retail = ListSettings(management_group=("RETAIL",), inventory_source=source)
    assert keys(await listed(cloud, retail)) == keys_of(cloud, 0, 6)
    corp = ListSettings(management_group=("corp",), inventory_source=source)
    assert keys(await listed(cloud, corp)) == keys_of(cloud, *range(8))
    both = ListSettings(management_group=("retail", "finance"), inventory_source=source)
    assert keys(await listed(cloud, both)) == keys_of(cloud, 0, 2, 6)


async def test_groups_and_subscriptions_must_both_hold_and_one_exclusion_is_enough() -> None:
    cloud = cloud_of()
    first, seventh = (cloud.fleet.estate.subscriptions[place] for place in (0, 6))
    named = ListSettings(management_group=("retail",), subscription=(first.name, UNKNOWN_ID))
    fleet = await listed(cloud, named)
    assert keys(fleet) == keys_of(cloud, 0)
    assert [error.subscription_id for error in fleet.errors] == [UNKNOWN_ID]
    without = ListSettings(management_group=("retail",), exclude_subscription=(seventh.name.upper(),))
    assert keys(await listed(cloud, without)) == keys_of(cloud, 0)
    outside = ListSettings(exclude_management_group=("retail",), exclude_subscription=(UNKNOWN_ID,))
    fleet = await listed(cloud, outside)
    assert keys(fleet) == keys_of(cloud, 1, 2, 3, 4, 5, 7)
    assert any(f"nothing is left out by exclude-subscription {UNKNOWN_ID}" in note for note in fleet.notes)


async def test_subscriptions_passed_over_are_those_of_the_selection() -> None:
    cloud = cloud_of(warned=1)
    assert [each.name for each in (await listed(cloud, ListSettings())).not_enabled] == [
        "Retail Production",
        "Retired Sandbox",
    ]
    retail = await listed(cloud, ListSettings(management_group=("retail",)))
    assert [each.name for each in retail.not_enabled] == ["Retail Production"]
    assert keys(retail) == keys_of(cloud, 6)


async def test_an_unknown_group_ends_a_listing_and_beside_another_is_an_error_of_it() -> None:
    cloud = cloud_of()
    with pytest.raises(NothingListedError, match=r"management group nowhere cannot be read \(404 NotFound"):
        await listed(cloud, ListSettings(management_group=("nowhere",)))
    fleet = await listed(cloud, ListSettings(management_group=("nowhere", "retail")))
    assert keys(fleet) == keys_of(cloud, 0, 6)
    [error] = fleet.errors
    assert (error.subscription_id, error.http_status) == (None, 404)


async def test_nothing_is_listed_while_it_is_not_known_what_to_leave_out() -> None:
    cloud = cloud_of()
    with pytest.raises(NothingListedError, match="what to leave out is not known: management group nowhere"):
        await listed(cloud, ListSettings(exclude_management_group=("nowhere",)))
    with pytest.raises(UsageError, match="what to leave out is not known: a subscription named 'Lab'"):
        await listed(cloud, ListSettings(exclude_subscription=("Lab",)))


async def test_a_selection_that_leaves_no_subscription_says_by_which_rule() -> None:
    fleet = await listed(cloud_of(), ListSettings(management_group=("sandbox",)))
    assert fleet.targets == []
    assert fleet.notes == ["no subscription is left by management-group sandbox"]


async def test_what_is_below_a_group_and_not_visible_is_said() -> None:
    cloud = cloud_of()
    hidden = cloud.fleet.estate.subscriptions[0]
    ask = Asked(cloud, unseen=(hidden.subscription_id,))
    fleet = await listed(cloud, ListSettings(management_group=("retail",)), ask)
    assert keys(fleet) == keys_of(cloud, 6)
    [note] = fleet.notes
    assert note.startswith("1 subscription is below management-group retail and not visible to the identity")


async def test_an_inventory_file_is_narrowed_alike() -> None:
    cloud = cloud_of()
    file = read_lines([machine.resource_id.encode() for machine in cloud.fleet], "vms.txt")
    for wanted, places in (
        (ListSettings(management_group=("retail",)), (0, 6)),
        (ListSettings(exclude_management_group=("retail",)), (1, 2, 3, 4, 5, 7)),
        (ListSettings(exclude_subscription=("retail production",)), (1, 2, 3, 4, 5, 6, 7)),
    ):
        fleet = await fleet_in_file(wanted, file, selection_in(wanted), Asked(cloud))
        assert keys(fleet) == keys_of(cloud, *places)


async def test_an_inventory_file_needs_no_request_where_ids_say_all() -> None:
    cloud = cloud_of()
    file = read_lines([machine.resource_id.encode() for machine in cloud.fleet], "vms.txt")
    first = cloud.fleet.estate.subscriptions[0].subscription_id
    settings = ListSettings(exclude_subscription=(first.upper(),), exclude_name=("web-*",))
    fleet = await fleet_in_file(settings, file, selection_in(settings), ask := Asked(cloud))
    assert ask.requests == 0
    assert {target.subscription_id for target in fleet.targets}.isdisjoint({first})
    assert not any(target.name.startswith("web-") for target in fleet.targets)


@pytest.mark.parametrize("graph", ["denied", "broken"])
async def test_resource_graph_alone_says_what_it_cannot_list(graph: str) -> None:
    cloud = Cloud(Scenario(machines=80, subscriptions=2, limits_speed=0, graph=graph))  # type: ignore[arg-type]
    fleet = await listed(cloud, ListSettings(inventory_source="resource-graph"), ask := Asked(cloud))
    assert fleet.is_nothing_listed
    assert {error.code for error in fleet.errors} == {"ResourceGraphFailed"}
    assert ask.listed_by_compute == set()
    assert len((await listed(cloud, ListSettings(inventory_source="auto"))).targets) == 80


async def test_compute_alone_is_asked_where_that_is_wanted() -> None:
    cloud = cloud_of()
    fleet = await listed(cloud, ListSettings(inventory_source="compute"), ask := Asked(cloud))
    assert keys(fleet) == keys_of(cloud, *range(8))
    assert ask.queries == []
