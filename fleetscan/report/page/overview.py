"""What the page says without a script: figures, groups, the VMs and patches to mend first, what was not seen.

Plain values for the template. Texts from outside are sanitized; the template escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fleetscan.model import InventoryError
from fleetscan.records.fleet_facts import could_not_list
from fleetscan.records.patches import UNNAMED
from fleetscan.records.report import Report, UnassessedReason
from fleetscan.records.reported_vm import ReportedVm
from fleetscan.records.row import OutcomeWord
from fleetscan.records.sums import TAG_PREFIX
from fleetscan.records.totals import GroupTotals
from fleetscan.report.commands import Spelled, of_run
from fleetscan.report.earlier import earlier_words
from fleetscan.report.fact_words import HEADING as HEADING_OF_FACTS
from fleetscan.report.fact_words import fact_clauses
from fleetscan.report.figures import duration, percent_words
from fleetscan.report.left_out import elsewhere, selection_words, unseen_words
from fleetscan.report.missed_patches import HEADING
from fleetscan.report.page.data import PageData
from fleetscan.report.page.shown import MESSAGE_LIMIT_CHARS, NAME_LIMIT_CHARS, cut, vm_link
from fleetscan.report.which_run import STATES, minute
from fleetscan.runs.no_journal import of_merged
from fleetscan.runs.reader import Run

PATCHES_SHOWN = VMS_SHOWN = 10
SCOPES = (
    ("subscription", "By subscription", "Subscription", "subscription"),
    ("location", "By region", "Region", "region"),
    ("os_type", "By operating system", "Operating system", "os"),
)
OUTCOMES: Mapping[OutcomeWord, str] = {
    "assessed": "Assessed",
    "failed": "Failed",
    "timed_out": "Timed out",
    "skipped": "Skipped",
}


@dataclass(frozen=True, slots=True)
class Share:
    """A percentage in words, and as the length of a bar."""

    text: str
    bar: float

    @classmethod
    def of(cls, percent: float | None) -> Share:
        """The share that a record tells."""
        if percent is None:
            return cls("-", 0.0)
        return cls(percent_words(percent), percent)


@dataclass(frozen=True, slots=True)
class Group:
    """A line of a table of groups; `name` is None for VMs without one, `link` where no filter finds them."""

    name: str | None
    link: str | None
    listed: int
    assessed: int
    coverage: Share
    compliance: Share
    critical: int
    reboots: int


@dataclass(frozen=True, slots=True)
class NamedVm:
    """A VM as the overview names it."""

    link: str
    name: str
    group: str
    subscription: str
    os: str

    @classmethod
    def of(cls, vm: ReportedVm) -> NamedVm:
        """The VM that a report names."""
        return cls(
            link=vm_link(vm["resource_id"]),
            name=cut(vm["name"], NAME_LIMIT_CHARS) or UNNAMED,
            group=cut(vm["resource_group"], NAME_LIMIT_CHARS),
            subscription=cut(vm["subscription_name"] or vm["subscription_id"], NAME_LIMIT_CHARS),
            os=vm["os_type"] or "",
        )


@dataclass(frozen=True, slots=True)
class Cause:
    """The VMs of one reason that share an error code, the first of them by name."""

    code: str | None
    count: int
    vms: list[NamedVm]

    @classmethod
    def of(cls, cause: UnassessedReason) -> Cause:
        """What a report tells of them."""
        vms = [NamedVm.of(vm) for vm in cause["vms"][:VMS_SHOWN]]
        return cls(cut(cause["code"], NAME_LIMIT_CHARS), cause["count"], vms)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why VMs were not assessed, with the first of them by name, code by code."""

    outcome: str
    word: str
    count: int
    what: str
    to_do: str
    link: str
    causes: list[Cause]


@dataclass(frozen=True, slots=True)
class Hole:
    """A part of the fleet that could not be listed."""

    subscription: str | None
    code: str
    message: str
    remedy: str | None


class Overview:
    """The template's values, by its names: those of a report, and of the run's rows that `data` holds."""

    def __init__(self, run: Run, report: Report, data: PageData, spelled: Spelled | None) -> None:
        self._run = run
        self._report = report
        self._data = data
        self._spelled = spelled
        self.fleet, self._groups = report["fleet"], report["groups"]

    def values(self) -> dict[str, object]:
        """Everything that the template shows."""
        fleet, outcomes = self.fleet, self.fleet["outcomes"]
        return {
            **self._about(),
            **self._left_out(),
            "fleet": fleet,
            "coverage": Share.of(fleet["coverage_pct"]),
            "compliance": Share.of(fleet["compliance_pct"]),
            "assessed": outcomes["assessed"],
            "interrupted": outcomes["interrupted"],
            "to_complete": self._to_complete(),
            "unknown": fleet["listed"] - outcomes["assessed"],
            "outcome_words": [(word, label, outcomes[word]) for word, label in OUTCOMES.items()],
            "worst": [(NamedVm.of(vm), vm) for vm in (self._report["worst"] or [])[:VMS_SHOWN]],
            "patches": self._data.patches.foremost(PATCHES_SHOWN),
            "patches_heading": HEADING,
            "distinct_patches": len(self._data.patches.keys),
            "facts_heading": HEADING_OF_FACTS,
            "facts": [*fact_clauses(fleet)],
            "reasons": self._reasons(),
            "tables": [self._table(*scope) for scope in (*SCOPES, *self._tag_scopes())],
        }

    def _to_complete(self) -> str:
        """What to do about VMs without a row."""
        if self._spelled is not None and self._spelled.first is not None:
            return self._spelled.first
        return str(of_merged(self._run.path)) if self._run.facts["sources"] else "`fleetscan resume`"

    def _about(self) -> dict[str, object]:
        facts, span_s = self._run.facts, self._report["duration_s"]
        return {
            "started": minute(facts["started_at"]),
            "finished": minute(facts["finished_at"]) if facts["finished_at"] else None,
            "lasted": None if span_s is None else duration(span_s),
            "state": STATES[self._run.state],
            "endpoint": cut(elsewhere(facts["selection"]), NAME_LIMIT_CHARS),
            "selection": selection_words(facts["selection"]) or "every VM that the identity can see",
            "run_name": cut(self._run.path.resolve().name, NAME_LIMIT_CHARS),
            "scan_id": cut(facts["scan_id"], NAME_LIMIT_CHARS),
            "version": cut(facts["versions"]["fleetscan"], NAME_LIMIT_CHARS),
            "partial": [f"{sentence[0].upper()}{sentence[1:]}." for sentence in self._report["partial"]],
        }

    def _left_out(self) -> dict[str, object]:
        """What of the fleet is not among the VMs listed."""
        holes, passed_over = self._report["inventory_errors"], self._report["not_scanned"]
        limit = self._run.facts["selection"].get("limit")
        is_cut = isinstance(limit, int) and self.fleet["listed"] >= limit
        is_retry = bool(self._run.facts["selection"].get("retry_failed"))
        is_shard = bool(self._run.facts["selection"].get("shard"))
        return {
            "are_holes_known": holes is not None,
            "holes": [_hole(could_not_list(each)) for each in holes or []],
            "passed_over": [
                (
                    cut(each["name"] or each["subscription_id"], NAME_LIMIT_CHARS),
                    cut(each["state"] or "unknown", NAME_LIMIT_CHARS),
                )
                for each in passed_over
            ],
            "unseen": unseen_words(self._report["uniform_scale_set_vms"]),
            "earlier": earlier_words(self._report),
            "warnings": [cut(each, MESSAGE_LIMIT_CHARS) for each in self._run.facts["warnings"]],
            "limit": limit if is_cut else None,
            "is_retry": is_retry,
            "is_shard": is_shard,
            # A full bar stands for a whole fleet alone.
            "is_whole": not (holes is None or holes or passed_over or is_cut or is_retry or is_shard),
        }

    def _reasons(self) -> list[Reason]:
        """Those of one reason together, the reasons in the report's order."""
        by_reason: dict[tuple[str, str], list[UnassessedReason]] = {}
        for each in self._report["not_assessed"]:
            by_reason.setdefault((each["outcome"], str(each["reason"])), []).append(each)
        return [self._reason(each) for each in by_reason.values()]

    def _reason(self, causes: list[UnassessedReason]) -> Reason:
        first = causes[0]
        outcome, word = first["outcome"], str(first["reason"])
        to_do = of_run(first["to_do"], self._spelled)
        return Reason(
            outcome=OUTCOMES[outcome],
            word=word.replace("_", " "),
            count=sum(each["count"] for each in causes),
            what=first["what"],
            to_do=to_do[:1].upper() + to_do[1:],
            link=f"#vms?{urlencode({'outcome': f'{outcome}/{word}'})}",
            causes=[Cause.of(each) for each in causes],
        )

    def _tag_scopes(self) -> list[tuple[str, str, str, None]]:
        """A table for each tag that the scan was asked to group by."""
        scopes = dict.fromkeys(each["scope"] for each in self._groups if each["scope"].startswith(TAG_PREFIX))
        names = [(scope, cut(scope.removeprefix(TAG_PREFIX), NAME_LIMIT_CHARS)) for scope in scopes]
        return [(scope, f"By tag {name}", name, None) for scope, name in names]

    def _table(self, scope: str, title: str, label: str, column: str | None) -> tuple[str, str, list[Group]]:
        """Title, label and lines of one table: the groups with the most to mend first."""
        groups = [each for each in self._groups if each["scope"] == scope]
        groups.sort(key=lambda each: (-each["critical_and_security_count"], each["coverage_pct"] or 0))
        return title, label, [_group(each, column) for each in groups]


def _group(group: GroupTotals, column: str | None) -> Group:
    key = cut(group["key"], NAME_LIMIT_CHARS) or None
    name = cut(group["name"], NAME_LIMIT_CHARS) if group["name"] else key
    return Group(
        name=name or None,
        link=None if column is None else f"#vms?{urlencode({column: '-' if key is None else key})}",
        listed=group["listed"],
        assessed=group["outcomes"]["assessed"],
        coverage=Share.of(group["coverage_pct"]),
        compliance=Share.of(group["compliance_pct"]),
        critical=group["critical_and_security_count"],
        reboots=group["reboot_pending"],
    )


def _hole(error: InventoryError) -> Hole:
    status = f" ({error.http_status})" if error.http_status else ""
    return Hole(
        subscription=error.subscription_id and cut(error.subscription_id, NAME_LIMIT_CHARS),
        code=f"{cut(error.code, NAME_LIMIT_CHARS) or 'no code'}{status}",
        message=cut(error.message, MESSAGE_LIMIT_CHARS) or "no message",
        remedy=error.remedy,
    )
