"""The run that a command reads: the one a person names, else the newest that has ended; which is newer."""

from __future__ import annotations

from pathlib import Path

from fleetscan.errors import CannotReadRunError, Remedy, UsageError
from fleetscan.places import is_url
from fleetscan.runs.directory import holds_run
from fleetscan.runs.found import FoundRun, FoundRuns, begun_run, local_runs, moment_of, run_path, runs_in
from fleetscan.runs.reader import Run, State, open_run


def meant_run(name: str | None, runs: Path) -> Run:
    """The run that `name` means (a directory, `latest`, the beginning of an id or name), or the newest
    that has ended.

    `runs` is the directory of all runs. Raises UsageError where several runs or none is meant, and
    CannotReadRunError where it cannot be read.
    """
    runs = local_runs(runs) if name is None else runs
    if name is not None:
        return open_run(run_path(name, runs))
    found = runs_in(runs)
    ended = [run for run in found.runs if run.state is not State.UNFINISHED]
    # A merged run began when the first of its shards did: it stands for all of them.
    whole = (run for run in ended if not any(each.has_all_of(run) for each in ended))
    newest = next(whole, next(iter(ended), None))
    if newest is None:
        raise _none(found, runs)
    return open_run(newest.path)


def is_named(name: str | None) -> bool:
    """Whether `name` is a run's own directory, so that it needs no telling which run is read."""
    return name is not None and (is_url(name) or holds_run(Path(name)))


def newer_run(run: Run, runs: Path) -> FoundRun | None:
    """The newest of `runs` that began after `run` and is not complete: stopped, killed or at work."""
    try:
        began_at = moment_of(run.facts["started_at"])
        found = runs_in(runs, begun_run).runs
    except (ValueError, CannotReadRunError):
        return None
    own = {run.facts["scan_id"], *(source["scan_id"] for source in run.facts["sources"])}
    newer = (each for each in found if each.began_at > began_at and each.scan_id not in own)
    return next((each for each in newer if each.state is not State.COMPLETE), None)


def _none(found: FoundRuns, runs: Path) -> UsageError:
    """No run that could be read has ended: why, and what to do."""
    elsewhere = "name the directory of a run, or that of all runs with {runs}"
    if found.runs:
        elsewhere = f"name it to see what it has so far: {found.runs[0].path}"
    what = "holds no run that has ended" if found.runs else "holds no run"
    damaged = f" ({found.damaged[0]})" if found.damaged else ""
    return UsageError(f"{runs} {what}{damaged}", Remedy(elsewhere, {"runs": None}))
