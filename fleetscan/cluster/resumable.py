"""Whether what was begun in a directory is what a resume asks for, asked before a task is.

A shard refuses by itself what is another's; but then each would, and the whole would only look unfinished.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from fleetscan.cluster.place import Place
from fleetscan.errors import CannotReadRunError, CannotResumeError, Remedy
from fleetscan.records.asked import INVENTORY_SHA256, is_same_value
from fleetscan.runs.directory import holds_run
from fleetscan.runs.found import FoundRun, begun_run
from fleetscan.runs.reader import State
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.which_run import hours, is_old, minute, refuse_old
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import name_of

# Each shard has its own; and the merged run tells neither.
SHARD, SHARD_BY = "shard", "shard_by"
AS_STARTED = Remedy("give what it was started with, or name another directory with {out}", {"out": None})


def refuse_other(place: Place, settings: Settings, now: datetime) -> None:
    """Raise CannotResumeError where the scan in `place` has another selection, or began too long ago."""
    whole = _run(place.path)
    shards = [run for path in place.shards() if (run := _run(path)) is not None]
    for run in shards if whole is None else (whole, *shards):
        _refuse_selection(run, place.path, settings)
    if whole is not None and whole.state is State.COMPLETE:
        return refuse_old(whole, now, settings.resume_within_s)
    for run in shards:
        if is_old(run, now, settings.resume_within_s):
            began = f"began {minute(run.began_at)}, more than {hours(settings.resume_within_s)} ago"
            template = "go on with it with a longer {resume_within_s}, or name another directory with {out}"
            go_on = Remedy(template, {"resume_within_s": None, "out": None})
            raise CannotResumeError(str(place.path), f"it is unfinished, and {began}", go_on)
    return None


def _run(path: Path) -> FoundRun | None:
    """The run there; None where there is none, and where its own scan will say what is wrong with it."""
    with suppress(CannotReadRunError):
        return begun_run(path) if holds_run(path) else None
    return None


def _refuse_selection(run: FoundRun, path: Path, settings: Settings) -> None:
    for name, now in selection_of(settings).items():
        was = run.selection.get(name)
        is_of_shards = name == SHARD or (name == SHARD_BY and run.sources)
        if is_of_shards or (name == INVENTORY_SHA256 and None in (was, now)):
            continue
        if not is_same_value(name, was, now):
            why = f"it was started with another {name_of(name)}"
            if name == INVENTORY_SHA256:
                why = "the inventory file has changed since it was started"
            raise CannotResumeError(str(path), why, AS_STARTED)
