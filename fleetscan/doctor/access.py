"""What the identity may do in a subscription, as ARM's permissions call tells it: a read, nothing is started.

Facts: Microsoft's documents of `Microsoft.Authorization/permissions` and of resource providers. The call
at a subscription tells the roles that hold on all of it, not those on its resource groups. What it lists
permits an action even where the list is cut short; only a whole list shows that an action is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleetscan.doctor.actions import Duty, PermissionSet, permits
from fleetscan.engine.replies import parse_object, text_at, value_at
from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.pages import PagedList, Pages, read_list
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import InventoryError, Json, ListRequest, Request, RequestKind

API_VERSION = "2022-04-01"
PROVIDERS_API_VERSION = "2021-04-01"


@dataclass(frozen=True, slots=True)
class Access:
    """What is permitted on a whole subscription, by the duties that matter; None where that is not known.

    `missing` are the actions that no role there has. `is_registered` says whether the subscription is
    registered for Microsoft.Compute, None where that is not told.
    """

    subscription: Subscription
    permitted: Mapping[Duty, bool | None]
    missing: tuple[str, ...] = ()
    is_registered: bool | None = None
    error: InventoryError | None = None


def read_access(
    endpoint: str, subscription: Subscription, wanted: Sequence[Mapping[Duty, str]]
) -> Pages[Access]:
    """What of the `wanted` actions is permitted on a subscription."""
    scope = f"/subscriptions/{subscription.id}"
    listed = yield from read_sets(endpoint, scope, subscription.id)
    url = f"{endpoint}{scope}/providers/Microsoft.Compute?api-version={PROVIDERS_API_VERSION}"
    request = Request("GET", url)
    reply = yield ListRequest(RequestKind.READ_ACCESS, request, subscription.id)
    state = text_at(parse_object(reply.body), "registrationState") if reply.status == 200 else None
    missing = [
        (duty, action)
        for actions in wanted
        for duty, action in actions.items()
        if not permits(listed.entries, action)
    ]
    without = {duty for duty, _ in missing}
    unknown = None if listed.error else False
    return Access(
        subscription,
        {duty: unknown if duty in without else True for duty in Duty if any(duty in each for each in wanted)},
        () if listed.error else tuple(action for _, action in missing),
        None if state is None else state.lower() == "registered",
        listed.error,
    )


def read_sets(endpoint: str, scope: str, subscription_id: str) -> Pages[PagedList[PermissionSet]]:
    """The permissions of the roles that hold on all of `scope`, a subscription or a resource group."""
    url = f"{endpoint}{scope}/providers/Microsoft.Authorization/permissions?api-version={API_VERSION}"
    return read_list(RequestKind.READ_ACCESS, url, _set_of, Bulk(), subscription_id=subscription_id)


def _set_of(entry: Json) -> PermissionSet:
    if not isinstance(entry, dict):
        raise ValueError("a set of permissions is no object")
    return PermissionSet(_texts(entry, "actions"), _texts(entry, "notActions"))


def _texts(entry: Json, name: str) -> tuple[str, ...]:
    """A list of texts; ValueError for anything else, because a part of it could permit too much."""
    match value_at(entry, name):
        case None:
            return ()
        case list(texts):
            if all(isinstance(text, str) for text in texts):
                return tuple(text for text in texts if isinstance(text, str))
    raise ValueError(f"{name} of a set of permissions is no list of texts")
