"""How many VMs are in scale sets of uniform mode: they are listed nowhere, and Azure cannot assess them.

Those of flexible mode are ordinary VMs. Resource Graph alone tells, in a query beside the listing. Of the
selection those rules hold that ask what a set knows as well as its VMs do: where it is, its tags, its
operating system, and its name. A power state or a patch mode is one VM's, and is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fleetscan.engine.replies import text_at, value_at
from fleetscan.inventory.graph_pages import GraphQuery, graph_pages
from fleetscan.inventory.machines import location_of, os_type_of, tags_of
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.rules import Rule
from fleetscan.model import Json, RequestKind, Target

# A set from before there were modes tells none, and is uniform.
QUERY = (
    "resources | where type =~ 'microsoft.compute/virtualmachinescalesets' "
    "and tostring(properties.orchestrationMode) !~ 'Flexible' "
    "| project id, location, tags, capacity = sku.capacity, "
    "osType = properties.virtualMachineProfile.storageProfile.osDisk.osType | order by id asc"
)
ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.Compute/virtualMachineScaleSets/([^/]+)",
    re.IGNORECASE,
)
# Graph's quota is full again after 5 s; starts do not wait longer for a number.
PATIENCE_S = 10.0
KNOWN_OF_SETS = frozenset({"resource_group", "location", "os", "tag", "name"})


@dataclass(frozen=True, slots=True)
class UniformSets:
    """The uniform sets of a batch of subscriptions, each as a target with its number of VMs."""

    sets: tuple[tuple[Target, int], ...]


@dataclass(frozen=True, slots=True)
class UniformUntold:
    """Graph did not tell; `why` completes "Resource Graph ..."."""

    why: str


def query_uniform(endpoint: str, subscription_ids: Sequence[str]) -> Pages[UniformSets | UniformUntold]:
    """The scale sets in uniform mode of these subscriptions."""
    query = GraphQuery(RequestKind.QUERY_GRAPH, QUERY, "scale sets", _set_of, patience_s=PATIENCE_S)
    found = yield from graph_pages(endpoint, query, subscription_ids)
    return UniformUntold(found) if isinstance(found, str) else UniformSets(tuple(found))


def uniform_vms(answers: Iterable[UniformSets | UniformUntold], rules: Iterable[Rule]) -> int | None:
    """How many VMs the sets have that the `rules` select; None where Graph did not tell of all."""
    asked, vms = [rule for rule in rules if rule.kind in KNOWN_OF_SETS], 0
    for answer in answers:
        if isinstance(answer, UniformUntold):
            return None
        vms += sum(count for target, count in answer.sets if all(rule.passes(target) for rule in asked))
    return vms


def _set_of(row: Json, sent_at: datetime | None) -> tuple[Target, int]:
    resource_id, count = text_at(row, "id") or "", value_at(row, "capacity")
    parts = ID.fullmatch(resource_id)
    if parts is None:
        raise ValueError("gave a row whose id is no scale set's")
    if type(count) is not int or count < 0:
        raise ValueError("gave a scale set without a number of VMs")
    subscription_id, group, name = parts.groups()
    target = Target(
        resource_id,
        subscription_id,
        group,
        name,
        location=location_of(text_at(row, "location")),
        os_type=os_type_of(text_at(row, "osType")),
        tags=tags_of(value_at(row, "tags")),
    )
    return target, count
