"""The VMs of one subscription from Compute's own lists: strong, but each page costs a scarce token.

Two lists are joined: the VMs, which come without a power state, and their states alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from fleetscan.engine.replies import text_at
from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.machines import facts_of_vm, target_of, view_of, with_view
from fleetscan.inventory.pages import PagedList, Pages, read_list
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import InventoryError, Json, OwnCode, RequestKind, Target

# The version of the recorded list that has patchSettings. It is apart from --api-version: an assessment's
# version may be set back to what a region knows, and older lists lack assessmentMode (2021-07-01).
API_VERSION = "2024-07-01"
UNREGISTERED = "missingsubscriptionregistration"
# The first start waits for these subscriptions, which are mostly empty: a longer throttle is an error.
SILENCE_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class ComputeListing:
    """One subscription's VMs, or its Arc servers, too.

    `error` says why some may be missing, `note` what else to know. `was_silent` marks a subscription of which
    Resource Graph showed nothing.
    """

    subscription: Subscription
    targets: list[Target]
    error: InventoryError | None = None
    note: str | None = None
    was_silent: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether Compute shows VMs where Resource Graph was silent."""
        return self.was_silent and any(not target.is_arc for target in self.targets)


def list_machines(
    endpoint: str, subscription: Subscription, bulk: Bulk | None = None, patience_s: float | None = None
) -> Pages[ComputeListing]:
    """The VMs of `subscription`, with power states where those could be listed too; see `read_list`.

    `bulk` counts what is kept of a fleet.
    """
    url = (
        f"{endpoint}/subscriptions/{subscription.id}/providers/Microsoft.Compute/virtualMachines"
        f"?api-version={API_VERSION}"
    )
    kind, bulk = RequestKind.LIST_VMS, bulk or Bulk()
    read_vm = partial(_target_of, subscription=subscription)
    models = yield from read_list(
        kind, url, read_vm, bulk, subscription_id=subscription.id, patience_s=patience_s
    )
    if not models.entries:
        # A subscription that never had to do with Compute has no VMs.
        is_empty = models.error is not None and (models.error.code or "").lower() == UNREGISTERED
        return ComputeListing(subscription, [], None if is_empty else models.error)
    states = yield from read_list(
        kind, f"{url}&statusOnly=true", _state_of, bulk, subscription_id=subscription.id
    )
    return _joined(subscription, models, states)


def list_silent(endpoint: str, subscription: Subscription, bulk: Bulk | None = None) -> Pages[ComputeListing]:
    """`list_machines` of a subscription of which Resource Graph shows nothing: mostly one page, and empty."""
    listing = yield from list_machines(endpoint, subscription, bulk, SILENCE_PATIENCE_S)
    return replace(listing, was_silent=True)


def _joined(
    subscription: Subscription,
    models: PagedList[Target | str],
    states: PagedList[tuple[str, dict[str, Json]]],
) -> ComputeListing:
    views = dict(states.entries)
    targets: dict[str, Target] = {}
    error = models.error
    for listed in models.entries:
        if isinstance(listed, str):
            why = f"a listed VM has no resource id of this subscription: {listed}"
            error = error or InventoryError(subscription.id, OwnCode.MALFORMED_REPLY, why, 200)
        elif listed.key in targets:
            # Where pages repeat a VM they may have left another out.
            why = f"the list has {listed.resource_id!r:.300} twice, and may lack another VM"
            error = error or InventoryError(subscription.id, OwnCode.MALFORMED_REPLY, why, 200)
        else:
            targets[listed.key] = with_view(listed, views.get(listed.key))
    note = None
    if states.error is not None:
        note = (
            f"power states in subscription {subscription.id} could not all be listed "
            f"({states.error.code or states.error.http_status}): VMs of unknown state are tried"
        )
    return ComputeListing(subscription, list(targets.values()), error, note)


def _target_of(vm: Json, subscription: Subscription) -> Target | str:
    """The VM, or what stands where its id should."""
    try:
        target = target_of(facts_of_vm(vm), {subscription.key: subscription.name})
    except ValueError:
        target = None
    if target is None or target.is_arc or target.subscription_id.lower() != subscription.key:
        return f"{text_at(vm, 'id')!r:.300}"
    return target


def _state_of(status: Json) -> tuple[str, dict[str, Json]]:
    """A VM's key and what its instance view tells."""
    return (text_at(status, "id") or "").lower(), view_of(status)
