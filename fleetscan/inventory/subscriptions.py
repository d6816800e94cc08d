"""Which subscriptions there are, and which of them are to be listed: those that work, or those named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fleetscan.engine.replies import text_at
from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.pages import Pages, read_list
from fleetscan.model import InventoryError, Json, OwnCode, RequestKind

# The newest stable version; the fields read here are in all versions since 2016.
API_VERSION = "2022-12-01"
# A subscription whose bill is overdue still works. A Warned one refuses writes, as a Disabled one does.
WORKING = frozenset({"enabled", "pastdue"})
NOT_FOUND = "SubscriptionNotFound"


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


@dataclass(frozen=True, slots=True)
class Choice:
    """The subscriptions to list, and the visible ones passed over because of their state.

    `unseen` were named while the list of subscriptions was in doubt: only Compute says whether they exist,
    because Resource Graph finds nothing in a subscription that does not exist.
    """

    chosen: tuple[Subscription, ...]
    unseen: tuple[Subscription, ...] = ()
    not_enabled: tuple[Subscription, ...] = ()
    errors: tuple[InventoryError, ...] = ()
    notes: tuple[str, ...] = ()


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


def choose(subscriptions: Subscriptions, named: Sequence[str]) -> Choice:
    """The subscriptions to list: all that work, or those `named`, whatever their state.

    A named one that is not visible becomes an error; while the list itself is in doubt it is tried.
    """
    if not named:
        errors = () if subscriptions.error is None else (subscriptions.error,)
        working = tuple(seen for seen in subscriptions.seen if seen.is_working)
        passed_over = tuple(seen for seen in subscriptions.seen if not seen.is_working)
        return Choice(working, not_enabled=passed_over, errors=errors)
    by_key = {seen.key: seen for seen in subscriptions.seen}
    wanted = {name.lower(): name for name in named}
    chosen = tuple(by_key[key] for key in wanted if key in by_key)
    missing = [name for key, name in wanted.items() if key not in by_key]
    if (doubt := subscriptions.error) is None or not missing:
        return Choice(chosen, errors=tuple(map(_not_found, missing)))
    why = doubt.code or doubt.http_status
    note = f"the subscriptions could not all be listed ({why}): those named are tried anyway"
    return Choice(chosen, unseen=tuple(map(Subscription, missing)), notes=(note,))


def _not_found(named: str) -> InventoryError:
    why = "this subscription is not among those the identity can see; check the id and the access to it"
    return InventoryError(named, NOT_FOUND, why, None)
