"""The figures that a gate can judge, with their names and units: derived from the declared totals.

A name is a key of the totals without `_count` and `_pct`, a word of `outcomes`, or `age`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple, cast, get_args, get_type_hints

from fleetscan.judgement.rules_text import days_of, days_text
from fleetscan.records.known_facts import COUNTED
from fleetscan.records.totals import Outcomes, Totals

MOST_DIGITS = 18
SECONDS_PER = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
NUMBERS = frozenset({int, float})
# A number of the totals that needs no assessed VM; other counts than facts are sums over these alone.
OF_LISTED = "listed"
ENDINGS = re.compile("_(count|pct)$")


class Unit(Enum):
    """What a figure is measured in, and so how its limit is written."""

    COUNT = "write a whole number", "0"
    PERCENT = "write a percentage from 0% to 100%", "98%"
    SECONDS = "write seconds, or one unit of time as in 2h", "7200"
    DAYS = "write days or weeks", "30d"

    @property
    def told(self) -> str:
        """What to write."""
        return self.value[0]

    @property
    def most(self) -> float | None:
        """The largest figure that there can be, None without one."""
        return 100.0 if self is Unit.PERCENT else None

    def example(self, name: str, sign: str) -> str:
        """A gate that is written rightly."""
        return f"{name}{sign}{self.value[1]}"

    def limit_of(self, text: str) -> float | None:
        """The limit that `text` means in this unit; None where it means none."""
        match self:
            case Unit.COUNT:
                return _whole(text)
            case Unit.PERCENT:
                return _percentage(text)
            case Unit.SECONDS:
                return _seconds(text)
            case Unit.DAYS:
                return days_of(text)

    def written(self, limit: float) -> str:
        """The limit as a person writes it."""
        ending = {Unit.PERCENT: "%", Unit.DAYS: "d"}.get(self, "")
        return f"{limit:.15g}{ending}" if self is Unit.PERCENT else f"{int(limit)}{ending}"

    def shown(self, value: float) -> str:
        """A figure as a person reads it."""
        match self:
            case Unit.COUNT:
                return f"{int(value):,}"
            case Unit.PERCENT:
                return f"{value:.15g}%"
            case Unit.SECONDS:
                return f"{value:,.15g} s"
            case Unit.DAYS:
                return days_text(int(value))


class Figure(NamedTuple):
    """A figure that a gate can judge: its key in the totals, or in `outcomes`; the age has none."""

    name: str
    key: str | None
    unit: Unit
    meaning: str
    is_outcome: bool = False
    is_of_patches: bool = False
    is_fact: bool = False

    def value_in(self, totals: Totals) -> float | None:
        """What the totals say."""
        told: Mapping[str, object] = totals["outcomes"] if self.is_outcome else totals
        return cast("float | None", told.get(self.key or ""))


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", text, re.ASCII) else None


def _percentage(text: str) -> float | None:
    """A percentage with two decimals at most, as the totals have them."""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,2})?) ?%?", text, re.ASCII)
    limit = float(found[1]) if found else None
    return None if limit is None or limit > 100 else limit


def _seconds(text: str) -> int | None:
    found = re.fullmatch(rf"([0-9]{{1,{MOST_DIGITS // 2}}}) ?([smhdw]?)", text, re.ASCII)
    return int(found[1]) * SECONDS_PER[found[2] or "s"] if found else None


def _figures() -> Iterator[Figure]:
    for key, hint in get_type_hints(Totals, include_extras=True).items():
        # (What the hint's type may be; the sentences that describe it, its own last.)
        declared, *told = get_args(hint) or (hint,)
        kinds = {*get_args(declared)} - {type(None)} or {declared}
        if kinds <= NUMBERS:
            meaning = [each for each in told if isinstance(each, str)][-1]
            unit = _unit(key)
            is_fact = key in COUNTED
            is_of_patches = unit is Unit.COUNT and key != OF_LISTED and not is_fact
            name = ENDINGS.sub("", key)
            yield Figure(name, key, unit, meaning, is_of_patches=is_of_patches, is_fact=is_fact)
    for word in Outcomes.__annotations__:
        yield Figure(word, word, Unit.COUNT, f"VMs with the outcome {word}.", is_outcome=True)
    yield Figure("age", None, Unit.DAYS, "Age of the oldest missing patch that counts.", is_of_patches=True)


def _unit(key: str) -> Unit:
    if key.endswith("_pct"):
        return Unit.PERCENT
    return Unit.SECONDS if key.endswith("_s") else Unit.COUNT


FIGURES = {figure.name: figure for figure in _figures()}


def figures_table() -> list[tuple[str, str, str]]:
    """Each name, a gate on it and its meaning, for the documents."""
    return [
        (figure.name, figure.unit.example(figure.name, _usual_sign(figure)), figure.meaning)
        for figure in FIGURES.values()
    ]


def _usual_sign(figure: Figure) -> str:
    return "<" if figure.unit is Unit.PERCENT else ">"
