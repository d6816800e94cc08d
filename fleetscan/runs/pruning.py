"""Old runs: which of those in a directory may go, and how one goes, so that no kill leaves a part of a run.

A run is held, then renamed to a name that no reader takes for a run, and only then are its files removed,
each by its name. Only files that a scan writes are removed, and no link is followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fleetscan.errors import LockedError
from fleetscan.records.asked import CACHED_ONLY, RETRIED_SCAN_ID
from fleetscan.runs.directory import BEING_REMOVED, EVERY_FILE, JOURNAL, PACKED, RUN, TOTALS
from fleetscan.runs.disk import sync_directory
from fleetscan.runs.found import FoundRun, begun_run, runs_in
from fleetscan.runs.journal import holder_of
from fleetscan.runs.latest import PARTIAL
from fleetscan.runs.lock import try_lock
from fleetscan.runs.opening import BINARY, NOFOLLOW, NONBLOCK
from fleetscan.runs.reader import State

# The last three are what a process leaves that dies while it puts a file in place.
FILES = (*EVERY_FILE, f".{RUN}.new", f".{TOTALS}.new", f".{PACKED}.new")


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that is old enough to go, and why it stays."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """The runs of a directory: `old` ones to remove, `kept` ones, and how many are `young`.

    `left_over` are directories that an earlier process did not finish to remove; `damaged` has a sentence for
    each that cannot be read as a run, and stays.
    """

    old: list[FoundRun] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    young: int = 0
    left_over: list[Path] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def sort_out(runs: Path, now: datetime, keep_s: float, within_s: float) -> Sorted:
    """Which runs in the directory `runs` ended, or began, more than `keep_s` before `now`, the oldest first.

    An unfinished one that began less than `within_s` ago can be resumed, and stays. Raises CannotReadRunError
    where the directory cannot be read.
    """
    found = runs_in(runs, begun_run)
    own = [run for run in found.runs if not run.path.is_symlink()]
    needed = _needed(runs, own, now, within_s)
    told = Sorted(left_over=left_over(runs), damaged=found.damaged)
    young = 0
    for run in reversed(own):
        # A clock that was set back has runs end before they began.
        if (now - max(run.began_at, run.ended_at or run.began_at)).total_seconds() <= keep_s:
            young += 1
        elif why := needed.get(os.path.realpath(run.path)) or _why_not_ours(run.path):
            told.kept.append(Kept(run.path, why))
        else:
            told.old.append(run)
    return Sorted(told.old, told.kept, young, told.left_over, told.damaged)


def left_over(runs: Path) -> list[Path]:
    """The directories among `runs` that an earlier process did not finish to remove."""
    try:
        return sorted(path for path in runs.glob(f"{BEING_REMOVED}*") if _is_directory(path))
    except OSError:
        return []


def remove(path: Path) -> None:
    """Remove the run in the directory `path`.

    Raises LockedError where a live process holds it, and OSError; then it is there as it was, or what is
    left of it is no run any more.
    """
    going = path.with_name(f"{BEING_REMOVED}{path.name}")
    with _held(path):
        os.rename(path, going)
    # Without this a power cut could take the files and leave the directory its old name.
    sync_directory(path.parent)
    finish(going)


def finish(going: Path) -> None:
    """Remove a directory that was renamed to be removed; raises OSError where something else is in it."""
    for name in FILES:
        (going / name).unlink(missing_ok=True)
    going.rmdir()
    sync_directory(going.parent)


def size_bytes(path: Path) -> int:
    """How long a run's files are together; what cannot be looked at counts as nothing."""
    try:
        with os.scandir(path) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
    except OSError:
        return 0


def _needed(runs: Path, own: list[FoundRun], now: datetime, within_s: float) -> Mapping[str, str]:
    """Why runs stay however old they are, by their real paths; `own` has the newest first."""
    needed: dict[str, str] = {}
    # A run of a wrong clock, which began tomorrow, is not the newest for good.
    complete = [run for run in own if run.state is State.COMPLETE and run.began_at <= now]
    whole = [run for run in complete if not _is_part(run)]
    for newest in (*complete[:1], *whole[:1]):
        needed[os.path.realpath(newest.path)] = "it is the newest complete run"
    for name, target in _links(runs):
        needed[target] = f"{name} leads to it"
    retried = {}
    for run in own:
        if run.is_held:
            needed[os.path.realpath(run.path)] = "a process is at work on it"
        elif run.state is not State.COMPLETE and (now - run.began_at).total_seconds() <= within_s:
            needed[os.path.realpath(run.path)] = "it can still be resumed"
        else:
            continue
        retried[str(run.selection.get(RETRIED_SCAN_ID))] = f"{run.path.name}, unfinished, retries its VMs"
    for run in own:
        if (why := retried.get(run.scan_id)) is not None:
            needed.setdefault(os.path.realpath(run.path), why)
    return needed


def _is_part(run: FoundRun) -> bool:
    """Whether the run has only a part of the fleet, each time perhaps another one, or assessed nothing."""
    return any(run.selection.get(name) for name in (*PARTIAL, CACHED_ONLY))


def _links(runs: Path) -> Iterator[tuple[str, str]]:
    """The links among the runs, such as `latest`, with where they lead in the end."""
    for path in runs.iterdir() if runs.is_dir() else ():
        # A hidden one is what a process leaves that dies while it switches `latest`.
        if path.is_symlink() and not path.name.startswith("."):
            yield path.name, os.path.realpath(path)


def _why_not_ours(path: Path) -> str | None:
    """Why the run's directory is not to be removed: it holds something that no scan wrote there."""
    try:
        with os.scandir(path) as entries:
            others = sorted(
                entry.name
                for entry in entries
                if entry.name not in FILES or not entry.is_file(follow_symlinks=False)
            )
    except OSError:
        return None
    return f"{others[0]} in it is not a file that a scan wrote" if others else None


def _is_directory(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the run in `path`, so that no process resumes it meanwhile; raises LockedError, and OSError.

    Windows renames no directory in which another process has a file open, and none in which we have one.
    """
    if os.name == "nt" or not (path / JOURNAL).exists():
        yield
        return
    # To be written: a lock over NFS takes no less.
    fd = os.open(path / JOURNAL, os.O_RDWR | NOFOLLOW | NONBLOCK | BINARY)
    try:
        if not try_lock(fd):
            raise LockedError(str(path), holder_of(path / JOURNAL))
        yield
    finally:
        os.close(fd)
