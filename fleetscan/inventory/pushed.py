"""Rules as clauses of a Resource Graph query: each keeps every VM that its rule keeps, perhaps more. Pure.

What a rule selects is decided after the listing alone; a clause only saves pages. It also keeps VMs about
which a fact is unknown, because those are counted. Facts: Microsoft's documents on Kusto: operators without
case know ASCII alone; in @'...' a quote is doubled and nothing else has a meaning. Tags are one column whose
names compare with case, so only its text is searched, for texts that JSON writes as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from fleetscan.inventory.machines import PATHS, VIEW_PATHS, location_of
from fleetscan.inventory.rules import WILD, Rule, Tag, is_pattern

VIEW = "properties.extended.instanceView"
OS_TYPE = f"tostring({PATHS['osType']})"
POWER_CODE = f"tostring({VIEW}.{VIEW_PATHS['powerState']})"
PATCH_MODES = [f"tostring({PATHS[name]}.patchMode)" for name in ("windowsPatching", "linuxPatching")]
OTHER_OS = {"windows": "Linux", "linux": "Windows"}
# A query may be long, but not of any length; a longer clause is left to the rules.
MOST_CHARS = 2000
PRINTABLE = re.compile(r"[ -~]+")
# What every writer of JSON writes without an escape.
PLAIN = re.compile(r"[A-Za-z0-9 ._-]+")
WORD = re.compile(r"[a-z]+")


def pushed(rules: Iterable[Rule]) -> list[tuple[Rule, str]]:
    """The rules that Graph can evaluate in part, each with its clause."""
    clauses = [(rule, clause_of(rule)) for rule in rules]
    return [(rule, clause) for rule, clause in clauses if clause is not None and len(clause) <= MOST_CHARS]


def clause_of(rule: Rule) -> str | None:
    """What Graph can evaluate of a rule; None where that is nothing."""
    make = (EXCLUSIONS if rule.is_exclusion else INCLUSIONS).get(rule.kind)
    return None if make is None else make(rule.values)


def literal(text: str) -> str | None:
    """`text` as a literal that means it exactly; None where it holds more than printable ASCII."""
    return "@'{}'".format(text.replace("'", "''")) if PRINTABLE.fullmatch(text) else None


def _any(clauses: Sequence[str | None]) -> str | None:
    """That one of the clauses holds; None where one of them cannot be told."""
    told = [clause for clause in clauses if clause is not None]
    return " or ".join(told) if len(told) == len(clauses) and told else None


def _literals(values: Iterable[str | None]) -> str | None:
    told = [None if value is None else literal(value) for value in values]
    return None if None in told or not told else ", ".join(text for text in told if text is not None)


def _fixed(glob: str) -> str:
    """What every name that `glob` matches begins with, as far as that is printable ASCII."""
    found = PRINTABLE.match(re.split(rf"[{re.escape(WILD)}]", glob, maxsplit=1)[0])
    return found[0] if found else ""


def _names(column: str) -> Callable[[Sequence[str]], str | None]:
    def clause(values: Sequence[str]) -> str | None:
        prefixes = [_fixed(value) for value in values if is_pattern(value)]
        names = [value for value in values if not is_pattern(value)]
        if "" in prefixes:
            return None
        told: list[str | None] = [f"{column} startswith {literal(prefix)}" for prefix in prefixes]
        if names:
            listed = _literals(names)
            told.append(None if listed is None else f"{column} in~ ({listed})")
        return _any(told)

    return clause


def _no_name(column: str) -> Callable[[Sequence[str]], str | None]:
    def clause(values: Sequence[str]) -> str | None:
        [value] = values
        if not is_pattern(value):
            listed = _literals([value])
            return None if listed is None else f"{column} !in~ ({listed})"
        # A glob leaves out for certain only what it fixes, to the last character.
        fixed = _fixed(value)
        return f"{column} !startswith {literal(fixed)}" if fixed and value == f"{fixed}*" else None

    return clause


def _locations(values: Sequence[str]) -> str | None:
    listed = _literals(map(location_of, values))
    return (
        None if listed is None else f"location in~ ({listed}) or location contains ' ' or isempty(location)"
    )


def _no_location(values: Sequence[str]) -> str | None:
    listed = _literals(map(location_of, values))
    return None if listed is None else f"location !in~ ({listed})"


def _systems(values: Sequence[str]) -> str | None:
    # What is neither word counts as unknown.
    others = {OTHER_OS.get(value.lower()) for value in values}
    return f"{OS_TYPE} !~ '{other}'" if len(others) == 1 and (other := others.pop()) else None


def _no_system(values: Sequence[str]) -> str | None:
    listed = _literals(values)
    return None if listed is None else f"{OS_TYPE} !in~ ({listed})"


def _power(values: Sequence[str]) -> str | None:
    told = [f"{POWER_CODE} contains {literal(value)}" if WORD.fullmatch(value) else None for value in values]
    clause = _any(told)
    return None if clause is None else f"{clause} or isempty({POWER_CODE})"


def _patch_modes(values: Sequence[str]) -> str | None:
    listed = _literals(values)
    if listed is None:
        return None
    one, other = PATCH_MODES
    return f"{one} in~ ({listed}) or {other} in~ ({listed}) or (isempty({one}) and isempty({other}))"


def _tags(values: Sequence[str]) -> str | None:
    """One tag, with the values that it may have."""
    tags = [Tag.of(value) for value in values]
    if any(tag.is_negated for tag in tags) or not PLAIN.fullmatch(tags[0].name):
        return None
    clause = f"tostring(tags) contains {literal(tags[0].name)}"
    texts = {tag.value or "" for tag in tags}
    if all(map(PLAIN.fullmatch, texts)):
        alternatives = " or ".join(f"tostring(tags) contains {literal(text)}" for text in sorted(texts))
        clause = f"{clause} and ({alternatives})"
    return clause


INCLUSIONS: dict[str, Callable[[Sequence[str]], str | None]] = {
    "resource_group": _names("resourceGroup"),
    "location": _locations,
    "os": _systems,
    "tag": _tags,
    "name": _names("name"),
    "power_state": _power,
    "patch_mode": _patch_modes,
}
EXCLUSIONS: dict[str, Callable[[Sequence[str]], str | None]] = {
    "resource_group": _no_name("resourceGroup"),
    "location": _no_location,
    "os": _no_system,
    "name": _no_name("name"),
}
