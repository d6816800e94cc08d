"""Where the VMs of an earlier run are scanned again: at that run's endpoint, and nowhere else.

The same ids mean other VMs elsewhere, or none. A run's files may be a stranger's: an endpoint that is neither
a cloud of Azure's nor this machine has to be said again before a token is sent there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from fleetscan.addresses import Origin
from fleetscan.errors import FleetscanError, Remedy, UsageError
from fleetscan.inventory.from_file import run_of
from fleetscan.records.asked import is_same_value
from fleetscan.runs.found import run_path
from fleetscan.runs.reader import Run, open_run
from fleetscan.settings.declared import Settings
from fleetscan.settings.selecting import ListSettings

S = TypeVar("S", bound=ListSettings)


def at_its_endpoint(settings: S, runs: str) -> S:
    """`settings`, in which no endpoint was said, with that of the run whose VMs they scan again, if they do.

    A cloud that was said is an endpoint too. `runs` is the directory of all runs where they name none. Raises
    UsageError for an endpoint that has to be said again.
    """
    if settings.cloud is not None:
        return settings
    if (run := _earlier(settings, runs)) is None or (own := _endpoint_of(run)) is None:
        return settings
    if not _is_known(own):
        why = f"{run.path} was scanned at {own}, which is none of Azure's clouds and not on this machine"
        remedy = Remedy("if the token may be sent there, say so with {endpoint}", {"endpoint": own})
        raise UsageError(why, remedy)
    return replace(settings, endpoint=own)


def refuse_elsewhere(settings: ListSettings) -> None:
    """Raise UsageError where `settings` have another endpoint than the run whose VMs they scan again."""
    run = _earlier(settings)
    own = None if run is None else _endpoint_of(run)
    if run is not None and own is not None and not is_same_value("endpoint", own, settings.endpoint):
        why = f"{run.path} was scanned at {own}, and its VMs are not at {settings.endpoint}"
        raise UsageError(why, Remedy("scan them at {endpoint}", {"endpoint": own}))


def _earlier(settings: ListSettings, runs: str | None = None) -> Run | None:
    """The run whose VMs are scanned again; None where there is none, or none that can be read."""
    try:
        if settings.inventory not in (None, "-"):
            return run_of(Path(str(settings.inventory)))
        if isinstance(settings, Settings) and settings.retry_failed is not None:
            around = settings.runs or runs
            return open_run(run_path(settings.retry_failed, None if around is None else Path(around)))
    except (FleetscanError, OSError, ValueError):
        # Where its VMs are read, it is said why they cannot be.
        return None
    return None


def _endpoint_of(run: Run) -> str | None:
    endpoint = run.facts["selection"].get("endpoint")
    return endpoint if isinstance(endpoint, str) else None


def _is_known(endpoint: str) -> bool:
    try:
        return Origin.of(endpoint).is_known
    except ValueError:
        return False
