"""The VMs of one subscription from Compute's own lists: strong, but each page costs a scarce token.

Two lists are joined: the VMs, which come without a power state, and their states alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleetscan.engine.replies import text_at
from fleetscan.inventory.machines import facts_of_vm, target_of
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
    """One subscription's VMs; `error` says why some may be missing, `note` what else to know.

    `was_silent` marks a subscription of which Resource Graph showed nothing.
    """

    subscription: Subscription
    targets: list[Target]
    error: InventoryError | None = None
    note: str | None = None
    was_silent: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether Compute shows VMs where Resource Graph was silent."""
        return self.was_silent and bool(self.targets)


def list_machines(
    endpoint: str, subscription: Subscription, patience_s: float | None = None
) -> Pages[ComputeListing]:
    """The VMs of `subscription`, with power states where those could be listed too; see `read_list`."""
    url = (
        f"{endpoint}/subscriptions/{subscription.id}/providers/Microsoft.Compute/virtualMachines"
        f"?api-version={API_VERSION}"
    )
    models = yield from read_list(RequestKind.LIST_VMS, url, subscription.id, patience_s)
    if not models.entries:
        # A subscription that never had to do with Compute has no VMs.
        is_empty = models.error is not None and (models.error.code or "").lower() == UNREGISTERED
        return ComputeListing(subscription, [], None if is_empty else models.error)
    states = yield from read_list(RequestKind.LIST_VMS, f"{url}&statusOnly=true", subscription.id)
    return _joined(subscription, models, states)


def list_silent(endpoint: str, subscription: Subscription) -> Pages[ComputeListing]:
    """`list_machines` of a subscription of which Resource Graph shows nothing: mostly one page, and empty."""
    listing = yield from list_machines(endpoint, subscription, SILENCE_PATIENCE_S)
    return replace(listing, was_silent=True)


def _joined(subscription: Subscription, models: PagedList, states: PagedList) -> ComputeListing:
    by_id = {(text_at(state, "id") or "").lower(): state for state in states.entries}
    targets: list[Target] = []
    seen: set[str] = set()
    error = models.error
    for vm in models.entries:
        target = _target_of(vm, by_id, subscription)
        if target is None:
            why = f"a listed VM has no resource id of this subscription: {text_at(vm, 'id')!r:.300}"
            error = error or InventoryError(subscription.id, OwnCode.MALFORMED_REPLY, why, 200)
        elif target.key in seen:
            # Where pages repeat a VM they may have left another out.
            why = f"the list has {target.resource_id!r:.300} twice, and may lack another VM"
            error = error or InventoryError(subscription.id, OwnCode.MALFORMED_REPLY, why, 200)
        else:
            seen.add(target.key)
            targets.append(target)
    note = None
    if states.error is not None:
        note = (
            f"power states in subscription {subscription.id} could not all be listed "
            f"({states.error.code or states.error.http_status}): VMs of unknown state are tried"
        )
    return ComputeListing(subscription, targets, error, note)


def _target_of(vm: Json, states: Mapping[str, Json], subscription: Subscription) -> Target | None:
    state = states.get((text_at(vm, "id") or "").lower())
    try:
        target = target_of(facts_of_vm(vm, state), {subscription.key: subscription.name})
    except ValueError:
        return None
    return target if target.subscription_id.lower() == subscription.key else None
