"""Which maintenance configurations for guest patches are attached to VMs, by Resource Graph.

A configuration for hosts or images is no patch schedule. One that a dynamic scope attaches names no VM.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from sys import intern

from fleetscan.engine.replies import text_at
from fleetscan.inventory.choice import is_id
from fleetscan.inventory.graph_pages import GraphQuery, batches, graph_pages
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, RequestKind

ASSIGNMENTS = (
    "maintenanceresources | where type =~ 'microsoft.maintenance/configurationassignments' "
    "| project id, resourceId = properties.resourceId, "
    "configurationId = properties.maintenanceConfigurationId | order by id asc"
)
CONFIGURATIONS = (
    "resources | where type =~ 'microsoft.maintenance/maintenanceconfigurations' "
    "| project id, maintenanceScope = properties.maintenanceScope | order by id asc"
)
FOR_PATCHES = "inguestpatch"
PROVIDERS = "/providers/"
EXTENSION = "/providers/microsoft.maintenance/"


@dataclass(frozen=True, slots=True)
class Assignment:
    """The ids of the configurations attached to a VM; whether one is surely for patches."""

    configurations: str
    is_for_patches: bool


def assignment_of(row: Json, sent_at: datetime | None) -> tuple[str | None, str]:
    """The key of the VM, None where a dynamic scope picks VMs, and the configuration's id."""
    row_id = text_at(row, "id")
    if not row_id:
        raise ValueError("gave a row without an id")
    below = (text_at(row, "resourceId") or row_id.lower().partition(EXTENSION)[0]).lower()
    # "/subscriptions/s" and "/subscriptions/s/resourcegroups/g" are scopes, whose rules pick the VMs.
    return below if PROVIDERS in below else None, intern(text_at(row, "configurationId") or "")


def query_scopes(
    endpoint: str, configurations: Iterable[str], scopes: MutableMapping[str, str | None]
) -> Pages[None]:
    """Add to `scopes` those of the `configurations` that it lacks; None for what Graph does not tell."""
    lacking = {each.lower() for each in configurations} - scopes.keys()
    subscription_ids = sorted(
        {parts[2] for each in lacking if len(parts := each.split("/")) > 2 and is_id(parts[2])}
    )
    query = GraphQuery(RequestKind.QUERY_PATCHES, CONFIGURATIONS, "maintenance configurations", _scope_of)
    for batch in batches(subscription_ids):
        found = yield from graph_pages(endpoint, query, batch)
        scopes.update({} if isinstance(found, str) else found)
    for each in lacking - scopes.keys():
        scopes[each] = None


def attached_to(
    assignments: Sequence[tuple[str | None, str]], scopes: Mapping[str, str | None]
) -> dict[str, Assignment]:
    """The configurations of each VM by its key, without those that are surely not for guest patches."""
    by_machine: dict[str, set[str]] = {}
    for key, configuration in assignments:
        scope = scopes.get(configuration.lower())
        if key is not None and (scope is None or scope.lower() == FOR_PATCHES):
            by_machine.setdefault(key, set()).add(configuration)
    return {
        key: Assignment(
            intern(", ".join(sorted(attached))),
            any((scopes.get(each.lower()) or "").lower() == FOR_PATCHES for each in attached),
        )
        for key, attached in by_machine.items()
    }


def _scope_of(row: Json, sent_at: datetime | None) -> tuple[str, str | None]:
    return (text_at(row, "id") or "").lower(), text_at(row, "maintenanceScope")
