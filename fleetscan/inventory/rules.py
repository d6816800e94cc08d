"""What a rule of the selection says of a VM: it holds, or not, or what it asks about is unknown. Pure.

Azure compares names, ids and the names of tags without case, and the values of tags exactly. What is unknown
never satisfies a rule. Facts: Microsoft's documents on tags and on names of resources.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import TypeAlias

from fleetscan.inventory.machines import UNTOLD_TAGS, location_of, power_state_of
from fleetscan.model import Target

Holds: TypeAlias = Callable[[Target], "bool | None"]

EXCLUDE = "exclude_"
# What makes a pattern of a name.
WILD = "*?["
# Values of one rule that its words repeat.
SAID = 4
SAID_CHARS = 80


@dataclass(frozen=True, slots=True)
class Tag:
    """One rule on tags: `env=prod`, `env` (value None: has the tag), `env!=lab`."""

    name: str
    value: str | None = None
    is_negated: bool = False

    @classmethod
    def of(cls, text: str) -> Tag:
        """The rule that `text` writes; the first `=` parts name and value. ValueError where no name is."""
        name, sign, value = text.partition("=")
        is_negated = bool(sign) and name.endswith("!")
        name = name.removesuffix("!") if is_negated else name
        if not name.strip():
            raise ValueError("has no tag's name: write NAME=VALUE, NAME or NAME!=VALUE")
        return cls(name, value if sign else None, is_negated)

    def holds(self, target: Target) -> bool | None:
        """Whether the VM is tagged so; None where its tags are unknown."""
        if target.tags is UNTOLD_TAGS:
            return None
        name = folded(self.name)
        values = [value for key, value in target.tags.items() if folded(key) == name]
        if self.value is None:
            return bool(values)
        return (self.value in values) is not self.is_negated


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with the `values` as a person wrote them: alternatives of each other.

    `fact` is what it asks about, for people. A VM passes an inclusion that holds, and an exclusion that does
    not.
    """

    setting: str
    values: tuple[str, ...]
    fact: str
    holds: Holds

    @property
    def is_exclusion(self) -> bool:
        """Whether VMs for which it holds are left out."""
        return self.setting.startswith(EXCLUDE)

    @property
    def kind(self) -> str:
        """The setting that includes by the same fact."""
        return self.setting.removeprefix(EXCLUDE)

    @property
    def words(self) -> str:
        """The rule as a person writes it."""
        return words_of(self.setting, self.values)

    def passes(self, target: Target) -> bool:
        """Whether the VM stays in the fleet."""
        held = self.holds(target)
        return held is not True if self.is_exclusion else held is True


def words_of(setting: str, values: Sequence[str]) -> str:
    """A setting with its values, the first few: tag env=prod tag env=stage."""
    name = setting.replace("_", "-")
    cut = [value if len(value) <= SAID_CHARS else f"{value[:SAID_CHARS]}..." for value in values[:SAID]]
    said = [f"{name} {shlex.quote(value)}" for value in cut]
    return " ".join([*said, *([f"and {len(values) - SAID:,} more"] if len(values) > SAID else [])])


def folded(text: str) -> str:
    """`text` in lower case, as Azure compares it: no letter beyond ASCII becomes one of ASCII."""
    if text.isascii():
        return text.lower()
    return "".join(
        low if len(low := each.lower()) == 1 and low.isascii() == each.isascii() else each for each in text
    )


def is_pattern(text: str) -> bool:
    """Whether a name is a glob."""
    return not set(WILD).isdisjoint(text)


def _is_named(values: Sequence[str], name_of: Callable[[Target], str]) -> Holds:
    """By name or glob; a name that looks like a glob is itself, too."""
    names = frozenset(map(folded, values))
    globs = [re.compile(translate(folded(value))).match for value in values if is_pattern(value)]

    def holds(target: Target) -> bool:
        name = folded(name_of(target))
        return name in names or any(matches(name) for matches in globs)

    return holds


def _is_word(wanted: Iterable[str | None], fact_of: Callable[[Target], str | None]) -> Holds:
    words = frozenset(folded(word) for word in wanted if word is not None)

    def holds(target: Target) -> bool | None:
        fact = fact_of(target)
        return None if fact is None else folded(fact) in words

    return holds


def _by_tags(values: Sequence[str]) -> Holds:
    tags = [Tag.of(value) for value in values]

    def holds(target: Target) -> bool | None:
        held = [tag.holds(target) for tag in tags]
        return True if True in held else None if None in held else False

    return holds


# What each kind of rule asks about, and how it is made of its values; the order is that in which they refuse.
KINDS: Mapping[str, tuple[str, Callable[[Sequence[str]], Holds]]] = {
    "resource_group": ("resource group", lambda values: _is_named(values, lambda vm: vm.resource_group)),
    "location": (
        "location",
        lambda values: _is_word(map(location_of, values), lambda vm: location_of(vm.location)),
    ),
    "os": ("operating system", lambda values: _is_word(values, lambda vm: vm.os_type)),
    "tag": ("tags", _by_tags),
    "name": ("name", lambda values: _is_named(values, lambda vm: vm.name)),
    "power_state": (
        "power state",
        lambda values: _is_word(map(power_state_of, values), lambda vm: vm.power_state),
    ),
    "patch_mode": ("patch mode", lambda values: _is_word(values, lambda vm: vm.facts.get("patch_mode"))),
}


def rules_of(wanted: Mapping[str, Sequence[str]]) -> list[Rule]:
    """The rules that settings make, by their names: first what includes, then what excludes.

    Values of one setting are alternatives, and so are those of one tag that it may have; a tag that it may
    not have, and each value that excludes, is a rule of its own. ValueError about a tag without a name.
    """
    rules = [
        _rule(kind, values)
        for kind in KINDS
        for values in (_tags_apart(wanted.get(kind, ())) if kind == "tag" else [tuple(wanted.get(kind, ()))])
        if values
    ]
    return rules + [
        _rule(EXCLUDE + kind, (value,)) for kind in KINDS for value in wanted.get(EXCLUDE + kind, ())
    ]


def _rule(setting: str, values: tuple[str, ...]) -> Rule:
    fact, make = KINDS[setting.removeprefix(EXCLUDE)]
    return Rule(setting, values, fact, make(values))


def _tags_apart(values: Sequence[str]) -> list[tuple[str, ...]]:
    """The rules on tags, those that are alternatives together."""
    alternatives: dict[object, list[str]] = {}
    for value in values:
        tag = Tag.of(value)
        alternatives.setdefault(value if tag.is_negated else (folded(tag.name),), []).append(value)
    return [tuple(group) for group in alternatives.values()]
