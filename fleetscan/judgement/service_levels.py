"""Service levels: for how long a patch may be missing, judged by VM and by patch as rows come.

By classification where a VM's list has all that is counted. Where it is cut short, critical and security
patches are judged together, by the stricter of their rules, and what is not listed is of unknown age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from fleetscan.judgement.ages import Age, AgedPatch
from fleetscan.judgement.listed import Unlisted, unlisted
from fleetscan.judgement.rules_text import Rules, days_of
from fleetscan.nearest import nearest
from fleetscan.records.foremost import Foremost
from fleetscan.records.judged import (
    BreachingVm,
    ClassWord,
    Levels,
    PatchLevels,
    ServiceLevelRules,
    ServiceLevelsJudged,
)
from fleetscan.records.patches import Patch
from fleetscan.records.reported_vm import MOST_VMS, reported_vm
from fleetscan.records.row import Row

RULES = Rules("service levels", "critical=7d, security=30d, other=90d")
NAMES = ("critical", "security", "other")


@dataclass(frozen=True, slots=True)
class ServiceLevelLimits:
    """The days for which a patch may be missing, by class; None without a rule."""

    critical_days: int | None = None
    security_days: int | None = None
    other_days: int | None = None

    @property
    def joint_days(self) -> int | None:
        """The stricter of the rules for critical and for security patches."""
        return min(
            (each for each in (self.critical_days, self.security_days) if each is not None), default=None
        )


def service_levels_of(text: str) -> ServiceLevelLimits:
    """The limits in a text such as "critical=7d, security=4w", any of the three; case does not count.

    Raises ValueError with a clause that follows a setting's name.
    """
    limits: dict[str, int] = {}
    for clause in RULES.clauses(text):
        name, sign, value = (part.strip() for part in clause.partition("="))
        if not sign:
            raise RULES.refusal("a rule has = between its class and its limit", clause)
        if name not in NAMES:
            meant = nearest(name, NAMES)
            hint = f"did you mean {meant}?" if meant else f"known classes: {', '.join(NAMES)}"
            raise RULES.refusal(
                f"{name!r:.40} is no class; {hint}" if name else f"a class is missing; {hint}", clause
            )
        days = days_of(value)
        if days is None:
            raise RULES.refusal(f"write days or weeks, such as {name}=30d", clause)
        if limits.get(name, days) != days:
            raise RULES.refusal(f"{name} has two limits", text)
        limits[name] = days
    return ServiceLevelLimits(**{f"{name}_days": days for name, days in limits.items()})


class _Level(IntEnum):
    """Of several the worst counts."""

    WITHIN = 0
    UNKNOWN = 1
    BREACHED = 2


class _Rule(NamedTuple):
    """The class by which a patch is judged, and its limit."""

    patch_class: ClassWord
    limit_days: int


class _Judged(NamedTuple):
    """One patch of a VM. Of one that is listed twice the largest is kept."""

    level: _Level
    over_days: int
    key: str
    rule: _Rule
    age: Age | None


class ServiceLevels:
    """Call `add` for each row, then `told`. The patches are those of one PatchReader."""

    def __init__(self, limits: ServiceLevelLimits) -> None:
        self._limits = limits
        self._whole: dict[Patch, _Rule | None] = {}
        self._cut: dict[Patch, _Rule | None] = {}
        self._vms = _no_levels()
        self._patches: PatchLevels = {
            "critical": _no_levels(),
            "security": _no_levels(),
            "critical_and_security": _no_levels(),
            "other": _no_levels(),
        }
        self._worst: Foremost[BreachingVm] = Foremost(MOST_VMS)

    def add(self, row: Row, aged_patches: Sequence[AgedPatch]) -> None:
        """Take up a row with its patches, both after what does not count was left out."""
        if row["outcome"] != "assessed":
            self._vms["unknown"] += 1
            return
        missing = unlisted(row, aged_patches)
        judged = self._judged(aged_patches, is_whole=missing is None)
        for each in judged:
            _count(self._patches[each.rule.patch_class], each.level)
        level = max((each.level for each in judged), default=_Level.WITHIN)
        if missing is not None and self._adds_unlisted(row, missing):
            level = max(level, _Level.UNKNOWN)
        _count(self._vms, level)
        if level is _Level.BREACHED:
            self._add_breaching(row, [each for each in judged if each.level is _Level.BREACHED])

    def told(self) -> ServiceLevelsJudged:
        """What is judged so far."""
        limits = self._limits
        rules: ServiceLevelRules = {
            "critical_days": limits.critical_days,
            "security_days": limits.security_days,
            "other_days": limits.other_days,
        }
        patches: PatchLevels = {
            "critical": {**self._patches["critical"]},
            "security": {**self._patches["security"]},
            "critical_and_security": {**self._patches["critical_and_security"]},
            "other": {**self._patches["other"]},
        }
        return {"rules": rules, "vms": {**self._vms}, "patches": patches, "worst": self._worst.in_order()}

    def _judged(self, aged_patches: Sequence[AgedPatch], *, is_whole: bool) -> list[_Judged]:
        """Each patch that a rule is for, once."""
        rules = self._whole if is_whole else self._cut
        found: dict[str, _Judged] = {}
        for patch, age in aged_patches:
            try:
                rule = rules[patch]
            except KeyError:
                rule = rules[patch] = self._rule(patch, is_whole=is_whole)
            if rule is None:
                continue
            judged = _judge(patch.key, rule, age)
            known = found.get(patch.key)
            if known is None or known < judged:
                found[patch.key] = judged
        return list(found.values())

    def _rule(self, patch: Patch, *, is_whole: bool) -> _Rule | None:
        """By what a patch is judged: by the strictest of the rules for its classes, None without one."""
        limits = self._limits
        by_class: list[tuple[int | None, ClassWord]]
        if not patch.is_critical_or_security:
            by_class = [(limits.other_days, "other")]
        elif not is_whole:
            by_class = [(limits.joint_days, "critical_and_security")]
        else:
            words = {word.lower() for word in patch.classifications}
            both: list[tuple[int | None, ClassWord]]
            both = [(limits.critical_days, "critical"), (limits.security_days, "security")]
            by_class = [each for each in both if each[1] in words]
        found = [(days, patch_class) for days, patch_class in by_class if days is not None]
        days, patch_class = min(found, default=(None, None))
        return None if days is None or patch_class is None else _Rule(patch_class, days)

    def _adds_unlisted(self, row: Row, missing: Unlisted) -> bool:
        """Count what a list that is cut short does not have; whether any of it may break a rule."""
        limits, patches = self._limits, self._patches
        may_break = False
        if limits.joint_days is not None:
            patches["critical_and_security"]["unknown"] += missing.critical_and_security or 0
            may_break = row["critical_and_security_count"] != 0
        if limits.other_days is not None:
            patches["other"]["unknown"] += missing.other or 0
            may_break |= row["other_count"] != 0
        return may_break

    def _add_breaching(self, row: Row, breached: list[_Judged]) -> None:
        worst = min(breached, key=lambda each: (-each.over_days, each.key))
        key = (-worst.over_days, -len(breached), row["name"].lower(), row["resource_id"].lower())
        if worst.age is None or not self._worst.takes(key):
            return
        vm: BreachingVm = {
            **reported_vm(row),
            "breached": len(breached),
            "patch": worst.key,
            "patch_class": worst.rule.patch_class,
            "age_days": worst.age.days,
            "age_basis": worst.age.basis,
            "limit_days": worst.rule.limit_days,
        }
        self._worst.add(key, vm)


def _judge(key: str, rule: _Rule, age: Age | None) -> _Judged:
    if age is None:
        return _Judged(_Level.UNKNOWN, 0, key, rule, None)
    over_days = age.days - rule.limit_days
    return _Judged(_Level.BREACHED if over_days > 0 else _Level.WITHIN, over_days, key, rule, age)


def _no_levels() -> Levels:
    return {"within": 0, "breached": 0, "unknown": 0}


def _count(levels: Levels, level: _Level) -> None:
    match level:
        case _Level.WITHIN:
            levels["within"] += 1
        case _Level.UNKNOWN:
            levels["unknown"] += 1
        case _Level.BREACHED:
            levels["breached"] += 1
