"""The text of a list of rules, such as gates: its clauses, the days in them, and how a wrong one is refused.

A refusal is a clause that follows a setting's name and shows the place that is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SHOWN_LENGTH = 80
# A century: what is longer is a slip of the hand.
MOST_DAYS = 36_500
DAYS_PER = {"d": 1, "w": 7}
MISSPELT_NUMBER = "a number is written without commas"
_DAYS = re.compile(r"([0-9]{1,5}) ?([dw])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of one kind: what they are called, an example, and what parts a rule's name from its value."""

    what: str
    example: str

    def clauses(self, text: str) -> list[str]:
        """The rules in `text`, which commas part, in lower case; raises ValueError where one is empty."""
        clauses = [clause.strip().lower() for clause in text.split(",")]
        if clauses == [""]:
            raise ValueError(f"must be {self.what} such as {self.example!r}, not empty")
        for number, clause in enumerate(clauses, 1):
            if not clause:
                raise self.refusal(f"rule {number} is empty", text)
            if number > 1 and re.fullmatch("[0-9 ]+[%dw]?", clause, re.ASCII):
                raise self.refusal(f"{MISSPELT_NUMBER}, and {clause!r:.20} alone is no rule", text)
        return clauses

    def refusal(self, why: str, where: str) -> ValueError:
        """Says no because of `why`, in the rule or text `where`, which is cut short."""
        return ValueError(
            f"must be {self.what} such as {self.example!r}; in {repr(where)[:SHOWN_LENGTH]}: {why}"
        )


def days_of(text: str) -> int | None:
    """The days that "30d" or "4w" means; None where `text` is no such duration of a century at most."""
    found = _DAYS.fullmatch(text)
    days = int(found[1]) * DAYS_PER[found[2]] if found else None
    return None if days is None or days > MOST_DAYS else days


def days_text(days: int) -> str:
    """`days` with their noun."""
    return f"{days:,} {'day' if days == 1 else 'days'}"


def counted(number: int, one: str) -> str:
    """`number` with its noun, whose plural has an s."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"
