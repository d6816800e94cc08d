"""Which run a scan works on, and why: a pure choice among the runs there are, in sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fleetscan.errors import CannotResumeError, Remedy, UsageError, resume_with
from fleetscan.records.story import Story
from fleetscan.runs.found import FoundRun
from fleetscan.runs.reader import State

HOUR_S = 3600.0
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The run to resume; None for a new one, and then `why`, with what to do about it."""

    run: FoundRun | None
    why: str = ""
    remedy: Remedy | None = None


def choose(runs: Sequence[FoundRun], now: datetime, within_s: float, *, is_damaged: bool = False) -> Choice:
    """Among the `runs` of one selection, the newest first: that one if it is unfinished and young enough.

    `is_damaged` says that others were passed over because they cannot be read or resumed.
    """
    if not runs:
        none = "no earlier one of this selection can be resumed"
        return Choice(None, f"new run: {none if is_damaged else 'there is no earlier one of this selection'}")
    newest = runs[0]
    last = f"new run: the last one of this selection, {newest.path},"
    if newest.state is State.COMPLETE:
        return Choice(None, f"{last} is complete")
    if is_old(newest, now, within_s):
        why = f"{last} is unfinished, but began {minute(newest.began_at)}, more than {hours(within_s)} ago"
        return Choice(None, why, resume_with(newest.command))
    return Choice(newest)


def refuse_old(run: FoundRun, now: datetime, within_s: float) -> None:
    """Raise CannotResumeError where `run`, which was named, began too long ago to be tonight's."""
    if not is_old(run, now, within_s):
        return
    ended = "is unfinished" if run.state is not State.COMPLETE else "is complete"
    if run.ended_at is not None:
        stopped = "ended" if run.state is State.COMPLETE else "was stopped"
        ended = f"{stopped} {minute(run.ended_at)} and {ended}"
    why = (
        f"it began {minute(run.began_at)}, more than {hours(within_s)} ago, and {ended}; nothing was scanned"
    )
    if run.state is State.COMPLETE:
        new = "for a new run leave {out} away, or name another directory with {out}"
        raise CannotResumeError(str(run.path), why, Remedy(new, {"out": None}))
    raise CannotResumeError(str(run.path), why, resume_with(run.command))


def newest_unfinished(runs: Sequence[FoundRun], where: str, now: datetime, within_s: float) -> FoundRun:
    """Of `runs`, the newest first, that one; UsageError where there is none, or it began too long ago."""
    unfinished = [run for run in runs if run.state is not State.COMPLETE]
    if not unfinished:
        elsewhere = "name the directory of a run elsewhere, or that of all runs with {runs}"
        last = f"; the newest, {runs[0].path}, is complete" if runs else ""
        raise UsageError(f"there is no unfinished run in {where}{last}", Remedy(elsewhere, {"runs": None}))
    newest = unfinished[0]
    if is_old(newest, now, within_s):
        age = hours((now - newest.began_at).total_seconds())
        began = f"the newest unfinished run in {where} began {minute(newest.began_at)}, {age} ago"
        why = f"{began}, and only one of the last {hours(within_s)} is resumed unnamed"
        raise UsageError(why, resume_with(newest.command))
    return newest


def resuming(path: Path, run: FoundRun | None, story: Story | None) -> str:
    """What is said first of the run in `path` that goes on; `story` is what its journal tells."""
    begun = f"resuming {path}" if run is None else f"resuming {path}, begun {minute(run.began_at)}"
    if story is None or not (story.is_listed or story.begun or story.ended):
        return f"{begun}, before its VMs were listed"
    done, followed = len(story.ended), story.followed
    to_start = f"{len(story.targets) - done - followed:,} to start" if story.is_listed else "the rest to list"
    vms = "1 VM" if done == 1 else f"{done:,} VMs"
    return f"{begun}: {vms} done, {followed:,} followed, {to_start}"


def nothing_to_do(path: Path | None, run: FoundRun | None) -> str:
    """What is said of the complete run in `path`, which was named to be resumed."""
    began = "" if run is None else f" began {minute(run.began_at)},"
    ended = "" if run is None or run.ended_at is None else f" ended {minute(run.ended_at)}"
    return f"nothing was scanned: the run in {path}{began}{ended} and is complete; this is its result"


def is_old(run: FoundRun, now: datetime, within_s: float) -> bool:
    """Whether the run began longer ago than a resume goes back."""
    return (now - run.began_at).total_seconds() > within_s


def minute(moment: datetime) -> str:
    """A moment as people read it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def hours(span_s: float) -> str:
    """A span of time in words."""
    if span_s < MINUTE_S:
        return f"{span_s:.3g} s"
    return f"{span_s / HOUR_S:.4g} h" if span_s >= HOUR_S else f"{span_s / MINUTE_S:.4g} min"
