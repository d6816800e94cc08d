"""Where a scan's run is kept, by its settings: the run to resume, a new directory, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fleetscan.errors import CannotReadRunError, CannotResumeError
from fleetscan.model import Json
from fleetscan.records.story import Story
from fleetscan.records.times import WallClock
from fleetscan.runs.directory import new_name, path_of
from fleetscan.runs.store import RunStore, earlier_store, new_store, no_store
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.policy import asked_of
from fleetscan.settings.declared import Settings

STDIN = "-"


def resumed_store(settings: Settings) -> RunStore | None:
    """The run in `out` that is to be resumed; None if there is none. Raises what `earlier_store` raises."""
    if not settings.resume or settings.out is None:
        return None
    return earlier_store(path_of(settings.out), lambda story: selection_of(settings))


def named_store(settings: Settings) -> RunStore:
    """The run in `out`, whose own settings `settings` are. Raises what `earlier_store` raises.

    What it was listed from is compared, and read, only where it has to be listed again.
    """
    assert settings.out is not None, "a named run has its directory"

    def asked(story: Story) -> Mapping[str, Json]:
        if story.is_listed:
            return asked_of(settings)
        if settings.inventory == STDIN:
            why = "its VMs came from standard input, which cannot be read again, and were not all noted"
            raise CannotResumeError(settings.out or "", why)
        return selection_of(settings)

    store = earlier_store(path_of(settings.out), asked)
    if store is None:
        raise CannotReadRunError(settings.out, "it holds no run any more")
    return store


def fresh_store(settings: Settings, clock: WallClock, scan_id: str) -> RunStore:
    """For a new run: `out`, a directory of its own under `runs`, or nothing. Raises as `new_store` does."""
    if settings.out is not None:
        return new_store(path_of(settings.out))
    runs = runs_of(settings)
    return no_store() if runs is None else new_store(runs / new_name(clock.utc, scan_id))


def runs_of(settings: Settings) -> Path | None:
    """Where runs are made, and `latest` leads to one of them."""
    return None if settings.runs is None else path_of(settings.runs)
