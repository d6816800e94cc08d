"""The runs in a directory of runs: when each began, what it was asked for, how far it came, who holds it.

It changes nothing, and asks for locks only in a way that disturbs no process at work. What cannot be
read as a run is told and passed over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fleetscan.errors import (
    OTHER_VERSION,
    CannotReadRunError,
    Remedy,
    ResumeCommand,
    UsageError,
)
from fleetscan.model import Json
from fleetscan.places import is_url, place_of
from fleetscan.records.asked import CACHED_ONLY, is_same, is_same_value
from fleetscan.runs.directory import BEING_REMOVED, JOURNAL, LATEST, RUN, holds_run
from fleetscan.runs.disk import reason
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.journal import first_event, is_held
from fleetscan.runs.reader import State, open_run


@dataclass(frozen=True, slots=True)
class FoundRun:
    """One run. `ended_at` is None while it is unfinished, `tenant_id` where no token told it.

    `sources` are the ids of the runs that it was merged of; none for a scan.
    """

    path: Path
    scan_id: str
    state: State
    began_at: datetime
    ended_at: datetime | None
    selection: Mapping[str, Json]
    tenant_id: str | None
    sources: frozenset[str] = frozenset()

    @property
    def is_held(self) -> bool:
        """Whether a live process is at work on it."""
        if (place := place_of(str(self.path))) is not None:
            from fleetscan.remote.fetching import is_at_work

            return is_at_work(place)
        return is_held(self.path / JOURNAL)

    def has_all_of(self, other: FoundRun) -> bool:
        """Whether it was merged of `other`, or of all runs that `other` was merged of, and of more."""
        return other is not self and (
            other.scan_id in self.sources or (bool(other.sources) and other.sources < self.sources)
        )

    @property
    def command(self) -> ResumeCommand:
        """How it is resumed."""
        return command_for(self.path, self.selection.get("endpoint"))

    def is_of(self, selection: Mapping[str, Json], tenant_id: str | None) -> bool:
        """Whether it was asked for the same VMs in the same way; an unknown tenant is no other one."""
        tenants = {tenant.lower() for tenant in (self.tenant_id, tenant_id) if tenant}
        is_as_cached = is_same_value(CACHED_ONLY, self.selection.get(CACHED_ONLY), selection.get(CACHED_ONLY))
        return len(tenants) < 2 and is_as_cached and is_same(self.selection, selection)


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """The runs of a directory, the newest first; `damaged` has a sentence for each that cannot be read."""

    runs: list[FoundRun] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def runs_in(directory: Path, read: Callable[[Path], FoundRun] | None = None) -> FoundRuns:
    """The runs in `directory`, none where it is not there. Raises CannotReadRunError if it cannot be read.

    `read` is `found_run`, or `begun_run` for one who wants those without a run.json too.
    """
    read, directory = read or found_run, local_runs(directory)
    try:
        paths = [path for path in sorted(directory.iterdir()) if _may_be_run(path)]
    except FileNotFoundError:
        return FoundRuns()
    except OSError as error:
        raise CannotReadRunError(str(directory), reason(error)) from error
    found = FoundRuns()
    for path in paths:
        try:
            # What is in it cannot be told of a directory that is closed to this process.
            os.listdir(path)
            if holds_run(path):
                found.runs.append(read(path))
        except OSError as error:
            found.damaged.append(f"{path} cannot be read as a run: {reason(error)}")
        except CannotReadRunError as error:
            found.damaged.append(error.what)
    # Two that were merged of the same runs began at once: the one that ended later has more.
    found.runs.sort(key=lambda run: (run.began_at, run.ended_at or run.began_at), reverse=True)
    return found


def local_runs(runs: Path) -> Path:
    """`runs`, or a directory with what is told of the runs at a place in object storage.

    Raises StorageError where that cannot be listed.
    """
    if not is_url(runs):
        return runs
    from fleetscan.remote.fetching import address_of, listed

    return listed(address_of(str(runs)))


def _may_be_run(path: Path) -> bool:
    return path.name != LATEST and not path.name.startswith(BEING_REMOVED) and path.is_dir()


def found_run(path: Path) -> FoundRun:
    """The run in the directory `path`. Raises CannotReadRunError where none can be read.

    Where a process is at work that has not come to write run.json, its journal tells of it.
    """
    try:
        return _by_facts(path)
    except CannotReadRunError:
        run = by_journal(path) if _is_begun_elsewhere(path) or is_held(path / JOURNAL) else None
        if run is None:
            raise
        return run


def _is_begun_elsewhere(path: Path) -> bool:
    """Whether a run in object storage has no run.json yet: a lost host may have started VMs."""
    return place_of(str(path)) is not None and not (path / RUN).exists()


def begun_run(path: Path) -> FoundRun:
    """The run in the directory `path`, by its journal where run.json cannot be read.

    Raises CannotReadRunError where neither tells it, or a later fleetscan wrote it.
    """
    try:
        return found_run(path)
    except CannotReadRunError as error:
        run = None if error.remedy is OTHER_VERSION else by_journal(path)
        if run is None:
            raise
        return run


def by_journal(path: Path) -> FoundRun | None:
    """The run in the directory `path` by its journal alone, unfinished; None where that does not tell it."""
    if (began := first_event(path / JOURNAL)) is None:
        return None
    at = datetime.fromtimestamp(began.at, UTC)
    tenant_id = (began.principal or {}).get("tenant_id")
    return FoundRun(path, began.scan_id, State.UNFINISHED, at, None, began.asked, tenant_id)


def _by_facts(path: Path) -> FoundRun:
    run = open_run(path)
    facts, principal = run.facts, run.facts["principal"]
    try:
        began_at = moment_of(facts["started_at"])
        ended_at = None if facts["finished_at"] is None else moment_of(facts["finished_at"])
    except ValueError as error:
        raise CannotReadRunError(str(path), f"{RUN} tells a time that is none") from error
    tenant_id = None if principal is None else principal["tenant_id"]
    sources = frozenset(source["scan_id"] for source in facts["sources"])
    told = facts["selection"], tenant_id, sources
    return FoundRun(path, facts["scan_id"], run.state, began_at, ended_at, *told)


def moment_of(text: str) -> datetime:
    """The moment that a record tells; raises ValueError where it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r:.80} has no zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r:.80} is out of bounds") from error


def run_path(run: str, runs: Path | None, read: Callable[[Path], FoundRun] | None = None) -> Path:
    """The directory that a person means by `run`: a path, `latest`, a name among `runs`, or how one or an
    id there begins.

    Raises UsageError where several begin so. Where nothing is meant, it is a path that holds no run. `read`
    is as in `runs_in`.
    """
    path = Path(run)
    if is_url(run):
        from fleetscan.remote.fetching import address_of, whole

        return whole(address_of(run))
    if runs is not None and run:
        runs = local_runs(runs)
    if holds_run(path) or runs is None or not run:
        return path
    if run == LATEST:
        return runs / LATEST
    if Path(run).name == run != ".." and holds_run(runs / run):
        return runs / run
    meant = [
        found
        for found in runs_in(runs, read).runs
        if found.scan_id.startswith(run.lower()) or found.path.name.lower().startswith(run.lower())
    ]
    if len(meant) > 1:
        names = ", ".join(found.path.name for found in meant)
        what = f"{run} is the beginning of several runs' ids or names: {names}"
        raise UsageError(what, Remedy("write more of it, or name the directory"))
    return meant[0].path if meant else path
