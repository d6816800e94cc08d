"""What the page says without a script: figures, groups, the VMs and patches to mend first, what was not seen.

Plain values for the template. Texts from outside are sanitized; the template escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from urllib.parse import urlencode

from fleetscan.model import InventoryError
from fleetscan.records.fleet_facts import could_not_list
from fleetscan.records.row import REASONS, OutcomeWord
from fleetscan.records.sums import TAG_PREFIX
from fleetscan.records.totals import GroupTotals
from fleetscan.report.figures import duration
from fleetscan.report.left_out import selection_words
from fleetscan.report.page.data import PageData
from fleetscan.report.page.picked import Cause, Picked
from fleetscan.report.page.shown import MESSAGE_LIMIT_CHARS, NAME_LIMIT_CHARS, cut
from fleetscan.report.page.sums import PageSums
from fleetscan.report.reasons import meaning_of
from fleetscan.report.which_run import STATES, minute
from fleetscan.runs.reader import Run

PATCHES_SHOWN = 10
SCOPES = (
    ("subscription", "By subscription", "Subscription", "subscription"),
    ("location", "By region", "Region", "region"),
    ("os_type", "By operating system", "Operating system", "os"),
)
OUTCOMES: tuple[tuple[OutcomeWord, str], ...] = (
    ("failed", "Failed"),
    ("timed_out", "Timed out"),
    ("skipped", "Skipped"),
)
ALL_OUTCOMES: tuple[tuple[OutcomeWord, str], ...] = (("assessed", "Assessed"), *OUTCOMES)


@dataclass(frozen=True, slots=True)
class Share:
    """A percentage in words, and as the length of a bar; both cut and not rounded, so that 100 is all."""

    text: str
    bar: float

    @classmethod
    def of(cls, percent: float | None) -> Share:
        """The share that a record tells."""
        if percent is None:
            return cls("-", 0.0)
        return cls(f"{floor(percent * 10) / 10:.1f} %", percent)


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
    """The template's values, by its names. Made once all rows were added to `sums`, `data` and `picked`."""

    def __init__(self, run: Run, sums: PageSums, data: PageData, picked: Picked) -> None:
        self._run = run
        self._sums = sums
        self._data = data
        self._picked = picked
        self.fleet, self._groups = sums.lines()

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
            "unknown": fleet["listed"] - outcomes["assessed"],
            "outcome_words": [(word, label, outcomes[word]) for word, label in ALL_OUTCOMES],
            "worst": self._picked.worst(),
            "patches": self._data.patches.most_missed(PATCHES_SHOWN),
            "distinct_patches": len(self._data.patches.keys),
            "reasons": self._reasons(),
            "tables": [self._table(*scope) for scope in (*SCOPES, *self._tag_scopes())],
        }

    def _about(self) -> dict[str, object]:
        facts, span_s = self._run.facts, self._sums.duration_s
        return {
            "started": minute(facts["started_at"]),
            "finished": minute(facts["finished_at"]) if facts["finished_at"] else None,
            "lasted": None if span_s is None else duration(span_s),
            "state": STATES[self._run.state],
            "selection": selection_words(facts["selection"]) or "every VM that the identity can see",
            "run_name": cut(self._run.path.resolve().name, NAME_LIMIT_CHARS),
            "scan_id": cut(facts["scan_id"], NAME_LIMIT_CHARS),
            "version": cut(facts["versions"]["fleetscan"], NAME_LIMIT_CHARS),
            "partial": [f"{sentence[0].upper()}{sentence[1:]}." for sentence in self._sums.partial()],
        }

    def _left_out(self) -> dict[str, object]:
        """What of the fleet is not among the VMs listed."""
        holes, passed_over = self._sums.not_listed, self._sums.not_scanned
        limit = self._run.facts["selection"].get("limit")
        is_cut = isinstance(limit, int) and self.fleet["listed"] >= limit
        is_retry = bool(self._run.facts["selection"].get("retry_failed"))
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
            "limit": limit if is_cut else None,
            "is_retry": is_retry,
            # A full bar stands for a whole fleet alone.
            "is_whole": not (holes is None or holes or passed_over or is_cut or is_retry),
        }

    def _reasons(self) -> list[Reason]:
        counts = self.fleet["reasons"]
        found = [
            self._reason(outcome, label, str(word), counts[word])
            for outcome, label in OUTCOMES
            for word in REASONS[outcome]
            if word is not None and word in counts
        ]
        return sorted(found, key=lambda each: (each.outcome == "Skipped", -each.count))

    def _reason(self, outcome: str, label: str, word: str, count: int) -> Reason:
        meaning = meaning_of(word)
        return Reason(
            outcome=label,
            word=word.replace("_", " "),
            count=count,
            what=meaning.what,
            to_do=meaning.to_do[:1].upper() + meaning.to_do[1:],
            link=f"#vms?{urlencode({'outcome': f'{outcome}/{word}'})}",
            causes=self._picked.of_reason(outcome, word),
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
