"""One subscription's machines from Compute's two lists."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleetscan.inventory.compute import ComputeListing, list_machines
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import InventoryError, Json, ListRequest, Reply, RequestKind
from tests.inventory.listing_driver import AZURE, A, B, drive, page, played, refused, vm_id

PROD = Subscription(A, "Production")
URL = f"{AZURE}/subscriptions/{A}/providers/Microsoft.Compute/virtualMachines?api-version=2024-07-01"


def machine(name: str, subscription: str = A) -> Json:
    return {"id": vm_id(name, subscription), "location": "westus"}


def state(name: str, code: str) -> Json:
    return {
        "id": vm_id(name).upper(),
        "properties": {"instanceView": {"statuses": [{"code": "ProvisioningState/x"}, {"code": code}]}},
    }


def test_machines_and_their_states_are_joined_without_regard_to_case() -> None:
    listing, asks = played(
        list_machines(AZURE, PROD),
        page([machine("vm-1")], f"{URL}&%24skiptoken=2"),
        page([machine("vm-2"), machine("vm-3")]),
        page([state("vm-2", "PowerState/deallocated")], f"{URL}&statusOnly=true&%24skiptoken=2"),
        page([state("vm-1", "PowerState/running")]),
    )
    assert [(target.name, target.power_state) for target in listing.targets] == [
        ("vm-1", "running"),
        ("vm-2", "deallocated"),
        ("vm-3", None),
    ]
    assert {target.subscription_name for target in listing.targets} == {"Production"}
    assert (listing.error, listing.note) == (None, None)
    assert {(ask.kind, ask.subscription_id) for ask in asks} == {(RequestKind.LIST_VMS, A)}
    assert [ask.request.url for ask in asks[::2]] == [URL, f"{URL}&statusOnly=true"]


def test_an_empty_subscription_costs_one_request() -> None:
    listing, _ = played(list_machines(AZURE, PROD), page([]))
    assert listing == ComputeListing(PROD, [])


def test_states_that_cannot_be_listed_leave_the_machines_and_a_note() -> None:
    listing, _ = played(list_machines(AZURE, PROD), page([machine("vm-1")]), refused(500, "InternalError"))
    assert [target.power_state for target in listing.targets] == [None]
    assert listing.error is None
    assert listing.note == (
        f"power states in subscription {A} could not all be listed (InternalError): "
        "VMs of unknown state are tried"
    )


def test_a_refusal_is_the_subscriptions_error() -> None:
    listing, _ = played(list_machines(AZURE, PROD), refused(403, "AuthorizationFailed"))
    assert listing == ComputeListing(PROD, [], InventoryError(A, "AuthorizationFailed", "no", 403))


def test_the_pages_before_a_failure_are_kept_and_the_failure_shows() -> None:
    listing, _ = played(
        list_machines(AZURE, PROD), page([machine("vm-1")], f"{URL}&p=2"), refused(429, "TooMany"), page([])
    )
    assert [target.name for target in listing.targets] == ["vm-1"]
    assert listing.error == InventoryError(A, "TooMany", "no", 429)


def endless(value: Callable[[int], Json]) -> tuple[ComputeListing, int]:
    """A list whose page number `n` has the entries `value(n)` and a link that was not there before."""
    pages: list[ListRequest] = []

    def azure(ask: ListRequest) -> Reply:
        pages.append(ask)
        return page(value(len(pages)), f"{URL}&p={len(pages)}")

    listing = drive(list_machines(AZURE, PROD), azure)
    return listing, len(pages)


@pytest.mark.parametrize("value", [[], [machine("vm-1")], [{"name": "x"}], [None]])
def test_pages_that_bring_nothing_new_end_the_list_after_twenty(value: Json) -> None:
    listing, pages = endless(lambda number: [machine("vm-1")] if number == 1 else value)
    assert {target.name for target in listing.targets} == {"vm-1"}
    why = "20 pages in a row brought nothing new, with more to come"
    assert listing.error == InventoryError(A, "MalformedReply", why, 200)
    # Two lists: the machines, and their states.
    assert 43 <= pages <= 44


def test_new_machines_without_end_end_with_page_2000() -> None:
    listing, pages = endless(lambda number: [machine(f"vm-{number}")])
    assert listing.error == InventoryError(A, "MalformedReply", "it has more than 2000 pages", 200)
    assert (len(listing.targets), pages) == (2000, 2001 + 2001)


def test_an_empty_page_with_more_to_come_is_followed() -> None:
    listing, _ = played(
        list_machines(AZURE, PROD),
        page([], f"{URL}&p=2"),
        page([machine("vm-1")]),
        page([state("vm-1", "PowerState/running")]),
    )
    assert ([target.name for target in listing.targets], listing.error) == (["vm-1"], None)


@pytest.mark.parametrize("odd", [None, 5, [], "x", {}, {"id": None}, {"id": "vm-7"}, machine("vm-2", B)])
def test_an_entry_that_is_no_machine_of_the_subscription_is_an_error_beside_the_others(odd: Json) -> None:
    listing, _ = played(list_machines(AZURE, PROD), page([odd, machine("vm-1")]), page([odd]))
    assert [target.name for target in listing.targets] == ["vm-1"]
    assert listing.error is not None
    assert (listing.error.subscription_id, listing.error.code) == (A, "MalformedReply")


def test_a_machine_that_comes_twice_is_listed_once_and_told() -> None:
    again: Json = {"id": vm_id("vm-1").upper(), "location": "westus"}
    listing, _ = played(list_machines(AZURE, PROD), page([machine("vm-1"), again]), page([]))
    assert [target.name for target in listing.targets] == ["vm-1"]
    assert listing.error is not None
    assert "twice, and may lack another VM" in str(listing.error.message)
