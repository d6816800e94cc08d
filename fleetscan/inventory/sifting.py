"""Which of the listed VMs the selection keeps: the one place, after every way of listing. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fleetscan.inventory.contradictions import refuse_contradictions
from fleetscan.inventory.rules import Rule, rules_of
from fleetscan.model import Target


@dataclass(frozen=True, slots=True)
class Sifted:
    """The VMs that are `kept`, the others with the rule that leaves each out, and what a person should know.

    `emptied_by` has the words of the rule that left none of some.
    """

    kept: list[Target]
    refused: list[tuple[Target, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    emptied_by: str | None = None


class Selection:
    """The rules of the settings on what a VM is; where it is, its subscription, is decided before.

    Raises UsageError for rules that no VM can pass together, ValueError for one that cannot be read.
    """

    def __init__(self, wanted: Mapping[str, Sequence[str]] | None = None) -> None:
        self.rules = rules_of(wanted or {})
        refuse_contradictions(self.rules)

    def refused_by(self, target: Target) -> str | None:
        """The rule that leaves the VM out, as a person wrote it; None where it is selected."""
        rule = self._refusing(target)
        return None if rule is None else rule.words

    def sift(
        self, targets: Sequence[Target], outside: Callable[[Target], str | None] | None = None
    ) -> Sifted:
        """The VMs that pass every rule; `outside` names one on a subscription that comes before them."""
        if not self.rules and outside is None:
            return Sifted(list(targets))
        kept: list[Target] = []
        refused: list[tuple[Target, str]] = []
        unknown: Counter[int] = Counter()
        words = [rule.words for rule in self.rules]
        reached = -1
        for target in targets:
            if outside is not None and (where := outside(target)) is not None:
                refused.append((target, where))
                continue
            place = self._place(target)
            reached = max(reached, len(self.rules) if place is None else place)
            if place is None:
                kept.append(target)
                unknown.update(self._in_doubt(target))
                continue
            refused.append((target, words[place]))
            if self._is_decided_by_unknown(place, target):
                unknown[place] += 1
        emptied_by = refused[0][1] if refused and reached < 0 else None
        if targets and not kept and reached >= 0:
            emptied_by = words[reached]
        return Sifted(kept, refused, [*self._notes(unknown)], emptied_by)

    def _refusing(self, target: Target) -> Rule | None:
        place = self._place(target)
        return None if place is None else self.rules[place]

    def _place(self, target: Target) -> int | None:
        """Which rule refuses the VM first."""
        return next((place for place, rule in enumerate(self.rules) if not rule.passes(target)), None)

    def _is_decided_by_unknown(self, place: int, target: Target) -> bool:
        """Whether nothing leaves the VM out but what is unknown to the rule at `place` and later ones."""
        return not self.rules[place].is_exclusion and all(
            rule.passes(target) or (not rule.is_exclusion and rule.holds(target) is None)
            for rule in self.rules[place:]
        )

    def _in_doubt(self, target: Target) -> list[int]:
        """The exclusions that the VM passes only because what they ask about is unknown."""
        return [
            place for place, rule in enumerate(self.rules) if rule.is_exclusion and rule.holds(target) is None
        ]

    def _notes(self, unknown: Mapping[int, int]) -> Iterable[str]:
        for place, vms in sorted(unknown.items()):
            rule = self.rules[place]
            are = "1 VM is" if vms == 1 else f"{vms:,} VMs are"
            their, done = ("its", "kept in spite of" if rule.is_exclusion else "left out by")
            their = "its" if vms == 1 else "their"
            is_unknown = "are unknown" if rule.fact == "tags" else "is unknown"
            yield f"{are} {done} {rule.words}: {their} {rule.fact} {is_unknown}"
