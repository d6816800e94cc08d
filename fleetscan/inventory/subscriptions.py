"""Which subscriptions the identity can see, and in what state they are."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.engine.replies import text_at
from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.pages import Pages, read_list
from fleetscan.model import InventoryError, Json, OwnCode, RequestKind

# The newest stable version; the fields read here are in all versions since 2016.
API_VERSION = "2022-12-01"
# A subscription whose bill is overdue still works. A Warned one refuses writes, as a Disabled one does.
WORKING = frozenset({"enabled", "pastdue"})


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription the identity can see. `state` is Azure's word (Enabled, Disabled, PastDue, ...)."""

    id: str
    name: str | None = None
    state: str | None = None
    tenant_id: str | None = None

    @property
    def key(self) -> str:
        """The id by which subscriptions are compared."""
        return self.id.lower()

    @property
    def is_working(self) -> bool:
        """Whether its VMs can be assessed; a state that is not told counts as enabled."""
        return (self.state or "Enabled").lower() in WORKING


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The subscriptions that were seen, each once; `error` says why others may be missing."""

    seen: tuple[Subscription, ...]
    error: InventoryError | None = None


def list_subscriptions(endpoint: str, bulk: Bulk | None = None) -> Pages[Subscriptions]:
    """Every subscription the identity can see; `bulk` counts what is kept of a fleet."""
    url = f"{endpoint}/subscriptions?api-version={API_VERSION}"
    listed = yield from read_list(RequestKind.LIST_SUBSCRIPTIONS, url, _subscription_of, bulk or Bulk())
    seen: dict[str, Subscription] = {}
    error = listed.error
    for subscription in listed.entries:
        if subscription is None:
            error = error or InventoryError(
                None, OwnCode.MALFORMED_REPLY, "a listed subscription has no id", 200
            )
        else:
            seen.setdefault(subscription.key, subscription)
    return Subscriptions(tuple(seen.values()), error)


def _subscription_of(entry: Json) -> Subscription | None:
    found = text_at(entry, "subscriptionId")
    # The id becomes part of a URL's path.
    if found is None or not found.isascii() or not found.replace("-", "").isalnum():
        return None
    return Subscription(
        found, text_at(entry, "displayName"), text_at(entry, "state"), text_at(entry, "tenantId")
    )
