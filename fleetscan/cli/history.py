"""`fleetscan history add`: earlier runs enter the history that scans keep from night to night."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fleetscan import places
from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over, note_error, tell
from fleetscan.cli.options import RUNS, reading
from fleetscan.errors import Remedy, UsageError
from fleetscan.places import is_url
from fleetscan.settings.reading import HistorySettings

if TYPE_CHECKING:
    from fleetscan.history.taking_in import Taken
    from fleetscan.runs.reader import Run

ADD = "add"
DEFAULT = "history.db"
EXAMPLES = (
    Example("All runs so far", "fleetscan history add fleetscan-runs/2*"),
    Example("A run that its scan could not add", "fleetscan history add latest --history history.db"),
)


@reading(HistorySettings, EXAMPLES, arguments=("add", "RUN..."))
def history(what: str, runs: tuple[str, ...], settings: HistorySettings) -> int:
    """Take earlier runs into a history.

    A history tells since when each VM misses each patch, and how figures change from night to night. Scans
    keep it with --history FILE, and reports read it with --history FILE.

    RUN is a directory, the beginning of a run's name or id, or latest. Runs enter in the order in which they
    began, each once: to add one again is harmless. A run that began before the newest entry is refused, and
    so is one of another Azure or tenant; the other runs are added.

    Exit codes: 0 all are in; 2 usage, or a run was refused; 4 the history cannot be written.
    """
    if what != ADD:
        raise UsageError(f"unknown word {what!r:.40} after history; write fleetscan history add RUN...")
    from fleetscan.history.taking_in import take_in
    from fleetscan.runs.meant import meant_run

    kept_in = Path(settings.runs or RUNS)
    if settings.history is None and is_url(kept_in):
        raise UsageError("a history is a file on disk", Remedy("name it with {history}", {"history": None}))
    path = Path(settings.history) if settings.history else kept_in / DEFAULT
    meant = [meant_run(name, kept_in) for name in runs]
    worst = 0
    for run in sorted(meant, key=_began_at):
        try:
            hand_over(_told(run, take_in(run, path)))
        except UsageError as error:
            note_error(error)
            worst = error.exit_code
    tell(f"History: {path}")
    return worst


def _began_at(run: Run) -> str:
    return run.facts["started_at"]


def _told(run: Run, taken: Taken) -> str:
    """What became of a run, in one line."""
    from fleetscan.history.taking_in import Entry
    from fleetscan.report.figures import counted

    where = places.told(str(run.path))
    if taken.entry is Entry.KNOWN:
        return f"{where}: is in the history already"
    vms = counted(taken.vms, "VM", "VMs")
    ended = f", {taken.ended_with_vm:,} ended with their VM" if taken.ended_with_vm else ""
    # Its other VMs enter when it is added again.
    rest = "" if run.is_complete else "; the run is not complete: resume it, and add it again"
    changed = f"{taken.newly_missing:,} newly missing, {taken.installed:,} installed"
    return f"{where}: {vms}; {changed}{ended}{rest}"
