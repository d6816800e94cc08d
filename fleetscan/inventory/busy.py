"""Which VMs have a patch operation running, by Resource Graph: an assessment might end an installation.

Another client's assessment is as good as ours, so that the two kinds are told apart.

Facts: a newer operation of the guest's extension stops an older one; installations are kept in
`patchinstallationresources` for 30 days, and one whose agent died says InProgress as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fleetscan.addresses import parse_vm_id
from fleetscan.engine.latest_assessment import ARC_ASSESSMENTS, ASSESSMENTS
from fleetscan.engine.replies import text_at
from fleetscan.engine.stale import is_stale
from fleetscan.inventory.graph_pages import GraphQuery, batches, graph_pages
from fleetscan.inventory.pages import Pages
from fleetscan.model import Json, RequestKind

INSTALLATIONS = "microsoft.compute/virtualmachines/patchinstallationresults"
ARC_INSTALLATIONS = "microsoft.hybridcompute/machines/patchinstallationresults"


def _text(*types: str) -> str:
    listed = ", ".join(f"'{each}'" for each in types)
    return (
        "patchinstallationresources | union patchassessmentresources "
        f"| where type in~ ({listed}) and properties.status =~ 'InProgress' "
        "| project id, startDateTime = properties.startDateTime, "
        "lastModifiedDateTime = properties.lastModifiedDateTime | order by id asc"
    )


QUERY = _text(INSTALLATIONS, ASSESSMENTS)
WITH_ARC = _text(INSTALLATIONS, ASSESSMENTS, ARC_INSTALLATIONS, ARC_ASSESSMENTS)
# Operations begin and end while the pages are read, so that honest pages may not add up; nothing else could
# be asked instead.
ATTEMPTS = 4
# What a row's id has between the VM's own and the operation's name.
INSTALLATION, ASSESSMENT = (type_.rpartition("/")[2] for type_ in (INSTALLATIONS, ASSESSMENTS))


@dataclass(frozen=True, slots=True)
class Busy:
    """VMs by their keys: patches are being installed on `installing`; `assessing` are others assessed now.

    On the `stale` a patch operation says that it runs, and began too long ago to do so.
    """

    installing: frozenset[str] = frozenset()
    assessing: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()

    def joined(self, other: Busy) -> Busy:
        """What is known of these VMs and of `other` ones."""
        return Busy(
            self.installing | other.installing, self.assessing | other.assessing, self.stale | other.stale
        )


@dataclass(frozen=True, slots=True)
class Window:
    """An operation that began `max_age_s` before now is not running. Now is the reply's Date, else `now`."""

    max_age_s: float
    now: datetime


@dataclass(frozen=True, slots=True)
class _Running:
    """One operation that says InProgress, by its VM's key."""

    machine: str
    kind: str
    is_stale: bool


def query_busy(
    endpoint: str, subscription_ids: Sequence[str], window: Window, *, include_arc: bool = False
) -> Pages[Busy | str]:
    """The busy VMs in these subscriptions; a clause on why that is unknown otherwise."""
    read_row, text = partial(_running, window=window), WITH_ARC if include_arc else QUERY
    query = GraphQuery(RequestKind.QUERY_PATCHES, text, "patch operations", read_row, ATTEMPTS)
    running: list[_Running] = []
    for batch in batches(subscription_ids):
        found = yield from graph_pages(endpoint, query, batch)
        if isinstance(found, str):
            return found
        running.extend(found)
    return _sorted_out(running)


def _sorted_out(running: Iterable[_Running]) -> Busy:
    """Each VM in one place: an installation counts before an assessment, what runs before what is stale."""
    told = {(each.machine, "stale" if each.is_stale else each.kind) for each in running}
    installing, assessing, stale = (
        frozenset(machine for machine, kind in told if kind == wanted)
        for wanted in (INSTALLATION, ASSESSMENT, "stale")
    )
    return Busy(installing, assessing - installing, stale - installing - assessing)


def _running(row: Json, sent_at: datetime | None, *, window: Window) -> _Running:
    """The operation of `row`. Without a usable time of its own it may be running: nothing is ended for it."""
    times = (text_at(row, "startDateTime"), text_at(row, "lastModifiedDateTime"))
    return _Running(*_machine_of(row), is_stale(times, sent_at or window.now, window.max_age_s))


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
