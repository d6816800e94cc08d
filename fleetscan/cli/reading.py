"""What the commands that read runs share: which run is meant, and that it is said when it was not named."""

from __future__ import annotations

from pathlib import Path

from fleetscan.cli.console import tell
from fleetscan.cli.options import RUNS
from fleetscan.report.which_run import about
from fleetscan.runs.meant import meant_run
from fleetscan.runs.reader import Run
from fleetscan.settings.reading import ReadSettings


def run_of(name: str | None, settings: ReadSettings) -> Run:
    """The run that `name` means, or the newest, which is then said on stderr. Raises as `meant_run` does."""
    run = meant_run(name, Path(settings.runs or RUNS))
    if name is None:
        tell(about(run))
    return run
