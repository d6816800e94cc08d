"""Which VMs have a patch operation running, by Resource Graph: an assessment might end an installation.

Facts: a newer operation of the guest's extension stops an older one; installations are kept in
`patchinstallationresources` for 30 days.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan.addresses import parse_vm_id
from fleetscan.engine.latest_assessment import ASSESSMENTS
from fleetscan.engine.replies import text_at
from fleetscan.inventory.graph_pages import GraphQuery, batches, graph_pages
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, RequestKind

INSTALLATIONS = "microsoft.compute/virtualmachines/patchinstallationresults"
QUERY = (
    "patchinstallationresources | union patchassessmentresources "
    f"| where type in~ ('{INSTALLATIONS}', '{ASSESSMENTS}') and properties.status =~ 'InProgress' "
    "| project id | order by id asc"
)
# Operations begin and end while the pages are read, so that honest pages may not add up; nothing else could
# be asked instead.
ATTEMPTS = 4
# What a row's id has between the VM's own and the operation's name.
KINDS = frozenset(type_.rpartition("/")[2] for type_ in (INSTALLATIONS, ASSESSMENTS))


def query_busy(endpoint: str, subscription_ids: Sequence[str]) -> Pages[frozenset[str] | str]:
    """The keys of the busy VMs in these subscriptions; a clause on why that is unknown otherwise."""
    query = GraphQuery(RequestKind.QUERY_PATCHES, QUERY, "patch operations", _machine_of, ATTEMPTS)
    busy: set[str] = set()
    for batch in batches(subscription_ids):
        found = yield from graph_pages(endpoint, query, batch)
        if isinstance(found, str):
            return found
        busy.update(found)
    return frozenset(busy)


def _machine_of(row: Json) -> str:
    """The key of the VM that `row` is about; ValueError with a clause where it is about none."""
    match (text_at(row, "id") or "").lower().rsplit("/", 2):
        case [machine, kind, name] if kind in KINDS and name:
            try:
                parse_vm_id(machine)
            except ValueError as error:
                raise ValueError(f"gave a patch operation whose VM's id is {error}") from error
            return machine
    raise ValueError("gave a row whose id is not a patch operation's")
