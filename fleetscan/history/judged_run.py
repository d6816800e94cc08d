"""A run on its way to be judged: as of the day on which it began, with what a history knows of it."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date
from pathlib import Path

from fleetscan.errors import CannotReadRunError
from fleetscan.history.seen import Seen, seen_by
from fleetscan.judgement.judging import Judging
from fleetscan.judgement.standards import Standards
from fleetscan.records.history import Night, night_of
from fleetscan.records.patches import PatchReader
from fleetscan.records.times import moment_of
from fleetscan.records.totals import GroupTotals
from fleetscan.runs.begun import grouped_by
from fleetscan.runs.reader import Run


def judging_of(run: Run, standards: Standards, seen: Seen | None) -> Judging:
    """Judges `run`. Raises CannotReadRunError where it tells no day."""
    return Judging(standards, day_of(run), seen, grouped_by(run.facts))


def day_of(run: Run) -> date:
    """The day (UTC) that judges a run, on which it began. Raises CannotReadRunError where it tells none."""
    began = moment_of(run.facts["started_at"])
    if began is None:
        raise CannotReadRunError(str(run.path), f"it began at no time: {run.facts['started_at']!r:.40}")
    return began.date()


def trend_of(run: Run, nights: list[Night], fleet: GroupTotals) -> list[Night]:
    """The nights up to the run, itself the last where it is complete, in the history or not."""
    earlier = [night for night in nights if night["scan_id"] != run.facts["scan_id"]]
    return [*earlier, night_of(run.facts, fleet)] if run.is_complete else earlier


def breaches_of(run: Run, standards: Standards, history: Path | None) -> list[str]:
    """A sentence for each gate that a complete run does not pass.

    Reads its rows only where a gate needs them. Raises CannotReadRunError, and HistoryError.
    """
    totals = run.totals()
    with ExitStack() as stack:
        seen = None if history is None else stack.enter_context(seen_by(history, run.facts))
        judging = judging_of(run, standards, seen)
        reader = PatchReader()
        for row in run.rows() if standards.gates_need_rows else ():
            judging.add(row, reader.of(row))
        return judging.breaches(totals)
