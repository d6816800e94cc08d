"""Which VMs have a patch operation running, by Resource Graph: an assessment might end an installation.

Another client's assessment is as good as ours, so that the two kinds are told apart.

Facts: a newer operation of the guest's extension stops an older one; installations are kept in
`patchinstallationresources` for 30 days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
INSTALLATION, ASSESSMENT = (type_.rpartition("/")[2] for type_ in (INSTALLATIONS, ASSESSMENTS))


@dataclass(frozen=True, slots=True)
class Busy:
    """The keys of the VMs on which patches are being installed, and of the others that are being assessed."""

    installing: frozenset[str] = field(default_factory=frozenset)
    assessing: frozenset[str] = field(default_factory=frozenset)


def query_busy(endpoint: str, subscription_ids: Sequence[str]) -> Pages[Busy | str]:
    """The busy VMs in these subscriptions; a clause on why that is unknown otherwise."""
    query = GraphQuery(RequestKind.QUERY_PATCHES, QUERY, "patch operations", _machine_of, ATTEMPTS)
    busy: set[tuple[str, str]] = set()
    for batch in batches(subscription_ids):
        found = yield from graph_pages(endpoint, query, batch)
        if isinstance(found, str):
            return found
        busy.update(found)
    installing = frozenset(machine for machine, kind in busy if kind == INSTALLATION)
    return Busy(installing, frozenset(machine for machine, _ in busy) - installing)


def _machine_of(row: Json) -> tuple[str, str]:
    """The key of the VM that `row` is about and the kind of operation; ValueError where it is about none."""
    match (text_at(row, "id") or "").lower().rsplit("/", 2):
        case [machine, kind, name] if kind in (INSTALLATION, ASSESSMENT) and name:
            try:
                parse_vm_id(machine)
            except ValueError as error:
                raise ValueError(f"gave a patch operation whose VM's id is {error}") from error
            return machine, kind
    raise ValueError("gave a row whose id is not a patch operation's")
