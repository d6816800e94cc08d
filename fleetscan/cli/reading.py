"""What the commands that read runs share: which run is meant, and that it is said when it was not named."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fleetscan import places
from fleetscan.cli.console import as_command, as_flag, shell_word, tell
from fleetscan.cli.options import RUNS
from fleetscan.report.commands import Spelled
from fleetscan.report.which_run import NewerRun, about, minute
from fleetscan.runs.directory import LATEST
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.meant import is_named, meant_run, newer_run
from fleetscan.runs.no_journal import of_merged
from fleetscan.runs.reader import Run
from fleetscan.settings.declared import Settings
from fleetscan.settings.reading import ReadSettings


class Taken(NamedTuple):
    """The run that a command reads; `newer` is one that began after it and is not complete."""

    run: Run
    newer: NewerRun | None


def taken(name: str | None, settings: ReadSettings) -> Taken:
    """The run that `name` means, or the newest that has ended. Raises as `meant_run` does.

    Which one that is, is said on stderr unless `name` is its own directory. Where the newest is
    asked for, by `latest` too, a newer one that is unfinished is said there as well.
    """
    runs = Path(settings.runs or RUNS)
    run = meant_run(name, runs)
    if not is_named(name):
        tell(about(run))
    newer = None
    if name is None or Path(name).name == LATEST:
        # A link `latest` that is given as a path stands among its own runs.
        newer = _newer(run, Path(name).parent if name is not None and is_named(name) else runs)
    if newer is not None:
        tell(newer.told())
    return Taken(run, newer)


def run_of(name: str | None, settings: ReadSettings) -> Run:
    """The same, where what is newer need not be known."""
    return taken(name, settings).run


def _newer(run: Run, runs: Path) -> NewerRun | None:
    found = newer_run(run, runs)
    if found is None:
        return None
    command = None if found.is_held or found.sources else as_command(found.command)
    return NewerRun(found.path.name, minute(found.began_at.isoformat()), command, bool(found.sources))


def spelled_for(directory: str, endpoint: object, *, is_merged: bool = False) -> Spelled:
    """The commands for the run in `directory`, which was scanned at `endpoint`, as a shell takes them.

    One that `is_merged` of others cannot be resumed.
    """
    # A path that begins with a hyphen would be taken for a flag.
    directory = places.told(directory)
    run = shell_word(f"./{directory}" if directory.startswith("-") else directory)
    is_default = not isinstance(endpoint, str) or endpoint == Settings().endpoint
    where = "" if is_default else f" --endpoint {shell_word(str(endpoint))}"
    return Spelled(
        show=f"fleetscan show {run}",
        retry=f"fleetscan scan --retry-failed {run}{where}",
        resume=None if is_merged else as_command(command_for(Path(directory), endpoint)),
    )


def spelled_of(run: Run) -> Spelled:
    """The commands for `run`. One that is not complete cannot be retried: what completes it comes first."""
    from fleetscan.report.digest import directory_of

    path, is_merged = directory_of(run.path), bool(run.facts["sources"])
    spelled = spelled_for(str(path), run.facts["selection"].get("endpoint"), is_merged=is_merged)
    if run.is_complete:
        return spelled
    if not is_merged:
        return spelled._replace(first=f"complete the run with `{spelled.resume}`")
    remedy = of_merged(path)
    before, command, rest = remedy.told(as_flag).partition("fleetscan ")
    first = f"{before}`{command}{rest}`" if command else before
    # What is merged again is another run, unless a cluster's driver does it in its own place.
    return spelled._replace(retry=spelled.retry if command else None, first=first)
