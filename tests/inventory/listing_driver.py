"""Drives listings by hand: a reply for each request, and the requests that were made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from fleetscan.inventory.listing import Fleet, Listing
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, ListRequest, Reply

T = TypeVar("T")
AZURE = "https://management.azure.com"
A = "aaaaaaaa-0000-0000-0000-000000000001"
B = "bbbbbbbb-0000-0000-0000-000000000002"


def vm_id(name: str, subscription: str = A) -> str:
    return (
        f"/subscriptions/{subscription}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{name}"
    )


def page(value: Json, next_link: Json = None) -> Reply:
    """A page of a list, as ARM gives it."""
    body: dict[str, Json] = {"value": value}
    return ok(body if next_link is None else body | {"nextLink": next_link})


def ok(body: Json) -> Reply:
    return Reply(200, body=json.dumps(body).encode())


def graph_page(total: Json, data: Json, token: Json = None) -> Reply:
    """As recorded: the truth about more pages is in the token alone."""
    body: dict[str, Json] = {"totalRecords": total, "count": 1, "data": data, "facets": []}
    body["resultTruncated"] = "false"
    return ok(body if token is None else body | {"$skipToken": token})


TOO_LARGE = Reply(
    400,
    body=b'{"error":{"code":"BadRequest","message":"","details":[{"code":"ResponsePayloadTooLarge","message":""}]}}',
)


def asked(ask: ListRequest) -> dict[str, Json]:
    """What a Resource Graph request says."""
    body: dict[str, Json] = json.loads(ask.request.body)
    return body


def refused(status: int, code: str) -> Reply:
    return Reply(status, body=json.dumps({"error": {"code": code, "message": "no"}}).encode())


def drive(pages: Pages[T], azure: Callable[[ListRequest], Reply]) -> T:
    """What the listing brings when `azure` answers."""
    ask = next(pages)
    while True:
        try:
            ask = pages.send(azure(ask))
        except StopIteration as end:
            result: T = end.value
            return result


def played(pages: Pages[T], *replies: Reply) -> tuple[T, list[ListRequest]]:
    """What the listing brings when it is sent `replies`, exactly as many as it asks for."""
    waiting, asks = list(replies), list[ListRequest]()

    def azure(ask: ListRequest) -> Reply:
        asks.append(ask)
        return waiting.pop(0)

    result = drive(pages, azure)
    assert waiting == []
    return result, asks


def read_fleet(endpoint: str, named: Iterable[str], azure: Callable[[ListRequest], Reply]) -> Fleet:
    """A whole reading of the fleet, one listing after another."""
    listing = Listing(endpoint, list(named))
    graph = listing.graph(drive(listing.subscriptions(), azure))
    compute = listing.compute([drive(query, azure) for query in graph])
    return listing.fleet([drive(machines, azure) for machines in compute])
