"""The VMs of many subscriptions from Resource Graph: cheap, and doubted at every turn.

A batch whose rows do not add up is a `GraphBroken`, never a smaller fleet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.graph_pages import GraphQuery, graph_pages
from fleetscan.inventory.machines import PATHS, VIEW_PATHS, target_of
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import Json, RequestKind, Target

VIEW = "properties.extended.instanceView"

_COLUMNS = [f"{name} = {path}" for name, path in PATHS.items()]
_COLUMNS += [f"{name} = {VIEW}.{path}" for name, path in VIEW_PATHS.items()]
QUERY = (
    "resources | where type =~ 'microsoft.compute/virtualmachines' "
    f"| project id, location, tags, {', '.join(_COLUMNS)} | order by id asc"
)


@dataclass(frozen=True, slots=True)
class GraphListing:
    """Every VM of the batch, each once."""

    subscriptions: tuple[Subscription, ...]
    targets: list[Target]


@dataclass(frozen=True, slots=True)
class GraphBroken:
    """Graph could not be relied on for the batch; `why` completes "Resource Graph ..."."""

    subscriptions: tuple[Subscription, ...]
    why: str


def query_machines(
    endpoint: str, batch: tuple[Subscription, ...], bulk: Bulk | None = None
) -> Pages[GraphListing | GraphBroken]:
    """Every VM of `batch`, which is not empty; `bulk` counts what is kept of a fleet."""
    names = {subscription.key: subscription.name for subscription in batch}
    query = GraphQuery(RequestKind.QUERY_GRAPH, QUERY, "VMs", partial(_target_of, names=names))
    found = yield from graph_pages(endpoint, query, [subscription.id for subscription in batch], bulk)
    return GraphBroken(batch, found) if isinstance(found, str) else GraphListing(batch, found)


def _target_of(row: Json, sent_at: datetime | None, *, names: Mapping[str, str | None]) -> Target:
    """The VM of `row`; ValueError with a clause where it is none of the subscriptions `names`."""
    try:
        target = target_of(row, names)
    except ValueError as error:
        raise ValueError(f"gave a row whose id is {error}") from error
    if target.subscription_id.lower() not in names:
        raise ValueError(f"gave a VM of subscription {target.subscription_id}, which was not asked for")
    return target
