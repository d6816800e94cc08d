"""The sums that the page shows: those of the run, or, where it has none, what its journal and its rows say.

A run that has not finished has no totals; those that an earlier process of it left behind are out of date.
"""

from __future__ import annotations

from collections.abc import Iterator

from fleetscan.records.fleet_facts import not_scanned
from fleetscan.records.row import Row
from fleetscan.records.totals import GroupTotals, NotListed, NotScanned, Totals
from fleetscan.runs.begun import BegunRun
from fleetscan.runs.directory import JOURNAL, TOTALS
from fleetscan.runs.own_totals import own_totals
from fleetscan.runs.reader import Run, State


class PageSums:
    """Call `add` once for every row; what it tells holds then."""

    def __init__(self, run: Run) -> None:
        """Raises CannotReadRunError where a later fleetscan wrote the totals."""
        self._run = run
        self._told: tuple[Totals, list[GroupTotals]] | BegunRun = own_totals(run) or BegunRun(run)

    def add(self, row: Row) -> None:
        """Count a row where the run has no sums of its own."""
        if isinstance(self._told, BegunRun):
            self._told.ended(row)

    def lines(self) -> tuple[GroupTotals, list[GroupTotals]]:
        """The fleet's sums, and those of its groups. Raises CannotReadRunError for rows that are too many."""
        return self._told.sums() if isinstance(self._told, BegunRun) else self._told

    @property
    def duration_s(self) -> float | None:
        """How long the scan ran; None where it is not known."""
        return None if isinstance(self._told, BegunRun) else self._told[0]["duration_s"]

    @property
    def not_listed(self) -> list[NotListed] | None:
        """What could not be listed; None where that is not known."""
        return self._told.errors if isinstance(self._told, BegunRun) else self._told[0]["inventory_errors"]

    @property
    def not_scanned(self) -> list[NotScanned]:
        """The subscriptions that were passed over."""
        if isinstance(self._told, BegunRun):
            return not_scanned(self._run.facts["scope"])
        return self._told[0]["not_scanned"]

    def partial(self) -> Iterator[str]:
        """Why the figures are partial, or not the run's own: sentences without a full stop."""
        yield from self._run.incomplete
        if not isinstance(self._told, BegunRun):
            return
        if self._run.state is not State.UNFINISHED:
            yield f"the figures are counted from the rows, without {TOTALS}"
        if self._told.listed is None:
            yield (
                f"the journal ({JOURNAL}) does not tell how many VMs were listed: "
                "the figures are of VMs that have a row"
            )
