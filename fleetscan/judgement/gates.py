"""Gates: the figures at which a run is not good enough. A figure that is unknown is not good either.

The names of the figures are those of the totals, so that a new number there is a new name here.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fleetscan.judgement.ages import Age
from fleetscan.judgement.gate_figures import FIGURES, Figure, Unit
from fleetscan.judgement.oldest import Oldest
from fleetscan.judgement.rules_text import Rules, counted
from fleetscan.nearest import nearest
from fleetscan.records.totals import Totals

GATES = Rules("gates", "critical_and_security>0, age>30d, coverage<98%")
# (Whether a figure is beyond the limit, and how that is said.)
OPERATORS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    ">": (operator.gt, "more than"),
    ">=": (operator.ge, "not less than"),
    "<": (operator.lt, "less than"),
    "<=": (operator.le, "not more than"),
    "=": (operator.eq, "equal to"),
    "!=": (operator.ne, "other than"),
}
MISSPELT = {"==": "=", "=>": ">=", "=<": "<=", "<>": "!=", "!": "!="}
# An age that is known in part is a lower bound: only what is too old can be told by it.
OF_AGE = (">", ">=")
SINCE = {"published": "since its publication", "first_seen": "since it was first seen"}


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit that a figure must not pass: `coverage` `<` 98.0. Days for an age, percent for a percentage."""

    name: str
    operator: str
    limit: float

    @property
    def figure(self) -> Figure:
        """What it judges."""
        return FIGURES[self.name]

    @property
    def text(self) -> str:
        """The gate as a person writes it."""
        return f"{self.name}{self.operator}{self.figure.unit.written(self.limit)}"

    def is_breached_by(self, value: float) -> bool:
        """Whether a figure that is known is beyond the limit."""
        return OPERATORS[self.operator][0](value, self.limit)


@dataclass(frozen=True, slots=True)
class Breach:
    """A gate that a run does not pass: `value` is the figure, None where it is unknown."""

    gate: Gate
    value: float | None
    sentence: str


def gates_of(text: str) -> tuple[Gate, ...]:
    """The gates in a text such as "critical_and_security>0, coverage<98%", each once; case does not count.

    Raises ValueError with a clause that follows a setting's name.
    """
    return tuple(dict.fromkeys(map(_gate, GATES.clauses(text))))


def needs_age(gates: Iterable[Gate]) -> bool:
    """Whether one of `gates` judges the age of patches, which takes a pass over the rows."""
    return any(gate.figure.unit is Unit.DAYS for gate in gates)


def breaches(gates: Iterable[Gate], totals: Totals, oldest: Oldest | None) -> list[Breach]:
    """The gates that a run with these totals does not pass, in their order.

    `oldest` is None where no age was looked up: an age is unknown then.
    """
    found = (
        _of_age(gate, totals, oldest) if needs_age([gate]) else _of_totals(gate, totals) for gate in gates
    )
    return [breach for breach in found if breach is not None]


def _gate(clause: str) -> Gate:
    name, sign, value = _parts(clause)
    figure = FIGURES.get(name)
    if figure is None:
        meant = nearest(name, FIGURES)
        hint = f"did you mean {meant}?" if meant else f"known names: {', '.join(FIGURES)}"
        what = f"{name!r:.40} is no figure" if name else "a figure's name is missing"
        raise GATES.refusal(f"{what}; {hint}", clause)
    if figure.unit is Unit.DAYS and sign not in OF_AGE:
        raise GATES.refusal(f"{name} takes {' or '.join(OF_AGE)} alone", clause)
    limit = figure.unit.limit_of(value)
    if limit is None:
        example = figure.unit.example(name, sign)
        raise GATES.refusal(f"{figure.unit.told}, such as {example}", clause)
    gate = Gate(name, sign, limit)
    always = _always(gate)
    if always is not None:
        raise GATES.refusal("every run breaches that" if always else "no run can breach that", clause)
    return gate


def _parts(clause: str) -> tuple[str, str, str]:
    """The name, the operator and the value in a clause."""
    found = re.fullmatch("([^<>=!]*)([<>=!]+)(.*)", clause, re.DOTALL)
    if found is None:
        raise GATES.refusal(f"a gate has one of {' '.join(OPERATORS)} between its name and its limit", clause)
    sign = found[2]
    if sign not in OPERATORS:
        meant = MISSPELT.get(sign)
        known = " ".join(OPERATORS)
        raise GATES.refusal(f"write {meant}, not {sign}" if meant else f"write one of {known}", clause)
    return found[1].strip(), sign, found[3].strip()


def _always(gate: Gate) -> bool | None:
    """Whether every figure breaches the gate, or none can; None where it depends on the figure."""
    at_most = gate.limit == gate.figure.unit.most
    match gate.operator:
        case ">=" | "<" if gate.limit == 0:
            return gate.operator == ">="
        case "<=" | ">" if at_most:
            return gate.operator == "<="
    return None


def _of_totals(gate: Gate, totals: Totals) -> Breach | None:
    """The breach of a gate on one of the totals' own figures, None where it passes."""
    figure = gate.figure
    assessed, listed = totals["outcomes"]["assessed"], totals["listed"]
    value = figure.value_in(totals)
    if value is None and figure.is_fact and listed:
        return _unknown(
            gate, "it takes a scan that reads facts, and Resource Graph telling it of the VMs listed"
        )
    if value is None or (figure.is_of_patches and not assessed):
        return _unknown(gate, _why_nothing_is_known(listed))
    if not gate.is_breached_by(value):
        return None
    where = f"of {counted(listed, 'VM')} listed" if figure.is_fact else _measure(totals)
    if figure.key == "critical_and_security_count":
        vms = counted(totals["vms_with_critical_or_security"], "VM")
        where = f"on {vms} of {assessed:,} assessed ({listed:,} listed)"
    return _known(gate, value, where)


def _of_age(gate: Gate, totals: Totals, oldest: Oldest | None) -> Breach | None:
    """The breach of a gate on the age of the oldest patch that counts.

    The known oldest decides where it is too old by itself; otherwise one patch of unknown age is enough.
    """
    if not totals["outcomes"]["assessed"]:
        return _unknown(gate, _why_nothing_is_known(totals["listed"]))
    if oldest is None:
        return _unknown(gate, "no ages were looked up")
    if oldest.age is not None and gate.is_breached_by(oldest.age.days):
        return _known(gate, oldest.age.days, f"{_oldest_text(oldest.age)}; {_measure(totals)}")
    why = _why_age_is_unknown(oldest, totals)
    if not why:
        return None
    known = "" if oldest.age is None else f"; the oldest of the others: {_days(oldest.age)}"
    return _unknown(gate, f"no age for {', nor for '.join(why)}{known}; {_measure(totals)}")


def _oldest_text(age: Age) -> str:
    return f"the oldest missing patch that counts, {SINCE[age.basis]}"


def _days(age: Age) -> str:
    return f"{counted(age.days, 'day')} {SINCE[age.basis]}"


def _why_age_is_unknown(oldest: Oldest, totals: Totals) -> list[str]:
    """Which patches have no known age, a clause for each kind."""
    why: list[str] = []
    if oldest.undated_patches:
        vms = counted(oldest.undated_vms, "VM")
        cause = "no publication date, as on Linux, and no history"
        why.append(f"{_patches(oldest.undated_patches)} on {vms} ({cause})")
    if oldest.unlisted_patches:
        vms = counted(oldest.unlisted_vms, "VM")
        why.append(f"at least {_patches(oldest.unlisted_patches)} on {vms} (counted, not listed)")
    missing = totals["critical_and_security_count"] + totals["other_count"]
    if not why and oldest.age is None and missing:
        why.append(f"{_patches(missing)} (counted, not listed)")
    return why


def _patches(number: int) -> str:
    return f"{number:,} {'patch' if number == 1 else 'patches'}"


def _known(gate: Gate, value: float, where: str) -> Breach:
    unit, beyond = gate.figure.unit, OPERATORS[gate.operator][1]
    sentence = f"{gate.name} is {unit.shown(value)}, {beyond} {unit.shown(gate.limit)}: {where}"
    return Breach(gate, value, sentence)


def _unknown(gate: Gate, why: str) -> Breach:
    return Breach(gate, None, f"{gate.name} is unknown, which breaches {gate.text}: {why}")


def _measure(totals: Totals) -> str:
    return f"{counted(totals['outcomes']['assessed'], 'VM')} assessed of {totals['listed']:,} listed"


def _why_nothing_is_known(listed: int) -> str:
    return f"none of {counted(listed, 'VM')} listed was assessed" if listed else "no VM is listed"
