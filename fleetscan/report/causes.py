"""Why VMs were not assessed: in which group each of them is, by outcome, reason and the code of the cause.

Azure may answer with any code: so many of each reason are told apart, so that memory does not grow with them.
"""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

from fleetscan.model import OwnCode
from fleetscan.not_tried import cause_in
from fleetscan.records.report import MOST_CODES
from fleetscan.records.row import OutcomeWord, ReasonWord, Row

How: TypeAlias = tuple[OutcomeWord, ReasonWord, str | None]


class Causes:
    """Call `add` once for each row of a VM that was not assessed. `ends` counts the VMs of each group."""

    def __init__(self) -> None:
        self.ends: Counter[How] = Counter()
        self._codes: Counter[tuple[OutcomeWord, ReasonWord]] = Counter()

    def add(self, row: Row) -> How:
        """Count the VM, and tell its group; that of no code where too many codes came before its own."""
        how = row["outcome"], row["reason"], cause_of(row)
        if how not in self.ends and how[2] is not None:
            if self._codes[how[:2]] == MOST_CODES:
                how = (*how[:2], None)
            else:
                self._codes[how[:2]] += 1
        self.ends[how] += 1
        return how


def cause_of(row: Row) -> str | None:
    """The code of what kept a VM from being assessed: its error's, or that of why it was not tried."""
    error = row["error"]
    if error is None:
        return None
    is_untried = error["origin"] == "fleetscan" and error["code"] == OwnCode.NOT_TRIED
    return (cause_in(error["message"]) if is_untried else None) or error["code"]
