"""The sums of a scan, schema fleetscan.totals/1: counted as machines are listed and as they end.

Holds one group for each subscription, location, OS type and asked-for tag value, never a machine, so that
memory does not grow with the fleet. The sums about patches are over assessed machines alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from fleetscan.errors import BrokenIdentityError, UsageError
from fleetscan.model import Target
from fleetscan.records.fleet_facts import FleetFacts
from fleetscan.records.known_facts import FactSums, verdicts_of
from fleetscan.records.row import CountedRow
from fleetscan.records.totals import SCHEMA, GroupTotals, Outcomes, Totals

SUBSCRIPTION = "subscription"
TAG_PREFIX = "tag:"

NO_OUTCOMES: Outcomes = {"assessed": 0, "failed": 0, "timed_out": 0, "skipped": 0, "interrupted": 0}


class RunningTotals:
    """The running sums of one scan. Call `listed` once for every machine and `ended` once for every row."""

    def __init__(self, scan_id: str, group_by: Sequence[str] = ()) -> None:
        """`group_by` holds words such as "tag:owner"; raises UsageError for any other word."""
        self._scan_id = scan_id
        self._fleet = _Group()
        self._scopes = [
            _Scope(SUBSCRIPTION, lambda target: target.subscription_id.lower()),
            _Scope("location", lambda target: target.location and target.location.lower()),
            _Scope("os_type", lambda target: target.os_type),
            *_tag_scopes(group_by),
        ]

    def listed(self, target: Target, count: int = 1) -> None:
        """Count `target` among the fleet; or as many VMs like it, of which no facts are known."""
        self._fleet.listed += count
        verdicts = verdicts_of(target.known)
        self._fleet.facts.add(verdicts)
        for scope in self._scopes:
            group = scope.group(target)
            group.listed += count
            group.facts.add(verdicts)
            if scope.name == SUBSCRIPTION and group.name is None:
                group.name = target.subscription_name

    def ended(self, target: Target, row: CountedRow) -> None:
        """Count the row that `target`, listed before, ended in."""
        self._fleet.add(row)
        for scope in self._scopes:
            scope.group(target).add(row)

    def check(self, rows_written: int) -> None:
        """Raise BrokenIdentityError unless each machine is counted once and each ended one has its row."""
        if self._fleet.ended != rows_written:
            raise BrokenIdentityError(
                f"{rows_written} rows were written for {self._fleet.ended} machines that ended; "
                "the files of this run are not to be trusted"
            )
        for scope in self._scopes:
            scope.check(self._fleet)

    def lines(self, facts: FleetFacts) -> tuple[Totals, *tuple[GroupTotals, ...]]:
        """The lines of totals.jsonl in the contract's order: the fleet, then each scope's groups by key."""
        fleet, groups = self.sums()
        return facts.totals(fleet), *groups

    def sums(self) -> tuple[GroupTotals, list[GroupTotals]]:
        """The sums over the fleet so far, and those of each scope's groups by key."""
        groups = [
            scope.groups[key].line(self._scan_id, scope.name, key)
            for scope in self._scopes
            for key in sorted(scope.groups, key=lambda key: (key is None, key or ""))
        ]
        return self._fleet.line(self._scan_id, "fleet", None), groups


@dataclass(slots=True)
class _Group:
    """The sums over one set of machines."""

    name: str | None = None
    listed: int = 0
    ended: int = 0
    outcomes: Outcomes = field(default_factory=NO_OUTCOMES.copy)
    statuses: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    critical_and_security: int = 0
    other: int = 0
    reboot_pending: int = 0
    with_critical_or_security: int = 0
    compliant: int = 0
    incomplete: int = 0
    facts: FactSums = field(default_factory=FactSums)

    def add(self, row: CountedRow) -> None:
        self.ended += 1
        self.outcomes[row["outcome"]] += 1
        _count_word(self.statuses, row["status"])
        _count_word(self.reasons, row["reason"])
        if row["outcome"] == "assessed":
            self._add_patches(row)

    def _add_patches(self, row: CountedRow) -> None:
        critical = row["critical_and_security_count"]
        if critical is not None:
            self.critical_and_security += critical
            self.with_critical_or_security += critical > 0
            self.compliant += critical == 0
        self.other += row["other_count"] or 0
        self.reboot_pending += row["reboot_pending"] is True
        self.incomplete += row["patches_complete"] is False

    def line(self, scan_id: str, scope: str, key: str | None) -> GroupTotals:
        return {
            "schema": SCHEMA,
            "scan_id": scan_id,
            "scope": scope,
            "key": key,
            "name": self.name,
            "listed": self.listed,
            "outcomes": {**self.outcomes, "interrupted": self.listed - self.ended},
            "statuses": dict(sorted(self.statuses.items())),
            "reasons": dict(sorted(self.reasons.items())),
            "critical_and_security_count": self.critical_and_security,
            "other_count": self.other,
            "reboot_pending": self.reboot_pending,
            "vms_with_critical_or_security": self.with_critical_or_security,
            "patches_incomplete": self.incomplete,
            "coverage_pct": percent(self.outcomes["assessed"], self.listed),
            "compliance_pct": percent(self.compliant, self.listed),
            **self.facts.counts(self.listed),
        }


@dataclass(frozen=True, slots=True)
class _Scope:
    """One way to split the fleet. `key` answers None where a machine has none; "" is an empty tag's value."""

    name: str
    key: Callable[[Target], str | None]
    groups: dict[str | None, _Group] = field(default_factory=dict)

    def group(self, target: Target) -> _Group:
        key = self.key(target)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = _Group()
        return group

    def check(self, fleet: _Group) -> None:
        groups = self.groups.values()
        listed, ended = sum(g.listed for g in groups), sum(g.ended for g in groups)
        if (listed, ended) != (fleet.listed, fleet.ended):
            raise BrokenIdentityError(
                f"the {self.name} groups hold {listed} listed and {ended} ended machines, "
                f"the fleet {fleet.listed} and {fleet.ended}"
            )
        for key, group in self.groups.items():
            if group.ended > group.listed:
                raise BrokenIdentityError(
                    f"{group.ended} machines of {self.name} {key} ended, but only {group.listed} were listed"
                )


def _tag_scopes(group_by: Sequence[str]) -> list[_Scope]:
    """One scope for each asked-for tag; names that differ in case alone are one tag, as in Azure."""
    scopes: dict[str, _Scope] = {}
    for word in group_by:
        name = word.removeprefix(TAG_PREFIX)
        if name == word or not name:
            raise UsageError(f"cannot group by {word!r}; write tag:NAME, for example tag:owner")
        scopes.setdefault(name.lower(), _Scope(word, partial(_tag, name)))
    return list(scopes.values())


def _tag(name: str, target: Target) -> str | None:
    """The value of the tag `name`, whose case does not matter, or None. Values keep their case."""
    value = target.tags.get(name)
    if value is not None:
        return value
    wanted = name.lower()
    return next((value for spelled, value in target.tags.items() if spelled.lower() == wanted), None)


def _count_word(counts: dict[str, int], word: str | None) -> None:
    if word is not None:
        counts[word] = counts.get(word, 0) + 1


def percent(part: int, whole: int, decimals: int = 2) -> float | None:
    """`part` of `whole` in percent, None of nothing: the one place that makes a percentage.

    Cut and not rounded, so that 100 is said of all alone; and what is more than none is more than 0.
    """
    if not whole:
        return None
    steps: int = 10**decimals
    return max(100 * steps * part // whole, min(part, 1)) / steps
