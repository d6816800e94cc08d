"""What a scan came to, for its caller: told by the run that has just ended, or had before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fleetscan.errors import OTHER_VERSION, CannotReadRunError, FleetscanError, StoppedError, resume_with
from fleetscan.records.totals import Totals
from fleetscan.runs.reader import open_run
from fleetscan.runs.store import RunStore


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What a scan came to. `totals` are the fleet's, `directory` is None where nothing was kept on disk.

    `stopped_by` says why the scan ended early, and is None when it did not.
    """

    exit_code: int
    directory: Path | None
    totals: Totals
    stopped_by: FleetscanError | None = None


def finished_summary(store: RunStore) -> ScanSummary | None:
    """The summary of a run that an earlier process has finished, files and all; None where it has not.

    Raises CannotReadRunError where a later fleetscan has written the files.
    """
    path = store.output.path
    if path is None or store.story is None or not store.story.is_finished:
        return None
    try:
        run = open_run(path)
        code = run.facts["exit_code"]
        return ScanSummary(code, path, run.totals()) if run.is_complete and code is not None else None
    except CannotReadRunError as error:
        if error.remedy is OTHER_VERSION:
            raise
        # A kill between the last row and the totals: they are written over the rows there are.
        return None


def stopped(error: StoppedError, totals: Totals, path: Path | None) -> StoppedError | None:
    """What to say of a stop: how many VMs had not finished, and how to go on; None where all had."""
    left = totals["outcomes"]["interrupted"]
    if not left:
        return None
    had = "1 VM has" if left == 1 else f"{left} VMs have"
    return StoppedError(f"{error.what}: {had} not finished", None if path is None else resume_with(str(path)))
