"""What a scan came to, for whoever called it: told by the run that has just ended, or had before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetscan import json_text
from fleetscan.errors import StoppedError
from fleetscan.model import Json, Outcome
from fleetscan.records.schema import fleet_keys
from fleetscan.runs.directory import RUN, TOTALS
from fleetscan.runs.store import RunStore
from fleetscan.scanner.run_facts import COMPLETE


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


def stopped(error: StoppedError, fleet: Mapping[str, Json], path: Path | None) -> StoppedError | None:
    """What to say of a stop: how many machines had not ended, and how to go on; None where all had."""
    outcomes = fleet["outcomes"]
    assert isinstance(outcomes, dict)
    left = outcomes[Outcome.INTERRUPTED]
    if not left:
        return None
    had = "1 VM has" if left == 1 else f"{left} VMs have"
    return StoppedError(f"{error.what}: {had} not finished", resume_with(str(path)) if path else None)
