"""What `resume` means at this moment: the run that goes on, or a new one, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fleetscan.errors import CannotReadRunError, CannotResumeError, LockedError, Remedy
from fleetscan.records.times import WallClock
from fleetscan.runs.directory import JOURNAL, holds_run, path_of
from fleetscan.runs.found import FoundRun, by_journal, found_run, runs_in
from fleetscan.runs.journal import holder_of
from fleetscan.runs.reader import State
from fleetscan.runs.store import RunStore, earlier_store
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.stores import named_store, resumed_store
from fleetscan.scanner.which_run import choose, refuse_old, resuming
from fleetscan.settings.declared import Settings


@dataclass(frozen=True, slots=True)
class Found:
    """What `resume` came to: the `store` of the `run` that goes on, None for a new run.

    `told` is what is said first, `remedy` what to do about it; `passed_over` has a sentence for each run that
    cannot be read.
    """

    store: RunStore | None = None
    run: FoundRun | None = None
    told: str = ""
    remedy: Remedy | None = None
    passed_over: list[str] = field(default_factory=list)


def take_up(
    settings: Settings, clock: WallClock, tenant_id: str | None = None, *, is_named: bool = False
) -> Found:
    """The run that `settings` say to resume, at the moment at which `clock` was set.

    `tenant_id` is that of the token, where it is known. A run that `is_named` goes on however long ago it
    began, and never is a new one. Raises LockedError where a live process holds the run, CannotResumeError
    where it may not be resumed, and what `earlier_store` raises.
    """
    if not settings.resume:
        return Found()
    if settings.out is not None:
        return _in_directory(path_of(settings.out), settings, clock, is_named=is_named)
    return _among_runs(settings, clock, tenant_id)


def refuse_held(settings: Settings, tenant_id: str | None) -> None:
    """Raise LockedError where another process took up the same selection while this one listed it."""
    if settings.resume and settings.out is None:
        _same(settings, tenant_id, [])


def _in_directory(path: Path, settings: Settings, clock: WallClock, *, is_named: bool) -> Found:
    if not holds_run(path) and not is_named:
        return Found()
    try:
        run: FoundRun | None = found_run(path)
    except CannotReadRunError:
        # A process died before it wrote run.json, or a disk lost it: the journal has all that is needed.
        run = by_journal(path)
    # Nothing is opened to be written before that: a refused resume changes no file.
    if run is not None and not is_named and not run.is_held:
        refuse_old(run, clock.utc, settings.resume_within_s)
    store = named_store(settings) if is_named else resumed_store(settings)
    return Found(store, run, "" if store is None else resuming(path, run, store.story))


def _among_runs(settings: Settings, clock: WallClock, tenant_id: str | None) -> Found:
    passed_over: list[str] = []
    runs = _same(settings, tenant_id, passed_over)
    within_s = settings.resume_within_s
    while (choice := choose(runs, clock.utc, within_s, is_damaged=bool(passed_over))).run is not None:
        try:
            store = earlier_store(choice.run.path, lambda story: selection_of(settings))
        except CannotResumeError as error:
            passed_over.append(error.what)
        else:
            if store is not None:
                told = resuming(choice.run.path, choice.run, store.story)
                return Found(store, choice.run, told, None, passed_over)
        runs.remove(choice.run)
    return Found(None, None, choice.why, choice.remedy, passed_over)


def _same(settings: Settings, tenant_id: str | None, passed_over: list[str]) -> list[FoundRun]:
    """The runs of the same selection, the newest first. Raises LockedError where a live process holds one."""
    assert settings.runs is not None, "a run is resumed in its directory"
    found, selection = runs_in(Path(settings.runs)), selection_of(settings)
    passed_over.extend(found.damaged)
    # One that was merged of others has no journal: what it lacks is resumed in those.
    own = [run for run in found.runs if run.state is State.COMPLETE or not run.sources]
    same = [run for run in own if run.is_of(selection, tenant_id)]
    for run in same:
        if run.state is not State.COMPLETE and run.is_held:
            raise LockedError(str(run.path), holder_of(run.path / JOURNAL))
    return same
