"""The Arc servers of one subscription from Microsoft.HybridCompute's own list, beside its VMs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from fleetscan.engine.replies import text_at
from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.compute import UNREGISTERED, ComputeListing
from fleetscan.inventory.machines import facts_of_vm, target_of
from fleetscan.inventory.pages import Pages, read_list
from fleetscan.inventory.servers import facts_of_server
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import InventoryError, Json, OwnCode, RequestKind, Target

# A stable version whose servers tell of hotpatching; apart from --arc-api-version, as Compute's is.
API_VERSION = "2025-01-13"


def with_servers(
    endpoint: str, subscription: Subscription, bulk: Bulk, vms: Pages[ComputeListing]
) -> Pages[ComputeListing]:
    """The listing of `vms` with the subscription's Arc servers; both have to be whole."""
    listing = yield from vms
    servers = yield from list_servers(endpoint, subscription, bulk)
    targets = [*listing.targets, *servers.targets]
    return replace(listing, targets=targets, error=listing.error or servers.error)


def list_servers(endpoint: str, subscription: Subscription, bulk: Bulk) -> Pages[ComputeListing]:
    """The Arc servers of `subscription`, with their states; see `read_list`."""
    url = (
        f"{endpoint}/subscriptions/{subscription.id}/providers/Microsoft.HybridCompute/machines"
        f"?api-version={API_VERSION}"
    )
    read = partial(_target_of, subscription=subscription)
    listed = yield from read_list(RequestKind.LIST_SERVERS, url, read, bulk, subscription_id=subscription.id)
    if not listed.entries:
        # A subscription that never had to do with Arc has no servers.
        is_empty = listed.error is not None and (listed.error.code or "").lower() == UNREGISTERED
        return ComputeListing(subscription, [], None if is_empty else listed.error)
    return _checked(subscription, listed.entries, listed.error)


def _checked(
    subscription: Subscription, entries: list[Target | str], error: InventoryError | None
) -> ComputeListing:
    targets: dict[str, Target] = {}
    for listed in entries:
        if isinstance(listed, str) or listed.key in targets:
            # Where pages repeat a server they may have left another out.
            doubt = (
                f"a listed Arc server has no resource id of this subscription: {listed}"
                if isinstance(listed, str)
                else f"the list of Arc servers has {listed.resource_id!r:.300} twice, and may lack another"
            )
            error = error or InventoryError(subscription.id, OwnCode.MALFORMED_REPLY, doubt, 200)
        else:
            targets[listed.key] = listed
    return ComputeListing(subscription, list(targets.values()), error)


def _target_of(server: Json, subscription: Subscription) -> Target | str:
    """The server, or what stands where its id should."""
    facts = facts_of_vm(server) | facts_of_server(server)
    try:
        target = target_of(facts, {subscription.key: subscription.name})
    except ValueError:
        target = None
    if target is None or not target.is_arc or target.subscription_id.lower() != subscription.key:
        return f"{text_at(server, 'id')!r:.300}"
    return target
