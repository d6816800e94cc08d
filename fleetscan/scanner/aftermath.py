"""What follows a scan once its run is whole on disk: the night enters the history.

Nothing here changes what the scan found or how it ended: what goes wrong is a warning.
"""

from __future__ import annotations

from pathlib import Path

from fleetscan.errors import FleetscanError, OutputError, Remedy, UsageError
from fleetscan.history.file import check_history
from fleetscan.history.taking_in import take_in
from fleetscan.records.run import COMPLETE
from fleetscan.runs.reader import open_run
from fleetscan.scanner.blocking import in_thread
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

# A run that was stopped has rows that count, too.
ENTERS = (*COMPLETE, OutputError.exit_code)


def check_standards(settings: Settings) -> None:
    """Raise UsageError or CannotWriteError where the history cannot be kept, before anything is asked."""
    if settings.history is None:
        return
    if settings.out is None and settings.runs is None:
        remedy = Remedy("keep the run with {out} or {runs}", {"out": None, "runs": None})
        raise UsageError("a history is made of runs that are kept on disk", remedy)
    check_history(Path(settings.history))


async def follow_up(summary: ScanSummary, settings: Settings, hooks: Hooks) -> ScanSummary:
    """Keep the night in the history, where that is asked for."""
    directory, history = summary.directory, settings.history
    if directory is None or history is None or summary.exit_code not in ENTERS:
        return summary
    try:
        await in_thread(lambda: take_in(open_run(directory), Path(history)))
    except FleetscanError as error:
        hooks.warning(f"this run is not in the history: {error.what}", error.remedy)
    return summary
