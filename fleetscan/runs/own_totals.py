"""The totals that a run itself has written, where they are there and to be believed."""

from __future__ import annotations

from fleetscan.errors import OTHER_VERSION, CannotReadRunError
from fleetscan.records.totals import GroupTotals, NotListed, Totals
from fleetscan.runs.begun import BegunRun
from fleetscan.runs.reader import Run, State


def own_totals(run: Run) -> tuple[Totals, list[GroupTotals]] | None:
    """The run's own sums; None where they are not there or cannot be read.

    Those of an unfinished run are of a process that was stopped before this one went on: out of date. Raises
    CannotReadRunError for totals that a later version wrote.
    """
    if run.state is State.UNFINISHED:
        return None
    try:
        return run.totals(), run.groups()
    except CannotReadRunError as error:
        if error.remedy is OTHER_VERSION:
            raise
        return None


def without_row(run: Run, rows: int) -> int | None:
    """How many of the VMs listed have none of the run's `rows`; None where that is not known.

    Where there are no totals the journal tells it, as it does for a report. Sums that count fewer rows than
    there are, are of another time, and tell nothing.
    """
    totals = own_totals(run)
    if totals is None:
        listed = BegunRun(run).listed
        return None if listed is None or listed < rows else listed - rows
    fleet = totals[0]
    counted = fleet["listed"] - fleet["outcomes"]["interrupted"]
    return None if counted < rows else fleet["listed"] - rows


def not_listed(run: Run) -> list[NotListed] | None:
    """What of the fleet the run could not list; None where no totals tell it."""
    totals = own_totals(run)
    return None if totals is None else totals[0]["inventory_errors"]
