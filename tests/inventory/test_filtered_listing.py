"""A listing with clauses: the VMs they leave, a count of all, and what a refusal of either costs."""

from __future__ import annotations

from fleetscan.inventory.resource_graph import (
    QUERY,
    GraphBroken,
    GraphListing,
    count_machines,
    query_machines,
)
from fleetscan.inventory.subscriptions import Subscription
from tests.inventory.listing_driver import AZURE, A, B, asked, graph_page, played, refused, vm_id

BATCH = (Subscription(A, "Production"), Subscription(B, "Test"))
CLAUSES = ["name startswith @'web-'", "location !in~ (@'eastus')"]


def test_the_clauses_stand_in_the_query_and_one_count_goes_without() -> None:
    listing, asks = played(
        query_machines(AZURE, BATCH, None, CLAUSES),
        graph_page(1, [{"id": vm_id("web-1")}]),
        graph_page(2, [{"id": A.upper(), "machines": 3}, {"id": B, "machines": 1}]),
    )
    assert isinstance(listing, GraphListing)
    assert [target.name for target in listing.targets] == ["web-1"]
    assert listing.holding == {A, B}
    machines = "resources | where type =~ 'microsoft.compute/virtualmachines' "
    first, second = (str(asked(ask)["query"]) for ask in asks)
    assert first.startswith(f"{machines}| where {CLAUSES[0]} | where {CLAUSES[1]} | project id, ")
    assert second == f"{machines}| summarize machines = count() by id = subscriptionId | order by id asc"


def test_clauses_that_graph_refuses_cost_pages_and_nothing_else() -> None:
    listing, asks = played(
        query_machines(AZURE, BATCH, None, CLAUSES),
        refused(400, "BadRequest"),
        graph_page(2, [{"id": vm_id("web-1")}, {"id": vm_id("db-1")}]),
    )
    assert isinstance(listing, GraphListing)
    assert (len(listing.targets), listing.holding) == (2, frozenset())
    assert asked(asks[1])["query"] == QUERY


def test_a_graph_that_is_denied_is_not_asked_again() -> None:
    listing, _ = played(query_machines(AZURE, BATCH, None, CLAUSES), refused(403, "AuthorizationFailed"))
    assert listing == GraphBroken(BATCH, "was denied (403 AuthorizationFailed)")
    listing, _ = played(query_machines(AZURE, BATCH), refused(400, "BadRequest"))
    assert listing == GraphBroken(BATCH, "failed (400 BadRequest)")


def test_without_a_count_only_subscriptions_that_show_a_vm_are_known_to_hold_some() -> None:
    for reply in (refused(500, "InternalServerError"), graph_page(1, [{"id": A}]), graph_page(2, [])):
        listing, _ = played(
            query_machines(AZURE, BATCH, None, CLAUSES), graph_page(1, [{"id": vm_id("web-1")}]), reply
        )
        assert isinstance(listing, GraphListing)
        assert listing.holding == frozenset()
        assert isinstance(played(count_machines(AZURE, [A, B]), reply)[0], str)
