"""The VMs of many subscriptions from Resource Graph: cheap, and doubted at every turn.

A batch whose rows do not add up is a `GraphBroken`, never a smaller fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fleetscan.engine.replies import text_at, value_at
from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.graph_pages import GraphQuery, graph_pages
from fleetscan.inventory.machines import PATHS, VIEW_PATHS, target_of
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.pushed import VIEW
from fleetscan.inventory.servers import SERVER_PATHS
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import Json, RequestKind, Target

# How a refusal of the query itself is told.
REFUSED_QUERY = "(400 "
_COLUMNS = [f"{name} = {path}" for name, path in PATHS.items()]
_COLUMNS += [f"{name} = {VIEW}.{path}" for name, path in VIEW_PATHS.items()]
_MACHINES = "resources | where type =~ 'microsoft.compute/virtualmachines' "
_WITH_ARC = (
    "resources | where type in~ ('microsoft.compute/virtualmachines', 'microsoft.hybridcompute/machines') "
)
_ARC_COLUMNS = [f"{name} = {path}" for name, path in SERVER_PATHS.items()]
_SHOWN = f"| project id, location, tags, {', '.join(_COLUMNS)} | order by id asc"
_SHOWN_WITH_ARC = f"| project id, location, tags, {', '.join(_COLUMNS + _ARC_COLUMNS)} | order by id asc"
_COUNTED = "| summarize machines = count() by id = {} | order by id asc"
QUERY = _MACHINES + _SHOWN


@dataclass(frozen=True, slots=True)
class GraphListing:
    """The VMs of the batch that were asked for, each once, and its Arc servers where they were.

    `holding` are the lower-case ids of more subscriptions that hold VMs than those of the `targets`.
    """

    subscriptions: tuple[Subscription, ...]
    targets: list[Target]
    holding: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GraphBroken:
    """Graph could not be relied on for the batch; `why` completes "Resource Graph ..."."""

    subscriptions: tuple[Subscription, ...]
    why: str


def query_machines(
    endpoint: str,
    batch: tuple[Subscription, ...],
    bulk: Bulk | None = None,
    where: Sequence[str] = (),
    *,
    include_arc: bool = False,
    hand_on: Callable[[list[Target]], None] | None = None,
) -> Pages[GraphListing | GraphBroken]:
    """The VMs of `batch`, which is not empty, for which all clauses of `where` hold, and perhaps others.

    `bulk` counts what is kept of a fleet. Clauses that Graph refuses cost pages and nothing else. `hand_on`
    gets the VMs page by page, as `GraphQuery` says.
    """
    names, ids = {each.key: each.name for each in batch}, [each.id for each in batch]
    read_row = partial(_target_of, names=names, include_arc=include_arc)
    shown = _SHOWN_WITH_ARC if include_arc else _SHOWN
    text = _text(where, shown, include_arc=include_arc)
    query = GraphQuery(RequestKind.QUERY_GRAPH, text, "VMs", read_row, hand_on=hand_on)
    found = yield from graph_pages(endpoint, query, ids, bulk)
    if where and isinstance(found, str) and REFUSED_QUERY in found:
        return (yield from query_machines(endpoint, batch, bulk, include_arc=include_arc, hand_on=hand_on))
    if isinstance(found, str):
        return GraphBroken(batch, found)
    if not where:
        return GraphListing(batch, found)
    counts = yield from count_machines(endpoint, ids)
    # Without a count each subscription that shows no VM is silent, and asked of Compute.
    return GraphListing(batch, found, frozenset(() if isinstance(counts, str) else counts))


def count_machines(
    endpoint: str,
    subscription_ids: Sequence[str],
    where: Sequence[str] = (),
    *,
    include_arc: bool = False,
    by: str = "subscriptionId",
) -> Pages[dict[str, int] | str]:
    """How many VMs the subscriptions hold, by lower-case id, or a clause on why that is unknown.

    `by` is the column by which they are counted.
    """
    text = _text(where, _COUNTED.format(by), include_arc=include_arc)
    rows = "subscriptions" if by == "subscriptionId" else "resource groups"
    query = GraphQuery(RequestKind.QUERY_GRAPH, text, rows, _count_of)
    found = yield from graph_pages(endpoint, query, subscription_ids)
    return found if isinstance(found, str) else dict(found)


def _text(where: Sequence[str], end: str, *, include_arc: bool) -> str:
    return (_WITH_ARC if include_arc else _MACHINES) + "".join(f"| where {clause} " for clause in where) + end


def _count_of(row: Json, sent_at: datetime | None) -> tuple[str, int]:
    match text_at(row, "id"), value_at(row, "machines"):
        case str(subscription_id), int(machines):
            return subscription_id.lower(), machines
    raise ValueError("gave a count of VMs without their subscription or group")


def _target_of(
    row: Json, sent_at: datetime | None, *, names: Mapping[str, str | None], include_arc: bool
) -> Target:
    """The VM of `row`; ValueError with a clause where it is none of the subscriptions `names`."""
    try:
        target = target_of(row, names)
    except ValueError as error:
        raise ValueError(f"gave a row whose id is {error}") from error
    if target.is_arc and not include_arc:
        raise ValueError("gave an Arc server, which was not asked for")
    if target.subscription_id.lower() not in names:
        raise ValueError(f"gave a VM of subscription {target.subscription_id}, which was not asked for")
    return target
