"""What the commands that read runs share: which run is meant, and that it is said when it was not named."""

from __future__ import annotations

from pathlib import Path

from fleetscan.cli.console import as_command, shell_word, tell
from fleetscan.cli.options import RUNS
from fleetscan.report.commands import Spelled
from fleetscan.report.which_run import about
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.meant import meant_run
from fleetscan.runs.reader import Run
from fleetscan.settings.declared import Settings
from fleetscan.settings.reading import ReadSettings


def run_of(name: str | None, settings: ReadSettings) -> Run:
    """The run that `name` means, or the newest, which is then said on stderr. Raises as `meant_run` does."""
    run = meant_run(name, Path(settings.runs or RUNS))
    if name is None:
        tell(about(run))
    return run


def spelled_for(directory: str, endpoint: object) -> Spelled:
    """The commands for the run in `directory`, which was scanned at `endpoint`, as a shell takes them."""
    # A path that begins with a hyphen would be taken for a flag.
    run = shell_word(f"./{directory}" if directory.startswith("-") else directory)
    is_default = not isinstance(endpoint, str) or endpoint == Settings().endpoint
    where = "" if is_default else f" --endpoint {shell_word(str(endpoint))}"
    return Spelled(
        show=f"fleetscan show {run}",
        retry=f"fleetscan scan --retry-failed {run}{where}",
        resume=as_command(command_for(Path(directory), endpoint)),
    )
