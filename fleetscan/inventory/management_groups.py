"""Which subscriptions are below a management group, at any depth.

Facts: Microsoft's documents on `managementGroups/descendants`, whose entries are groups and subscriptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from fleetscan.engine.replies import text_at
from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.pages import Pages, read_list
from fleetscan.model import InventoryError, Json, RequestKind

API_VERSION = "2020-05-01"


@dataclass(frozen=True, slots=True)
class ManagementGroup:
    """A group by its id, and the lower-case ids of the `subscriptions` below it.

    Of a group that could not be read whole nothing is kept, and `error` says why.
    """

    id: str
    subscriptions: frozenset[str]
    error: InventoryError | None = None


def list_below(endpoint: str, group_id: str) -> Pages[ManagementGroup]:
    """The subscriptions below the group with this id."""
    url = (
        f"{endpoint}/providers/Microsoft.Management/managementGroups/{quote(group_id, safe='')}/descendants"
        f"?api-version={API_VERSION}"
    )
    listed = yield from read_list(RequestKind.LIST_SUBSCRIPTIONS, url, _subscription_of, Bulk())
    if (error := listed.error) is not None:
        said = " ".join(str(part) for part in (error.http_status, error.code, error.message) if part)
        why = f"management group {group_id} cannot be read ({said})"
        return ManagementGroup(
            group_id, frozenset(), InventoryError(None, error.code, why, error.http_status)
        )
    return ManagementGroup(group_id, frozenset(found for found in listed.entries if found is not None))


def _subscription_of(entry: Json) -> str | None:
    """The id of a subscription, in lower case; None for what else is below the group."""
    match (text_at(entry, "id") or "").lower().split("/"):
        case ["", "subscriptions", subscription_id]:
            return subscription_id
    return None
