"""Rules that no VM can pass together: a mistake in what was asked for, not an empty fleet. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan.errors import UsageError
from fleetscan.inventory.machines import location_of, power_state_of
from fleetscan.inventory.rules import Rule, Tag, folded, is_pattern, rules_of
from fleetscan.model import Target

NAMED = frozenset({"name", "resource_group"})


def refuse_contradictions(rules: Sequence[Rule]) -> None:
    """Raise UsageError where every alternative of one rule is excluded by others."""
    exclusions = [rule for rule in rules if rule.is_exclusion]
    for rule in rules:
        if rule.is_exclusion:
            continue
        # A tag that a VM may not have excludes as an exclusion does.
        against = [each for each in exclusions if each.kind == rule.kind]
        against += [each for each in rules if each is not rule and _is_negated_tag(each)]
        met = [next((each for each in against if _covers(each, value)), None) for value in rule.values]
        if None not in met:
            others = " ".join(dict.fromkeys(each.words for each in met if each is not None))
            raise UsageError(f"no VM can pass both {rule.words} and {others}; leave one of them out")


def _is_negated_tag(rule: Rule) -> bool:
    return rule.setting == "tag" and Tag.of(rule.values[0]).is_negated


def _covers(exclusion: Rule, value: str) -> bool:
    """Whether every VM that `value` includes is left out by `exclusion`."""
    other = exclusion.values[0]
    match exclusion.kind:
        case "tag":
            return _covers_tag(exclusion, Tag.of(value))
        case "location":
            return location_of(value) == location_of(other)
        case "power_state":
            return power_state_of(value) == power_state_of(other)
        case kind if kind in NAMED and not is_pattern(value):
            [rule] = rules_of({kind: (other,)})
            return rule.holds(Target("", "", value, value)) is True
        case kind if kind in NAMED and other.strip("*") == "":
            return True
    return folded(value) == folded(other)


def _covers_tag(exclusion: Rule, tag: Tag) -> bool:
    other = Tag.of(exclusion.values[0])
    if not exclusion.is_exclusion:
        # `env!=lab` leaves out what `env=lab` does.
        other = Tag(other.name, other.value)
    if (folded(other.name), other.value, other.is_negated) == (folded(tag.name), tag.value, tag.is_negated):
        return True
    if folded(other.name) != folded(tag.name) or tag.is_negated:
        return False
    if other.is_negated:
        return tag.value is not None and tag.value != other.value
    return other.value is None
