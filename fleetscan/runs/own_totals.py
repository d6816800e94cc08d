"""The totals that a run itself has written, where they are there and to be believed."""

from __future__ import annotations

from fleetscan.errors import OTHER_VERSION, CannotReadRunError
from fleetscan.records.totals import GroupTotals, NotListed, Totals
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


def not_listed(run: Run) -> list[NotListed] | None:
    """What of the fleet the run could not list; None where no totals tell it."""
    totals = own_totals(run)
    return None if totals is None else totals[0]["inventory_errors"]
