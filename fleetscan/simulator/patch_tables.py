"""Resource Graph's two tables of patches: installations, and what each machine's newest assessment found.

They show the cloud as it was a moment ago. Their rows are made anew for each query, and for a query about
one machine only that machine's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import orjson

from fleetscan.model import Json
from fleetscan.simulator.arc import GRAPH_TYPE as SERVER_TYPE
from fleetscan.simulator.assessment import inner_error, inner_status
from fleetscan.simulator.assessments import Assessments
from fleetscan.simulator.earlier import Earlier, Gap
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.installations import Installation, Installations
from fleetscan.simulator.known_things import PastInstallation, service_of, told_of
from fleetscan.simulator.operations import Operation, State
from fleetscan.simulator.query import Query, Row
from fleetscan.simulator.resources import GRAPH_TYPE
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.sight import Sight
from fleetscan.simulator.times import Calendar

INSTALLATION_TYPE = f"{GRAPH_TYPE}/patchinstallationresults"
ASSESSMENT_TYPE = f"{GRAPH_TYPE}/patchassessmentresults"
PATCH_TYPE = f"{ASSESSMENT_TYPE}/softwarepatches"

# The field for each word of a patch; those of an OS are all in its counts, those without a patch as 0.
CLASSES = {
    "Security": "security",
    "Critical": "critical",
    "Definition": "definition",
    "UpdateRollUp": "updateRollup",
    "FeaturePack": "featurePack",
    "ServicePack": "servicePack",
    "Tools": "tools",
    "Updates": "updates",
    "Other": "other",
}
# On Linux there are no others.
LINUX_WORDS = ("Security", "Other")


@dataclass(frozen=True, slots=True)
class EarlierRow:
    """The summary of a machine's assessment before the cloud began: its row is made when it is shown."""

    machine: Machine
    earlier: Earlier


class PatchTables:
    """`patchinstallationresources` and `patchassessmentresources` of one cloud."""

    def __init__(
        self,
        scenario: Scenario,
        fleet: Fleet,
        sight: Sight,
        assessments: Assessments,
        installations: Installations,
        calendar: Calendar,
    ) -> None:
        self._fleet = fleet
        self._sight = sight
        self._assessments = assessments
        self._installations = installations
        self._calendar = calendar
        self._stuck = [
            machine
            for machine in (fleet if scenario.stuck_pct else ())
            if machine.lot.stuck is not None and not machine.lot.stuck.is_installation
        ]
        self._lag_s = scenario.graph_lag_s / scenario.speed

    def earlier(self, query: Query, subscriptions: frozenset[str]) -> Iterator[EarlierRow]:
        """The summaries from before the cloud began that the query may show; they never change."""
        if "patchassessmentresources" in query.tables and _may_show(query, ASSESSMENT_TYPE):
            for machine in self._among(query, subscriptions, self._fleet, 0.0):
                earlier = self._assessments.earlier(machine)
                if earlier is not None and earlier.gap is not Gap.NO_SUMMARY:
                    yield EarlierRow(machine, earlier)

    def is_newest(self, row: EarlierRow, now: float) -> bool:
        """Whether the machine is there and has no newer assessment, and this one is still kept."""
        machine, at = row.machine, now - self._lag_s
        return row.earlier.is_kept(at) and self._assessments.newest_at(machine, at) is None

    def earlier_row(self, row: EarlierRow) -> Row:
        """The row itself."""
        machine, earlier = row.machine, row.earlier
        began, modified = self._assessments.earlier_times(machine, earlier)
        is_automatic = machine.lot.assessment_mode == "AutomaticByPlatform"
        summary: dict[str, Json] = {
            "assessmentActivityId": earlier.guid,
            "osType": machine.image.os_type,
            "startDateTime": began,
            "lastModifiedDateTime": modified,
            "startedBy": "Platform" if is_automatic else "User",
            "patchServiceUsed": service_of(machine.lot.known, machine.image),
            "availablePatchCountByClassification": None,
        }
        below = "/patchAssessmentResults/latest"
        return self._row(machine, below, ASSESSMENT_TYPE, summary | self._earlier_found(machine, earlier))

    def rows(self, query: Query, subscriptions: frozenset[str], now: float) -> Iterator[Row]:
        """The rows of the query's tables that it may show; no subscriptions mean all."""
        at = now - self._lag_s
        if "patchinstallationresources" in query.tables and _may_show(query, INSTALLATION_TYPE):
            for machine in self._among(query, subscriptions, self._installations.machines(), at):
                installation = self._installations.of(machine)
                if installation is not None and installation.began_at <= at:
                    yield self._installation(installation, at)
            for machine in self._among(query, subscriptions, self._fleet, at):
                yield from map(partial(self._past_installation, machine), machine.lot.known.installations)
        if "patchassessmentresources" in query.tables:
            for machine in self._among(query, subscriptions, self._assessments.machines(), at):
                operation = self._assessments.newest_at(machine, at)
                if operation is not None:
                    yield from self._assessment(query, operation, at)
            if _may_show(query, PATCH_TYPE):
                yield from self._earlier_patches(query, subscriptions, at)
            if _may_show(query, ASSESSMENT_TYPE):
                yield from self._stuck_assessments(query, subscriptions, at)

    def _among(
        self, query: Query, subscriptions: frozenset[str], machines: Iterable[Machine], at: float
    ) -> Iterator[Machine]:
        # Both kinds of rows have ids below a machine's; prefixes that reach so far name the only ones.
        cut = [prefix.partition("/patch") for prefix in query.id_prefixes]
        if cut and all(below for _, below, _ in cut):
            named = {key: self._fleet.find(key) for key, _, _ in cut}
            machines = [machine for machine in named.values() if machine is not None]
        for machine in machines:
            is_asked = not subscriptions or machine.subscription.subscription_id in subscriptions
            if is_asked and self._sight.is_in_graph(machine) and not self._assessments.is_gone(machine, at):
                yield machine

    def _installation(self, installation: Installation, at: float) -> Row:
        offset_h = installation.machine.lot.utc_offset_h
        properties: dict[str, Json] = {
            "status": installation.status(at),
            "installationActivityId": installation.guid,
            "startDateTime": self._calendar.iso(installation.began_at, offset_h),
            "lastModifiedDateTime": self._calendar.iso(installation.modified_at(at), offset_h),
            "osType": installation.machine.image.os_type,
            "startedBy": "Platform",
        }
        below = f"/patchInstallationResults/{installation.guid}"
        return self._row(installation.machine, below, INSTALLATION_TYPE, properties)

    def _past_installation(self, machine: Machine, past: PastInstallation) -> Row:
        hours = machine.lot.utc_offset_h
        properties = told_of(past) | {
            "osType": machine.image.os_type,
            "startDateTime": self._calendar.iso(past.began_at, hours),
            "lastModifiedDateTime": self._calendar.iso(past.ended_at, hours),
        }
        return self._row(machine, f"/patchInstallationResults/{past.guid}", INSTALLATION_TYPE, properties)

    def _stuck_assessments(self, query: Query, subscriptions: frozenset[str], at: float) -> Iterator[Row]:
        """Those that died, of machines without a newer one."""
        among = self._among(query, subscriptions, self._stuck, at)
        # A query about one machine names it, stuck or not.
        for machine in among:
            stuck = machine.lot.stuck
            if stuck is None or stuck.is_installation or self._assessments.newest_at(machine, at) is not None:
                continue
            began = self._calendar.iso(stuck.began_at, machine.lot.utc_offset_h)
            yield self._row(
                machine,
                "/patchAssessmentResults/latest",
                ASSESSMENT_TYPE,
                {
                    "assessmentActivityId": stuck.guid,
                    "status": "InProgress",
                    "osType": machine.image.os_type,
                    "startDateTime": began,
                    "lastModifiedDateTime": began,
                    "startedBy": "Platform",
                    "rebootPending": None,
                    "errorDetails": None,
                    "availablePatchCountByClassification": None,
                },
            )

    def _assessment(self, query: Query, operation: Operation, at: float) -> Iterator[Row]:
        machine, below = operation.machine, "/patchAssessmentResults/latest"
        if _may_show(query, ASSESSMENT_TYPE):
            yield self._row(machine, below, ASSESSMENT_TYPE, self._summary(operation, at))
        if _may_show(query, PATCH_TYPE) and operation.state(at) is State.SUCCEEDED:
            yield from self._patches(machine, self._modified(operation, at))

    def _earlier_patches(self, query: Query, subscriptions: frozenset[str], at: float) -> Iterator[Row]:
        for machine in self._among(query, subscriptions, self._fleet, at):
            earlier = self._assessments.earlier(machine)
            is_shown = earlier is not None and not earlier.has_failed and earlier.is_kept(at)
            if earlier is not None and is_shown and self._assessments.newest_at(machine, at) is None:
                _, modified = self._assessments.earlier_times(machine, earlier)
                rows = list(self._patches(machine, modified))
                yield from rows[: _shown_of(len(rows), earlier.gap)]

    def _earlier_found(self, machine: Machine, earlier: Earlier) -> dict[str, Json]:
        if earlier.has_failed:
            return {"status": "Failed", "rebootPending": None, "errorDetails": None}
        found = self._found(machine)
        if earlier.gap is Gap.NO_COUNTS:
            found.pop("availablePatchCountByClassification", None)
        return found

    def _patches(self, machine: Machine, modified: str) -> Iterator[Row]:
        """A row for each patch that an assessment listed."""
        if machine.fate is Fate.NO_COUNTS:
            return
        for patch in self._assessments.findings(machine).listed:
            told = _software_patch(orjson.loads(patch.head + "}"), modified)
            below = f"/patchAssessmentResults/latest/softwarePatches/{told['patchId']}"
            yield self._row(machine, below, PATCH_TYPE, told)

    def _summary(self, operation: Operation, at: float) -> dict[str, Json]:
        state, machine = operation.state(at), operation.machine
        summary: dict[str, Json] = {
            "assessmentActivityId": operation.guid,
            "status": "InProgress" if state is State.IN_PROGRESS else "Failed",
            "rebootPending": None,
            "osType": machine.image.os_type,
            "startDateTime": self._assessments.began(operation),
            "lastModifiedDateTime": self._modified(operation, at),
            "startedBy": "User",
            "patchServiceUsed": service_of(machine.lot.known, machine.image),
            "errorDetails": None,
            "availablePatchCountByClassification": None,
        }
        return summary | self._found(machine) if state is State.SUCCEEDED else summary

    def _found(self, machine: Machine) -> dict[str, Json]:
        findings = self._assessments.findings(machine)
        told: dict[str, Json] = {
            "status": inner_status(machine.fate),
            "rebootPending": findings.is_reboot_pending,
            "errorDetails": inner_error(machine),
        }
        if machine.fate is Fate.NO_COUNTS:
            return told
        words = Counter(patch.classification for patch in findings.missing)
        known = LINUX_WORDS if machine.image.os_type == "Linux" else CLASSES
        return told | {
            "availablePatchCountByClassification": {_class_name(machine, word): words[word] for word in known}
        }

    def _modified(self, operation: Operation, at: float) -> str:
        is_over = operation.state(at) is not State.IN_PROGRESS
        return self._assessments.moment(operation, 1.0 if is_over else 0.0)

    def _row(self, machine: Machine, below: str, kind: str, properties: dict[str, Json]) -> Row:
        row_id = machine.graph_id + below
        kind = kind.replace(GRAPH_TYPE, SERVER_TYPE) if machine.is_arc else kind
        return {
            "id": row_id.lower() if machine.lot.has_lower_id else row_id,
            "name": row_id.rpartition("/")[2],
            "type": kind,
            "tenantId": self._fleet.estate.tenant_id,
            "location": machine.region,
            "resourceGroup": machine.resource_group.lower(),
            "subscriptionId": machine.subscription.subscription_id,
            "properties": properties,
        }


def _class_name(machine: Machine, word: str) -> str:
    """The field's name, which some machines' rows write with a capital."""
    name = CLASSES[word]
    return name[0].upper() + name[1:] if machine.lot.has_upper_group else name


def _shown_of(patches: int, gap: Gap) -> int:
    """How many of an assessment's patches have rows."""
    return {Gap.NO_PATCHES: 0, Gap.HALF_THE_PATCHES: patches // 2}.get(gap, patches)


def _may_show(query: Query, kind: str) -> bool:
    of_server = kind.replace(GRAPH_TYPE, SERVER_TYPE)
    return query.types is None or kind in query.types or of_server in query.types


def _software_patch(patch: dict[str, Json], modified: str) -> dict[str, Json]:
    return {
        "patchName": patch["name"],
        "patchId": patch["patchId"],
        "kbId": patch.get("kbId"),
        "version": patch.get("version"),
        "classifications": patch["classifications"],
        "rebootBehavior": patch["rebootBehavior"],
        "publishedDateTime": patch["publishedDate"],
        "lastModifiedDateTime": modified,
    }
