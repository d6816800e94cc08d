"""What Resource Graph knows of VMs besides their assessments, table by table, joined by the VMs' ids.

Graph shows nothing, without an error, of what one may not read: of a VM that it does not show itself nothing
is concluded from the other tables. Facts: Microsoft's documents on Update Manager's logs, which keep
assessments for 7 days and installations for 30; Azure/azure-policy#1209 on schedules without effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import TypeVar

from fleetscan.engine.latest_assessment import ASSESSMENTS as ASSESSMENT_TYPE
from fleetscan.engine.replies import text_at, value_at
from fleetscan.inventory.busy import INSTALLATIONS as INSTALLATION_TYPE
from fleetscan.inventory.graph_pages import BATCH_SUBSCRIPTIONS, GraphQuery, graph_pages
from fleetscan.inventory.last_installation import Installation, Newest
from fleetscan.inventory.machines import PATHS, VIEW_PATHS, image_of
from fleetscan.inventory.maintenance import (
    ASSIGNMENTS,
    Assignment,
    assignment_of,
    attached_to,
    query_scopes,
)
from fleetscan.inventory.os_support import support_ends_on
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.pushed import VIEW
from fleetscan.model import Json, RequestKind
from fleetscan.records.known_facts import (
    ASSESSMENTS,
    INSTALLATIONS,
    MACHINES,
    MAINTENANCE,
    Known,
    KnownFacts,
    known_of,
)

T = TypeVar("T")

TABLES = (MACHINES, ASSESSMENTS, INSTALLATIONS, MAINTENANCE)

# VMs of one batch at most where there are several subscriptions: some ten thousand rows of installations.
BATCH_MACHINES = 5000
# Assessments and installations end while the pages are read.
ATTEMPTS = 4
BY_PLATFORM = "automaticbyplatform"
_COLUMNS = [f"{name} = {path}" for name, path in PATHS.items() if name != "osType"]
_COLUMNS += [f"{name} = {VIEW}.{path}" for name, path in VIEW_PATHS.items() if name != "powerState"]
MACHINES_QUERY = (
    "resources | where type =~ 'microsoft.compute/virtualmachines' "
    f"| project id, {', '.join(_COLUMNS)} | order by id asc"
)
ASSESSMENTS_QUERY = (
    f"patchassessmentresources | where type in~ ('{ASSESSMENT_TYPE}') "
    "| project id, patchServiceUsed = properties.patchServiceUsed | order by id asc"
)
_INSTALLED = (
    "status",
    "startDateTime",
    "lastModifiedDateTime",
    "failedPatchCount",
    "pendingPatchCount",
    "maintenanceWindowExceeded",
    "rebootStatus",
)
INSTALLATIONS_QUERY = (
    f"patchinstallationresources | where type in~ ('{INSTALLATION_TYPE}') "
    f"| project id, {', '.join(f'{name} = properties.{name}' for name in _INSTALLED)} | order by id asc"
)


@dataclass(frozen=True, slots=True)
class _Machine:
    """What the VM's own object tells."""

    patch_mode: str | None
    bypasses_checks: bool | None
    assessment_mode: str | None
    support_ends_on: date | None


@dataclass(slots=True)
class KnownOfBatch:
    """What is known of a batch's VMs by their keys, and why a table could not be read.

    `dynamic` schedules pick their VMs by rules of their own, so that it is not known whose they are.
    """

    by_machine: dict[str, Known] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    dynamic: int = 0


def batches_of(machines: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """Subscriptions a few at a time, by how many VMs each has, so that what a batch tells is bounded."""
    batch: list[str] = []
    size = 0
    for subscription_id, number in machines.items():
        if batch and (size + number > BATCH_MACHINES or len(batch) == BATCH_SUBSCRIPTIONS):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(subscription_id)
        size += number
    if batch:
        yield tuple(batch)


def query_known(
    endpoint: str, batch: Sequence[str], now: datetime, scopes: MutableMapping[str, str | None]
) -> Pages[KnownOfBatch]:
    """What Resource Graph knows of the VMs in the subscriptions of `batch`, which is not empty.

    `scopes` are those of maintenance configurations that were read before, by the configurations' lower-case
    ids; what is read is added.
    """
    told = KnownOfBatch()
    machines = yield from _read(told, MACHINES, endpoint, batch, MACHINES_QUERY, _machine_of)
    if machines is None:
        return told
    services = yield from _read(told, ASSESSMENTS, endpoint, batch, ASSESSMENTS_QUERY, _service_of)
    newest = Newest(now)
    read_row = partial(_take_installation, newest=newest)
    installed = yield from _read(told, INSTALLATIONS, endpoint, batch, INSTALLATIONS_QUERY, read_row)
    assigned = yield from _read(told, MAINTENANCE, endpoint, batch, ASSIGNMENTS, assignment_of)
    if assigned:
        yield from query_scopes(endpoint, [each for _, each in assigned], scopes)
    tables = _Tables(
        dict(services or ()),
        newest.ended if installed is not None else {},
        attached_to(assigned or (), scopes),
        ", ".join(table for table in TABLES if table not in told.refused),
        now.astimezone(UTC).date(),
    )
    told.by_machine = {key: tables.known(key, machine) for key, machine in machines}
    told.dynamic = sum(key is None for key, _ in assigned or ())
    return told


def _read(
    told: KnownOfBatch,
    table: str,
    endpoint: str,
    batch: Sequence[str],
    text: str,
    read_row: Callable[[Json, datetime | None], T],
) -> Pages[list[T] | None]:
    """The rows of one query; None, noted in `told`, where Graph refuses the table or makes no sense."""
    query = GraphQuery(RequestKind.QUERY_PATCHES, text, "rows", read_row, ATTEMPTS)
    found = yield from graph_pages(endpoint, query, batch)
    if isinstance(found, str):
        told.refused[table] = found
        return None
    return found


@dataclass(frozen=True, slots=True)
class _Tables:
    """What the tables tell, by the VMs' keys; `read` names them."""

    services: Mapping[str, str | None]
    installations: Mapping[str, Installation]
    attached: Mapping[str, Assignment]
    read: str
    today: date

    def known(self, key: str, machine: _Machine) -> Known:
        """All that is known of one VM."""
        installed = self.installations.get(key, Installation())
        attached = self.attached.get(key)
        ends_on = machine.support_ends_on
        mode = machine.assessment_mode
        facts: KnownFacts = {
            "facts_read": self.read,
            "patch_service": self.services.get(key),
            "maintenance_configuration": None if attached is None else attached.configurations,
            "maintenance_has_effect": None if attached is None else _has_effect(attached, machine),
            "last_installation_status": installed.status,
            "last_installation_at": installed.at,
            "last_installation_failed": installed.failed,
            "last_installation_pending": installed.pending,
            "last_installation_window_exceeded": installed.window_exceeded,
            "last_installation_reboot": installed.reboot,
            "periodic_assessment": None if mode is None else mode.lower() == BY_PLATFORM,
            "os_support_ends_on": None if ends_on is None else ends_on.isoformat(),
            "os_support_ended": None if ends_on is None else ends_on < self.today,
        }
        return known_of(facts)


def _has_effect(attached: Assignment, machine: _Machine) -> bool | None:
    """Whether a schedule has effect; None where it may be none for patches, or the VM does not tell."""
    if not attached.is_for_patches or machine.patch_mode is None:
        return None
    return machine.patch_mode.lower() == BY_PLATFORM and machine.bypasses_checks is True


def _machine_of(row: Json, sent_at: datetime | None) -> tuple[str, _Machine]:
    settings = value_at(row, "windowsPatching") or value_at(row, "linuxPatching")
    bypass = value_at(settings, "automaticByPlatformSettings.bypassPlatformSafetyChecksOnUserSchedule")
    return _key_in(row), _Machine(
        text_at(settings, "patchMode"),
        bypass if isinstance(bypass, bool) else None,
        text_at(settings, "assessmentMode"),
        support_ends_on(text_at(row, "osName"), text_at(row, "osVersion"), image_of(value_at(row, "image"))),
    )


def _service_of(row: Json, sent_at: datetime | None) -> tuple[str, str | None]:
    return _key_in(row).rpartition("/patchassessmentresults/")[0], text_at(row, "patchServiceUsed")


def _take_installation(row: Json, sent_at: datetime | None, *, newest: Newest) -> None:
    newest.take(_key_in(row).rpartition("/patchinstallationresults/")[0], row, sent_at)


def _key_in(row: Json) -> str:
    """The lower-case id of `row`; ValueError with a clause where it has none."""
    row_id = text_at(row, "id")
    if not row_id:
        raise ValueError("gave a row without an id")
    return row_id.lower()
