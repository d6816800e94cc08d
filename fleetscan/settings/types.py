"""The types a setting's value can take: a count, a duration, one word of several, an endpoint.

A form turns text into a value and says no in a clause that follows the setting's name, such as
"must be a whole number, 1 or more, not '0'"; it knows nothing of where the text came from.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeAlias

from fleetscan.addresses import Origin

Value: TypeAlias = str | int | float | bool

MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
YEAR_S = 365 * 86_400.0
SHOWN_LENGTH = 80


class ValueType(ABC):
    """How one value reads, which values are allowed, and how it is shown to people."""

    __slots__ = ()

    plain: tuple[type, ...] = ()
    """The types besides text in which a TOML file may write it."""

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
        bounds = f"{self.low} or more" if self.high is None else f"from {self.low} to {self.high}"
        return f"a whole number, {bounds}"

    def allows(self, value: object) -> bool:
        return type(value) is int and self.low <= value and (self.high is None or value <= self.high)

    def parse(self, text: str) -> Value:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
            raise self.refusal(text)
        return int(text)


@dataclass(frozen=True, slots=True)
class Number(ValueType):
    """A number that may have a fraction, within bounds: infinity and not-a-number are outside."""

    low: float
    high: float
    metavar: str = "N"
    plain = (int, float)

    @property
    def expected(self) -> str:
        return f"a number, from {self.show(self.low)} to {self.show(self.high)}"

    def allows(self, value: object) -> bool:
        return type(value) in (int, float) and self.low <= value <= self.high  # type: ignore[operator]

    def parse(self, text: str) -> Value:
        try:
            return float(text)
        except ValueError:
            raise self.refusal(text) from None

    def show(self, value: object) -> str:
        return f"{value:.15g}" if isinstance(value, int | float) else str(value)


@dataclass(frozen=True, slots=True)
class Duration(ValueType):
    """Seconds, written with their unit: 1500ms, 75s, 2m, 20h, 30d."""

    low_s: float
    high_s: float = YEAR_S
    metavar: str = "DURATION"

    @property
    def expected(self) -> str:
        low, high = self.show(self.low_s), self.show(self.high_s)
        return f"a duration with its unit, such as 1500ms, 90s, 2m, 20h or 30d, from {low} to {high}"

    def allows(self, value: object) -> bool:
        return type(value) in (int, float) and self.low_s <= value <= self.high_s  # type: ignore[operator]

    @property
    def expected_value(self) -> str:
        return f"a number of seconds, from {self.low_s:g} to {self.high_s:g}"

    def parse(self, text: str) -> Value:
        matched = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(ms|s|m|h|d)?", text.strip())
        if matched is None:
            raise self.refusal(text)
        number, unit = matched.groups()
        if unit is None:
            raise ValueError(f"needs a unit: write {number}s for seconds (or use ms, m, h, d)")
        return float(number) * MILLISECONDS[unit] / 1000

    def show(self, value: object) -> str:
        if not isinstance(value, int | float):
            return str(value)
        if not value:
            return "0s"
        milliseconds = value * 1000
        unit = next((name for name in "dhms" if milliseconds % MILLISECONDS[name] == 0), "ms")
        return f"{milliseconds / MILLISECONDS[unit]:.15g}{unit}"


@dataclass(frozen=True, slots=True)
class OneOf(ValueType):
    """One word of several."""

    words: tuple[str, ...]

    @property
    def metavar(self) -> str:
        return "|".join(self.words)

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.words)}"

    def allows(self, value: object) -> bool:
        return value in self.words


@dataclass(frozen=True, slots=True)
class Text(ValueType):
    """Text of a given shape, on one line."""

    metavar: str
    expected: str
    shape: str = r".+"

    def allows(self, value: object) -> bool:
        return isinstance(value, str) and re.fullmatch(self.shape, value) is not None and _is_nameable(value)


def _is_nameable(text: str) -> bool:
    """Whether a file can have the name: no NUL, and no surrogate but those that stand for a name's bytes."""
    try:
        return b"\0" not in text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False


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
        if not isinstance(value, str) or not re.fullmatch(r"https?://[^/?#\\\s]+", value, re.ASCII):
            return False
        try:
            origin = Origin.of(value)
        except ValueError:
            return False
        return value.isascii() and origin.is_confidential

    def parse(self, text: str) -> Value:
        return text.strip().rstrip("/")
