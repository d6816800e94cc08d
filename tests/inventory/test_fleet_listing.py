"""The whole reading of a fleet: what is read from where, and what is said of the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Literal

import pytest

from fleetscan.inventory.choice import choose
from fleetscan.inventory.from_file import read_lines
from fleetscan.inventory.listing import Fleet, Listing, fleet_of_file, names_in
from fleetscan.inventory.subscriptions import Subscription, Subscriptions
from fleetscan.model import ListRequest, Reply, RequestKind
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.inventory.listing_driver import AZURE, A, B, drive, ok, page, read_fleet, refused, vm_id


class SimulatedAzure:
    """Two enabled subscriptions, A and B, with a machine each; `graph` and `compute` can be set to refuse."""

    def __init__(self) -> None:
        self.asked: list[tuple[RequestKind, str]] = []
        self.subscriptions = page([{"subscriptionId": A, "displayName": "Production"}, {"subscriptionId": B}])
        self.graph = ok({"totalRecords": 2, "data": [{"id": vm_id("a")}, {"id": vm_id("b", B)}]})
        self.compute = {A: page([{"id": vm_id("a")}]), B: page([{"id": vm_id("b", B)}])}

    def __call__(self, ask: ListRequest) -> Reply:
        self.asked.append((ask.kind, ask.subscription_id))
        match ask.kind:
            case RequestKind.LIST_SUBSCRIPTIONS:
                return self.subscriptions
            case RequestKind.QUERY_GRAPH:
                return self.graph
            case _:
                return self.compute[ask.subscription_id]


def names(fleet: Fleet) -> list[str]:
    return sorted(target.name for target in fleet.targets)


def test_graph_alone_is_asked_while_it_can_be_relied_on() -> None:
    azure = SimulatedAzure()
    fleet = read_fleet(AZURE, [], azure)
    assert names(fleet) == ["a", "b"]
    assert azure.asked == [(RequestKind.LIST_SUBSCRIPTIONS, ""), (RequestKind.QUERY_GRAPH, "")]
    assert (fleet.errors, fleet.notes) == ([], [])
    assert [subscription.id for subscription in fleet.subscriptions] == [A, B]


def test_compute_is_asked_for_each_subscription_where_graph_is_denied() -> None:
    azure = SimulatedAzure()
    azure.graph = refused(403, "AuthorizationFailed")
    fleet = read_fleet(AZURE, [], azure)
    assert names(fleet) == ["a", "b"]
    assert set(azure.asked[2:]) == {(RequestKind.LIST_VMS, A), (RequestKind.LIST_VMS, B)}
    assert fleet.notes == [
        "Resource Graph was denied (403 AuthorizationFailed): 2 subscriptions are listed through Compute"
    ]
    assert fleet.errors == []


def test_a_subscription_that_cannot_be_listed_shows_and_the_others_are_scanned() -> None:
    azure = SimulatedAzure()
    azure.graph = refused(403, "AuthorizationFailed")
    azure.compute[A] = refused(403, "AuthorizationFailed")
    fleet = read_fleet(AZURE, [], azure)
    assert names(fleet) == ["b"]
    assert [(error.subscription_id, error.http_status) for error in fleet.errors] == [(A, 403)]
    assert [subscription.id for subscription in fleet.subscriptions] == [B]
    assert not fleet.is_nothing_listed


def silent_of_b() -> SimulatedAzure:
    """Resource Graph shows the machine of A alone, without an error."""
    azure = SimulatedAzure()
    azure.graph = ok({"totalRecords": 1, "data": [{"id": vm_id("a")}]})
    return azure


@pytest.mark.parametrize(
    "answer",
    [
        page([]),
        refused(409, "MissingSubscriptionRegistration"),
        refused(409, "missingsubscriptionregistration"),
    ],
)
def test_a_subscription_that_graph_shows_nothing_of_is_empty_when_compute_says_so(answer: Reply) -> None:
    azure = silent_of_b()
    azure.compute[B] = answer
    fleet = read_fleet(AZURE, [], azure)
    assert azure.asked[2:] == [(RequestKind.LIST_VMS, B)]
    assert (names(fleet), fleet.errors, fleet.notes) == (["a"], [], [])
    assert [subscription.id for subscription in fleet.subscriptions] == [A, B]
    assert fleet.through_compute == frozenset()


def test_machines_where_graph_shows_nothing_are_listed_through_compute_with_a_note() -> None:
    fleet = read_fleet(AZURE, [], azure := silent_of_b())
    # The machines, then their power states.
    assert azure.asked[2:] == [(RequestKind.LIST_VMS, B)] * 2
    assert (names(fleet), fleet.errors) == (["a", "b"], [])
    assert fleet.notes == [
        f"Resource Graph shows no VM of {B}, but Compute does: 1 subscription is listed through Compute"
    ]
    assert fleet.through_compute == {B}


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "give the identity Microsoft.Compute/virtualMachines/read there (in the role Reader)"),
        (403, "give the identity Microsoft.Compute/virtualMachines/read there (in the role Reader)"),
        (404, None),
        (500, None),
    ],
)
def test_a_subscription_that_nobody_shows_is_an_error_and_not_empty(status: int, remedy: str | None) -> None:
    azure = silent_of_b()
    azure.compute[B] = refused(status, "Some")
    fleet = read_fleet(AZURE, [], azure)
    [error] = fleet.errors
    assert (error.subscription_id, error.http_status, error.remedy) == (B, status, remedy)
    assert [subscription.id for subscription in fleet.subscriptions] == [A]


def test_silence_of_everything_with_every_list_denied_is_nothing_listed() -> None:
    azure = silent_of_b()
    azure.graph = ok({"totalRecords": 0, "data": []})
    azure.compute[A] = azure.compute[B] = refused(403, "AuthorizationFailed")
    assert read_fleet(AZURE, [], azure).is_nothing_listed


def test_the_list_of_subscriptions_that_is_denied_names_its_own_permission() -> None:
    azure = SimulatedAzure()
    azure.subscriptions = refused(403, "AuthorizationFailed")
    [error] = read_fleet(AZURE, [], azure).errors
    assert error.remedy == "give the identity Microsoft.Resources/subscriptions/read (in the role Reader)"


def test_nothing_is_listed_when_every_part_failed() -> None:
    azure = SimulatedAzure()
    azure.graph = azure.compute[A] = azure.compute[B] = refused(403, "AuthorizationFailed")
    assert read_fleet(AZURE, [], azure).is_nothing_listed
    azure.subscriptions = refused(403, "AuthorizationFailed")
    assert read_fleet(AZURE, [], azure).is_nothing_listed


def test_a_fleet_of_nothing_is_listed_and_asks_graph_for_nothing() -> None:
    azure = SimulatedAzure()
    azure.subscriptions = page([])
    fleet = read_fleet(AZURE, [], azure)
    assert (fleet.targets, fleet.errors, fleet.is_nothing_listed) == ([], [], False)
    assert azure.asked == [(RequestKind.LIST_SUBSCRIPTIONS, "")]


def test_a_named_subscription_that_is_not_visible_is_nothing_listed_when_it_was_the_only_one() -> None:
    fleet = read_fleet(AZURE, ["cccccccc-0000-0000-0000-000000000003"], SimulatedAzure())
    assert [error.code for error in fleet.errors] == ["SubscriptionNotFound"]
    assert fleet.is_nothing_listed


def test_a_named_subscription_in_doubt_is_asked_of_compute_which_says_whether_it_exists() -> None:
    azure = SimulatedAzure()
    azure.subscriptions = refused(403, "AuthorizationFailed")
    azure.compute[A] = refused(404, "SubscriptionNotFound")
    fleet = read_fleet(AZURE, [A, B], azure)
    assert RequestKind.QUERY_GRAPH not in {kind for kind, _ in azure.asked}
    assert names(fleet) == ["b"]
    assert [(error.subscription_id, error.code) for error in fleet.errors] == [(A, "SubscriptionNotFound")]


def test_a_machine_that_two_sources_name_is_one() -> None:
    azure = SimulatedAzure()
    azure.graph = refused(500, "InternalError")
    azure.compute[A] = page([{"id": vm_id("a")}, {"id": vm_id("a").upper()}])
    assert names(read_fleet(AZURE, [A], azure)) == ["a"]


def test_the_scope_names_who_was_listed_and_who_was_passed_over() -> None:
    azure = SimulatedAzure()
    azure.subscriptions = page(
        [
            {"subscriptionId": A, "displayName": "Production", "state": "Enabled"},
            {"subscriptionId": B, "state": "Disabled"},
        ]
    )
    azure.graph = ok({"totalRecords": 1, "data": [{"id": vm_id("a")}]})
    assert read_fleet(AZURE, [], azure).scope == {
        "subscriptions": [
            {"subscription_id": A, "name": "Production", "state": "Enabled", "tenant_id": None}
        ],
        "not_enabled": [{"subscription_id": B, "name": None, "state": "Disabled", "tenant_id": None}],
        "uniform_scale_set_vms": None,
        "shard": None,
    }


def test_each_subscription_has_a_listing_of_its_own_so_that_they_can_go_side_by_side() -> None:
    azure = SimulatedAzure()
    azure.graph = refused(403, "AuthorizationFailed")
    listing = Listing(AZURE, [])
    graph = listing.graph(drive(listing.subscriptions(), azure))
    assert len(listing.compute([drive(query, azure) for query in graph])) == 2


@pytest.mark.parametrize("graph", ["up", "denied", "broken"])
def test_the_simulated_fleet_is_read_whole_whatever_graph_does(
    graph: Literal["up", "denied", "broken"],
) -> None:
    scenario = Scenario(
        machines=500, subscriptions=7, page_size=40, limits_speed=0, stopped_pct=20, graph=graph
    )
    cloud = Cloud(scenario, epoch=datetime(2026, 1, 1, tzinfo=UTC))
    now = count()
    fleet = read_fleet(AZURE, [], lambda ask: cloud.handle(ask.request, float(next(now))))
    assert {target.key for target in fleet.targets} == {machine.key for machine in cloud.fleet}
    assert fleet.errors == []
    assert bool(fleet.notes) is (graph != "up")
    assert len(fleet.not_enabled) == 1
    for target in fleet.targets:
        machine = cloud.fleet.machine(target.resource_id)
        assert (target.location, target.os_type) == (machine.region, machine.image.os_type)
        assert target.power_state == machine.lot.power_state
        assert target.facts["patch_mode"] == machine.lot.patch_mode
        assert target.subscription_name == machine.subscription.name
        assert dict(target.tags) == machine.tags


def test_a_file_is_filtered_by_the_named_subscriptions_and_says_who_is_not_in_it() -> None:
    other = "cccccccc-0000-0000-0000-000000000003"
    lines = [vm_id("a").encode(), vm_id("b", B).encode(), vm_id("A").encode()]
    fleet = fleet_of_file(read_lines(lines, "fleet.txt"), [A.upper(), other])
    assert names(fleet) == ["a"]
    assert fleet.notes == [
        "1 line of fleet.txt dropped: the VM was named before",
        f"fleet.txt has no VM in subscription {other}",
    ]
    assert not fleet.is_nothing_listed


def test_a_file_is_filtered_by_the_names_that_azure_knows() -> None:
    lines = [vm_id("a").encode(), vm_id("b", B).encode()]
    file = read_lines(lines, "fleet.txt")
    seen = Subscriptions((Subscription(A, "Production"), Subscription(B, "Old")))
    assert names_in([A, B.upper()], file) == []
    assert names_in(["Old", A, "Staging"], file) == ["Old", "Staging"]
    fleet = fleet_of_file(file, ["old", "OLD", B], choose(seen, ["old", "OLD"]))
    assert (names(fleet), fleet.errors, fleet.notes) == (["b"], [], [])
    fleet = fleet_of_file(file, ["Staging"], choose(seen, ["Staging"]))
    assert (names(fleet), fleet.is_nothing_listed) == ([], True)
    fleet = fleet_of_file(file, ["Staging", A], choose(seen, ["Staging"]))
    assert (names(fleet), len(fleet.errors), fleet.is_nothing_listed) == (["a"], 1, False)
