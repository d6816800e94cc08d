"""A run judged by one pass over its rows: which patches count, since when they are missing, what is kept.

Rows and totals are never changed: `add` answers with a copy where something is left out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from fleetscan.judgement.age_sums import AgeSums
from fleetscan.judgement.ages import Ager
from fleetscan.judgement.counting import CountedVm, Counting
from fleetscan.judgement.gates import Breach, breaches
from fleetscan.judgement.oldest import Oldest
from fleetscan.judgement.recount import Line, Recount
from fleetscan.judgement.service_levels import ServiceLevels
from fleetscan.judgement.standards import Standards
from fleetscan.records.judged import Judged
from fleetscan.records.patches import Patch
from fleetscan.records.row import Row
from fleetscan.records.totals import GroupTotals, Totals

# The figures of gates that change where patches are left out.
OF_WHAT_COUNTS = frozenset(
    {"critical_and_security", "other", "vms_with_critical_or_security", "compliance", "age"}
)


class FirstSights(Protocol):
    """What a history knows at a run."""

    @property
    def since(self) -> date | None:
        """The day of its first night."""
        ...

    def first_seen(self, resource_id: str) -> Mapping[str, date]:
        """Since when a VM has missed each patch, by the patch's key."""
        ...


class Judging:
    """Call `add` with each row and its patches, which are those of one PatchReader; then the others.

    `on` is the day (UTC) on which the run began; `history` is None without one.
    """

    def __init__(
        self,
        standards: Standards,
        on: date,
        history: FirstSights | None = None,
        group_by: Sequence[str] = (),
    ) -> None:
        """`group_by` are the tags for whose values the run has totals, such as "tag:owner"."""
        self._standards = standards
        self._history = history
        self._ager = Ager(on)
        self._ages = AgeSums(on, None if history is None else history.since)
        limits = standards.service_levels
        self._levels = None if limits is None else ServiceLevels(limits)
        self._counting: Counting | None = None
        self._recount: Recount | None = None
        if standards.leaves_out:
            self._counting = Counting(
                standards.exceptions, standards.ignored_classifications, standards.as_of, on
            )
            self._recount = Recount(group_by)

    def add(self, row: Row, patches: Sequence[Patch]) -> CountedVm:
        """Judge a row; what counts of it."""
        counted = self._counted(row, patches)
        if row["outcome"] == "assessed":
            self._ages.add(counted.row, counted.patches)
        if self._levels is not None:
            self._levels.add(counted.row, counted.patches)
        if self._recount is not None:
            self._recount.add(counted.row)
        return counted

    def _counted(self, row: Row, patches: Sequence[Patch]) -> CountedVm:
        if row["outcome"] != "assessed":
            return CountedVm(row, ())
        seen = None if self._history is None else self._history.first_seen(row["resource_id"])
        aged = self._ager.of(patches, seen)
        return CountedVm(row, aged) if self._counting is None else self._counting.count(row, aged)

    @property
    def gates(self) -> list[str]:
        """The gates to be judged, as a person writes them."""
        return [gate.text for gate in self._standards.gates]

    def figures(self, fleet: Line, groups: Sequence[GroupTotals]) -> tuple[Line, list[GroupTotals]]:
        """The run's own sums, without what was left out."""
        if self._recount is None:
            return fleet, [*groups]
        return self._recount.recounted(fleet, groups)

    def told(self) -> Judged:
        """What is judged so far; gates are judged by `breaches`."""
        return {
            "ages": self._ages.told(),
            "left_out": None if self._counting is None else self._counting.told(),
            "service_levels": None if self._levels is None else self._levels.told(),
        }

    def breaches(self, totals: Totals) -> list[str]:
        """A sentence for each gate that the run does not pass; `totals` are its own."""
        fleet, _ = self.figures(totals, ())
        oldest = Oldest.of(self._ages.told())
        return [self._marked(breach) for breach in breaches(self._standards.gates, fleet, oldest)]

    def _marked(self, breach: Breach) -> str:
        """Its sentence, and how much the figure leaves out."""
        left_out = 0 if self._counting is None else self._counting.told()["patches"]
        if not left_out or breach.gate.name not in OF_WHAT_COUNTS:
            return breach.sentence
        return f"{breach.sentence}; without {left_out:,} left out"
