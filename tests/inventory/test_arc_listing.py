"""Arc servers from Resource Graph and from their own list: only where asked for, and whole or said so."""

from __future__ import annotations

from typing import Any

import pytest

from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.compute import list_machines
from fleetscan.inventory.from_file import read_lines
from fleetscan.inventory.hybrid_compute import list_servers, with_servers
from fleetscan.inventory.resource_graph import GraphBroken, GraphListing, query_machines
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import Json, RequestKind
from tests.inventory.listing_driver import AZURE, A, B, graph_page, page, played, refused, vm_id

PROD = Subscription(A, "Production")
URL = f"{AZURE}/subscriptions/{A}/providers/Microsoft.HybridCompute/machines?api-version=2025-01-13"


def arc_id(name: str, subscription: str = A) -> str:
    return (
        f"/subscriptions/{subscription}/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/{name}"
    )


def server(name: str, **properties: Json) -> Json:
    return {"id": arc_id(name), "location": "West Europe", "properties": properties}


WINDOWS: dict[str, Any] = {
    "osType": "windows",
    "osName": "windows",
    "osSku": "Windows Server 2016 Datacenter",
    "osVersion": "10.0.14393.7515",
    "status": "Connected",
    "licenseProfile": {
        "esuProfile": {"esuEligibility": "Eligible", "licenseAssignmentState": "Assigned"},
    },
    "osProfile": {
        "windowsConfiguration": {
            "patchSettings": {"patchMode": "Manual", "status": {"hotpatchEnablementStatus": "Disabled"}}
        }
    },
}


def test_a_listed_server_becomes_a_target_with_all_that_is_told() -> None:
    listing, asks = played(
        list_servers(AZURE, PROD, Bulk()),
        page([server("a", **WINDOWS)], f"{URL}&%24skiptoken=2"),
        page([server("b", osName="Ubuntu", status="Expired")]),
    )
    one, other = listing.targets
    assert (one.kind, one.os_type, one.power_state, one.location) == (
        "arc",
        "Windows",
        "connected",
        "westeurope",
    )
    assert one.facts == {
        "os_name": "Windows Server 2016 Datacenter",
        "os_version": "10.0.14393.7515",
        "image": None,
        "patch_mode": "Manual",
        "assessment_mode": None,
        "esu_status": "Assigned",
        "hotpatch_status": "Disabled",
    }
    assert (other.os_type, other.power_state, other.facts["os_name"]) == (None, "expired", "Ubuntu")
    assert {(ask.kind, ask.subscription_id) for ask in asks} == {(RequestKind.LIST_SERVERS, A)}
    assert asks[0].request.url == URL


@pytest.mark.parametrize(
    ("profile", "word"),
    [
        (None, None),
        ({"esuEligibility": "Ineligible", "licenseAssignmentState": "NotAssigned"}, "Ineligible"),
        ({"esuEligibility": "Unknown"}, "Unknown"),
        ({"esuEligibility": "Eligible", "licenseAssignmentState": "NotAssigned"}, "NotAssigned"),
        ({"esuEligibility": "Eligible"}, "Eligible"),
        ("Eligible", None),
    ],
)
def test_one_word_tells_of_extended_security_updates(profile: Json, word: str | None) -> None:
    listing, _ = played(
        list_servers(AZURE, PROD, Bulk()), page([server("a", licenseProfile={"esuProfile": profile})])
    )
    assert listing.targets[0].facts.get("esu_status") == word


@pytest.mark.parametrize("other", [arc_id("a", B), vm_id("a"), f"{arc_id('a')}/extensions/e", None, 7])
def test_what_is_no_server_of_the_subscription_is_an_error_and_not_scanned(other: Json) -> None:
    listing, _ = played(list_servers(AZURE, PROD, Bulk()), page([{"id": other}, server("b")]))
    assert [target.name for target in listing.targets] == ["b"]
    assert listing.error is not None
    assert listing.error.code == "MalformedReply"


def test_a_server_that_comes_twice_may_hide_another() -> None:
    listing, _ = played(list_servers(AZURE, PROD, Bulk()), page([server("a"), server("A")]))
    assert len(listing.targets) == 1
    assert listing.error is not None


def test_a_subscription_that_never_had_to_do_with_arc_is_empty_and_a_refusal_names_the_permission() -> None:
    listing, _ = played(list_servers(AZURE, PROD, Bulk()), refused(409, "MissingSubscriptionRegistration"))
    assert (listing.targets, listing.error) == ([], None)
    refusal = refused(403, "AuthorizationFailed")
    denied, _ = played(list_servers(AZURE, PROD, Bulk()), refusal)
    assert denied.error is not None


def test_both_lists_have_to_be_whole() -> None:
    vm: Json = {"id": vm_id("vm-1"), "location": "westus"}
    vms = list_machines(AZURE, PROD)
    listing, _ = played(
        with_servers(AZURE, PROD, Bulk(), vms), page([vm]), page([]), refused(403, "AuthorizationFailed")
    )
    assert [target.kind for target in listing.targets] == ["vm"]
    assert listing.error is not None
    assert listing.error.http_status == 403


def test_a_server_among_compute_s_vms_or_in_graph_unasked_is_never_scanned() -> None:
    arc: Json = {"id": arc_id("a"), "location": "westus"}
    listing, _ = played(list_machines(AZURE, PROD), page([arc]), page([]))
    assert listing.targets == []
    assert listing.error is not None
    broken, _ = played(query_machines(AZURE, (PROD,)), graph_page(1, [arc]))
    assert isinstance(broken, GraphBroken)
    found, _ = played(query_machines(AZURE, (PROD,), include_arc=True), graph_page(1, [arc]))
    assert isinstance(found, GraphListing)
    assert [target.kind for target in found.targets] == ["arc"]


def test_files_have_servers_as_the_azure_tools_print_them() -> None:
    line = (
        f'{{"id": "{arc_id("a")}", "location": "westeurope", "osType": "linux", "osSku": "Ubuntu 22.04", '
        '"status": "Disconnected"}'
    )
    [target] = read_lines([line.encode()], "servers.json").targets
    assert (target.kind, target.os_type, target.power_state) == ("arc", "Linux", "disconnected")
    assert target.facts["os_name"] == "Ubuntu 22.04"
