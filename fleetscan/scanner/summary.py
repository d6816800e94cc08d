"""The result of a scan, for its caller: of the run that just ended, or of one that was finished before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fleetscan.errors import OTHER_VERSION, CannotReadRunError, FleetscanError, StoppedError, resume_with
from fleetscan.records.totals import Totals
from fleetscan.runs.reader import open_run
from fleetscan.runs.store import RunStore


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The result of a scan. `totals` are the fleet's, `directory` is None if nothing was kept on disk.

    `stopped_by` says why the scan ended early, and is None when it did not. `skipped_on_file_word` VMs were
    skipped because the inventory file says that they do not run.
    """

    exit_code: int
    directory: Path | None
    totals: Totals
    stopped_by: FleetscanError | None = None
    skipped_on_file_word: int = 0


def finished_summary(store: RunStore) -> ScanSummary | None:
    """The summary of a run that an earlier process finished; None if it did not, or a file is missing.

    Raises CannotReadRunError if a later fleetscan wrote the files.
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
    """The error of a stop: how many VMs are unfinished, and how to resume; None if all are finished."""
    left = totals["outcomes"]["interrupted"]
    if not left:
        return None
    are = "1 VM is" if left == 1 else f"{left:,} VMs are"
    return StoppedError(f"{error.what}: {are} unfinished", None if path is None else resume_with(str(path)))
