"""What a listing holds while it waits for its next page, and how much it takes in at all."""

from __future__ import annotations

import gc
from collections.abc import Generator
from dataclasses import replace
from datetime import datetime

import pytest

from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.compute import ComputeListing, list_machines
from fleetscan.inventory.graph_pages import GraphQuery, graph_pages
from fleetscan.inventory.resource_graph import GraphBroken, GraphListing, query_machines
from fleetscan.inventory.subscriptions import Subscription, list_subscriptions
from fleetscan.model import InventoryError, Json, ListRequest, Reply, RequestKind
from tests.inventory.listing_driver import AZURE, A, asked, drive, graph_page, page, played, vm_id

PROD = Subscription(A, "Production")
MARK = "only in what was read"
TOO_LARGE = Reply(200, detail="the reply is too large: it has more than 16 MiB")


def marked(name: str, **more: Json) -> Json:
    """An entry of a page with something that nothing keeps."""
    return {"id": vm_id(name), "location": "westus", MARK: [], "tags": {}, **more}


def pages_held() -> int:
    """How many of such entries are still there."""
    gc.collect()
    return sum(MARK in each for each in gc.get_objects() if type(each) is dict)


@pytest.mark.parametrize(
    ("listing", "first"),
    [
        (query_machines(AZURE, (PROD,)), graph_page(2, [marked("vm-1")], "more")),
        (list_machines(AZURE, PROD), page([marked("vm-1")], f"{AZURE}/2")),
        (list_subscriptions(AZURE), page([marked("vm-1", subscriptionId=A)], f"{AZURE}/2")),
    ],
    ids=["graph", "compute", "subscriptions"],
)
def test_a_listing_that_waits_for_a_page_holds_nothing_of_the_last_but_what_it_read(
    listing: Generator[ListRequest, Reply, object], first: Reply
) -> None:
    next(listing)
    before = pages_held()
    listing.send(first)
    assert pages_held() == before


def test_a_list_ends_where_its_pages_come_to_more_than_any_fleet() -> None:
    def azure(ask: ListRequest) -> Reply:
        number = int(ask.request.url.rpartition("=")[2]) if "&p=" in ask.request.url else 0
        tags: Json = {"owner": "o" * 1000}
        return page([marked(f"vm-{number}", tags=tags)], f"{AZURE}/list?x&p={number + 1}")

    listing = drive(list_machines(AZURE, PROD, Bulk(65_536)), azure)
    assert 40 < len(listing.targets) < 60
    assert listing.error is not None
    assert (listing.error.message or "").startswith("it gave pages that come to more than")


def test_listings_side_by_side_share_the_bound() -> None:
    bulk = Bulk(2000)
    one, _ = played(list_machines(AZURE, PROD, bulk), page([marked("vm-1")]), page([]))
    assert one.error is None
    two, _ = played(list_machines(AZURE, PROD, bulk), page([marked("x" * 2000)]))
    assert two == ComputeListing(PROD, [], two.error)
    assert two.error is not None


def test_a_batch_that_resource_graph_did_not_bring_is_not_counted() -> None:
    bulk = Bulk(2000)
    large = graph_page(1, [marked("vm-1", tags={"owner": "o" * 2000})])
    listing, _ = played(query_machines(AZURE, (PROD,), bulk), large)
    assert isinstance(listing, GraphBroken)
    assert listing.why.startswith("gave pages that come to more than")
    assert bulk.taken_bytes == 0


def test_a_page_of_resource_graph_that_is_too_large_is_asked_for_with_half_the_rows() -> None:
    rows = [1000, 500, 250]
    found, asks = played(
        query_machines(AZURE, (PROD,)), TOO_LARGE, TOO_LARGE, graph_page(1, [marked("vm-1")])
    )
    assert isinstance(found, GraphListing)
    options = [asked(ask)["options"] for ask in asks]
    assert [each["$top"] for each in options if isinstance(each, dict)] == rows


def test_a_row_that_is_too_large_ends_the_reading_with_the_figures() -> None:
    def read(row: Json, sent_at: datetime | None) -> Json:
        return row

    query = GraphQuery(RequestKind.QUERY_GRAPH, "q", "VMs", read)
    assert drive(graph_pages(AZURE, query, [A]), lambda _: TOO_LARGE) == (
        "gave a page of one row that cannot be read (the reply is too large: it has more than 16 MiB)"
    )


def test_a_list_whose_page_is_too_large_says_so_with_the_figures() -> None:
    listing, _ = played(list_machines(AZURE, PROD), TOO_LARGE)
    assert listing.error == InventoryError(
        A, "MalformedReply", "the reply is too large: it has more than 16 MiB", 200
    )


def test_a_link_longer_than_any_server_reads_is_not_followed() -> None:
    listing, _ = played(
        list_machines(AZURE, PROD), page([marked("vm-1")], f"{AZURE}/{'x' * 17_000}"), page([])
    )
    assert listing.error == InventoryError(
        A, "MalformedReply", "a nextLink has more than 16,384 characters", 200
    )


@pytest.mark.parametrize(("word", "is_left_out"), [("true", True), ("True", True), ("false", False)])
def test_a_graph_that_looks_into_ten_thousand_subscriptions_alone_lists_nothing_whole(
    word: str, is_left_out: bool
) -> None:
    reply = replace(graph_page(1, [marked("vm-1")]), headers={"x-ms-tenant-subscription-limit-hit": word})
    found, _ = played(query_machines(AZURE, (PROD,)), reply)
    why = "left out subscriptions beyond the 10,000 that it looks into"
    assert (found == GraphBroken((PROD,), why)) is is_left_out
