"""The run that a command reads: the one a person names, else the newest that has totals."""

from __future__ import annotations

from pathlib import Path

from fleetscan.errors import Remedy, UsageError
from fleetscan.runs.found import FoundRuns, run_path, runs_in
from fleetscan.runs.reader import Run, State, open_run


def meant_run(name: str | None, runs: Path) -> Run:
    """The run that `name` means (a directory, `latest`, the beginning of an id or name), or the newest.

    `runs` is the directory of all runs. Raises UsageError where several runs or none is meant, and
    CannotReadRunError where it cannot be read.
    """
    if name is not None:
        return open_run(run_path(name, runs))
    found = runs_in(runs)
    newest = next((run for run in found.runs if run.state is not State.UNFINISHED), None)
    if newest is None:
        raise _none(found, runs)
    return open_run(newest.path)


def _none(found: FoundRuns, runs: Path) -> UsageError:
    """No run that could be read has totals: why, and what to do."""
    elsewhere = "name the directory of a run, or that of all runs with {runs}"
    if found.runs:
        elsewhere = f"name it to see what it has so far: {found.runs[0].path}"
    what = "holds no run that has finished" if found.runs else "holds no run"
    damaged = f" ({found.damaged[0]})" if found.damaged else ""
    return UsageError(f"{runs} {what}{damaged}", Remedy(elsewhere, {"runs": None}))
