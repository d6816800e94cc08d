"""The types a setting's value can take: a count, a duration, one word of several, an endpoint.

A form turns text into a value and says no in a clause that follows the setting's name, such as
"must be a whole number, 1 or more, not '0'"; it knows nothing of where the text came from.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from fleetscan.addresses import Origin
from fleetscan.nearest import nearest

Value: TypeAlias = str | int | float | bool

# The largest first.
MILLISECONDS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
YEAR_S = 365 * 86_400.0
SHOWN_LENGTH = 80
# A number in text; what follows one in a duration is its unit, and a blank may stand before the next.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)(?: (?=[0-9]))?", re.ASCII)
MAX_NUMBER_CHARS = 100
MAX_DIGITS = 18
# Where a URL's authority begins at the latest: after "https://".
AUTHORITY_AT = 8


class ValueType(ABC):
    """How one value reads, which values are allowed, and how it is shown to people."""

    __slots__ = ()

    plain: tuple[type, ...] = ()
    """The types besides text in which a TOML file may write it."""
    may_repeat: bool = False
    """Whether a value that is given twice does no harm."""

    @property
    @abstractmethod
    def metavar(self) -> str:
        """What stands for the value in a usage line."""

    @property
    @abstractmethod
    def expected(self) -> str:
        """What completes the clause "must be ..."."""

    @abstractmethod
    def allows(self, value: object) -> bool:
        """Whether `value` is one a setting of this form may hold."""

    def parse(self, text: str) -> Value:
        """The value that `text` means, allowed or not; raises ValueError where it means none."""
        return text.strip()

    @property
    def expected_value(self) -> str:
        """What completes the clause "must be ..." about a value in a program, which has no unit to write."""
        return self.expected

    def kept(self, value: Value) -> Value:
        """What of the value a file or a message may have: no password."""
        return value

    def check(self, value: object) -> None:
        """Raises ValueError when `value`, a program's, is not allowed."""
        if not self.allows(value):
            raise ValueError(f"must be {self.expected_value}, not {value!r:.80}")

    def show(self, value: object) -> str:
        """The value as a person would write it."""
        return str(value)

    def refusal(self, got: object) -> ValueError:
        """The clause that says no to `got`, which is cut short: it may be anything at all."""
        shown = repr(got if isinstance(got, str) else self.show(got))
        return ValueError(f"must be {self.expected}, not {shown[:SHOWN_LENGTH]}")


@dataclass(frozen=True, slots=True)
class Whole(ValueType):
    """A whole number of something."""

    low: int
    high: int | None = None
    metavar: str = "N"
    plain = (int,)

    @property
    def expected(self) -> str:
        if self.high is None:
            return f"a whole number, {self.low} or more, of {MAX_DIGITS} digits at most"
        return f"a whole number, from {self.low} to {self.high}"

    def allows(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= (self.high or 10**MAX_DIGITS - 1)

    def parse(self, text: str) -> Value:
        if not re.fullmatch(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}", text.strip()):
            raise self.refusal(text)
        return int(text)


@dataclass(frozen=True, slots=True)
class Number(ValueType):
    """A number that may have a fraction, within bounds: infinity and not-a-number are outside.

    `percent` is what `1%` stands for; None where no percentage is understood.
    """

    low: float
    high: float
    metavar: str = "N"
    percent: float | None = None
    plain = (int, float)

    @property
    def expected(self) -> str:
        if self.percent is None:
            return self.expected_value
        return f"{self.expected_value}, or a percentage such as 50%"

    @property
    def expected_value(self) -> str:
        return f"a number, from {self.show(self.low)} to {self.show(self.high)}"

    def allows(self, value: object) -> bool:
        return type(value) in (int, float) and self.low <= value <= self.high  # type: ignore[operator]

    def parse(self, text: str) -> Value:
        number = text.strip()
        is_percentage = self.percent is not None and number.endswith("%")
        number = number[:-1].rstrip() if is_percentage else number
        if len(number) > MAX_NUMBER_CHARS or _NUMBER.fullmatch(number) is None:
            raise self.refusal(text)
        return float(Decimal(number) * Decimal(str(self.percent))) if is_percentage else float(number)

    def show(self, value: object) -> str:
        return f"{value:.15g}" if isinstance(value, int | float) else str(value)


@dataclass(frozen=True, slots=True)
class Duration(ValueType):
    """Seconds, written with their units: 1500ms, 75s, 2m, 1h30m, 20h, 2w."""

    low_s: float
    high_s: float = YEAR_S
    metavar: str = "DURATION"

    @property
    def expected(self) -> str:
        low, high = self.show(self.low_s), self.show(self.high_s)
        return f"a duration with its unit, such as 1500ms, 90s, 1h30m, 20h or 30d, from {low} to {high}"

    def allows(self, value: object) -> bool:
        return type(value) in (int, float) and self.low_s <= value <= self.high_s  # type: ignore[operator]

    @property
    def expected_value(self) -> str:
        return f"a number of seconds, from {self.low_s:.15g} to {self.high_s:.15g}"

    def parse(self, text: str) -> Value:
        parts = self._parts_of(text)
        places = [list(MILLISECONDS).index(unit) for _, unit in parts]
        if places != sorted(set(places)):
            raise self._misspelt("its units from large to small, each once, such as 1h30m", text)
        if any("." in number for number, _ in parts[:-1]):
            raise self._misspelt("a fraction in its last part alone, such as 1m1.5s", text)
        return float(sum(Decimal(number) * MILLISECONDS[unit] for number, unit in parts) / 1000)

    def _parts_of(self, text: str) -> list[tuple[str, str]]:
        """Numbers with their units; raises ValueError where the text is not made of such."""
        rest = text.strip()
        parts: list[tuple[str, str]] = []
        while (found := _PART.match(rest)) and len(rest) <= MAX_NUMBER_CHARS:
            parts.append((found[1], found[2]))
            rest = rest[found.end() :]
        units = {unit for _, unit in parts}
        if rest or not parts or not {unit.lower() for unit in units} <= {*MILLISECONDS, ""}:
            raise self.refusal(text)
        if not units <= {*MILLISECONDS, ""}:
            raise self._misspelt("its units in lower case, such as 30m for minutes", text)
        if "" in units:
            number = next(number for number, unit in parts if not unit)
            raise ValueError(f"needs a unit: write {number}s for seconds (or use ms, m, h, d, w)")
        return parts

    def _misspelt(self, how: str, text: str) -> ValueError:
        return ValueError(f"must have {how}, not {text.strip()!r}")

    def show(self, value: object) -> str:
        """The shortest text that reads back as `value`."""
        if not isinstance(value, int | float) or not abs(value) < YEAR_S * 1000:
            return str(value)
        # (Adding nothing makes -0.0 a plain zero.)
        exact_s = Decimal(repr(value + 0))
        milliseconds = exact_s * 1000
        whole = [
            f"{milliseconds // size:f}{unit}"
            for unit, size in MILLISECONDS.items()
            if milliseconds and milliseconds % size == 0
        ]
        return min([*whole, *_mixed(milliseconds), f"{exact_s.normalize():f}s"], key=len)


def _mixed(milliseconds: Decimal) -> list[str]:
    """A whole number of milliseconds in several units, such as 1h30m; nothing for any other."""
    if milliseconds <= 0 or milliseconds % 1:
        return []
    shown, rest = "", int(milliseconds)
    for unit, size in MILLISECONDS.items():
        number, rest = divmod(rest, size)
        shown += f"{number}{unit}" if number else ""
    return [shown]


@dataclass(frozen=True, slots=True)
class OneOf(ValueType):
    """One word of several; `kind` stands for them in a usage line where they are too many for it."""

    words: tuple[str, ...]
    kind: str = ""

    @property
    def metavar(self) -> str:
        return self.kind or "|".join(self.words)

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.words)}"

    def allows(self, value: object) -> bool:
        return value in self.words

    def refusal(self, got: object) -> ValueError:
        meant = nearest(str(got), self.words)
        hint = f"; did you mean {meant}?" if meant else ""
        return ValueError(f"{ValueType.refusal(self, got)}{hint}")


@dataclass(frozen=True, slots=True)
class Text(ValueType):
    """Text of a given shape, on one line."""

    metavar: str
    expected: str
    shape: str = r".+"
    may_repeat: bool = False

    def allows(self, value: object) -> bool:
        return isinstance(value, str) and re.fullmatch(self.shape, value) is not None and _is_nameable(value)


def _is_nameable(text: str) -> bool:
    """Whether a file can have the name: no NUL, and no surrogate but those that stand for a name's bytes."""
    try:
        return b"\0" not in text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False


@dataclass(frozen=True, slots=True)
class Day(ValueType):
    """A day of the calendar, as 2026-11-10."""

    metavar: str = "DATE"
    expected: str = "a day of the calendar, such as 2026-11-10"
    plain = (date,)

    def allows(self, value: object) -> bool:
        if not isinstance(value, str) or re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
            return False
        try:
            date.fromisoformat(value)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Switch(ValueType):
    """Something that is on or off."""

    metavar: str = ""
    expected: str = "true or false"
    plain = (bool,)

    def allows(self, value: object) -> bool:
        return isinstance(value, bool)

    def parse(self, text: str) -> Value:
        match text.strip().lower():
            case "true" | "yes" | "on" | "1":
                return True
            case "false" | "no" | "off" | "0":
                return False
            case _:
                raise self.refusal(text)


@dataclass(frozen=True, slots=True)
class Endpoint(ValueType):
    """An ARM base URL. The token travels there: https, or http to this very machine, and nothing else."""

    metavar: str = "URL"
    expected: str = "https://HOST[:PORT] without a path (http:// only for loopback)"

    def allows(self, value: object) -> bool:
        return self._fault_of(value) is None

    def parse(self, text: str) -> Value:
        url = text.strip().rstrip("/")
        return url.lower() if self.allows(url) else url

    def check(self, value: object) -> None:
        if not self.allows(value):
            raise self.refusal(value)

    def refusal(self, got: object) -> ValueError:
        """The clause that says no, and why. What may be a password is not shown."""
        fault = self._fault_of(got)
        if isinstance(got, str) and "@" in got:
            return ValueError(f"must be {self.expected}: {fault}")
        return ValueError(f"must be {self.expected}, not {repr(got)[:SHOWN_LENGTH]}: {fault}")

    def _fault_of(self, value: object) -> str | None:
        """Why `value` is no endpoint, None where it is one."""
        if not isinstance(value, str):
            return "it is no text"
        try:
            origin = Origin.of(value)
        except ValueError as error:
            return str(error)
        if re.search("[/?#]", value[AUTHORITY_AT:]):
            return "it has a path, a query or a fragment"
        return None if origin.is_confidential else "plain http would show the token to the network"
