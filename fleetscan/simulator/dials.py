"""How a dial of a scenario is declared once: its default, what it does, why, and what it may be set to.

Nothing here knows where values come from: a command line derives its options from the same declaration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")

DIAL = "dial"
WORD = r"[\x21-\x7e]+"


class Theme(Enum):
    """What a dial is about, in the order in which the dials are shown."""

    SERVER = "Server"
    FLEET = "Fleet"
    ASSESSMENTS = "Assessments"
    LIMITS = "Rate limits"
    LISTINGS = "Listings"
    ACCESS = "Locks and permissions"
    FAULTS = "Faults"


@dataclass(frozen=True, slots=True)
class Dial:
    """What is known of a dial besides its name. The type of `default` says what kind of value it takes.

    A number is from `low` to `high`, both included; a word is one of `choices`; any other text is printable
    ASCII without blanks, and may be None where the default is None.
    """

    default: bool | int | float | str | None
    help: str
    why: str = ""
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    theme: Theme = Theme.FLEET

    @property
    def expected(self) -> str:
        """What completes the clause "must be ..."."""
        match self.default:
            case _ if self.choices:
                return f"one of {', '.join(self.choices)}"
            case bool():
                return "True or False"
            case int():
                return f"a whole number from {self.low} to {self.high}"
            case float():
                return f"a number from {self.low} to {self.high}"
            case _:
                return "printable ASCII without blanks"

    def allows(self, value: object) -> bool:
        """Whether the dial can be set to `value`."""
        match self.default:
            case _ if self.choices:
                return value in self.choices
            case bool():
                return isinstance(value, bool)
            case int():
                return isinstance(value, int) and self.low <= value <= self.high
            case float():
                return isinstance(value, int | float) and self.low <= value <= self.high
            case default:
                return value is default or (isinstance(value, str) and re.fullmatch(WORD, value) is not None)


def dial(
    default: T,
    help: str,
    why: str = "",
    *,
    theme: Theme,
    low: float = 0,
    high: float = 0,
    choices: tuple[str, ...] = (),
) -> T:
    """Declares a field of a scenario; `why` says what speaks for the default or the range."""
    known: Any = default
    return field(default=default, metadata={DIAL: Dial(known, help, why, low, high, choices, theme)})


def percentage(default: float, help: str, why: str = "", *, theme: Theme) -> float:
    """Declares a field that is a part of a hundred."""
    return dial(default, help, why, theme=theme, low=0, high=100)


def dials_of(scenario: type[Any]) -> dict[str, Dial]:
    """The dials of a class by their fields' names, in the order of their declaration."""
    return {each.name: each.metadata[DIAL] for each in fields(scenario)}
