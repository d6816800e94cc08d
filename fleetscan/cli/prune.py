"""`fleetscan prune`: removes old runs, says which, and asks nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over, note, tell
from fleetscan.cli.options import RUNS, reading
from fleetscan.errors import CannotWriteError, LockedError, Remedy, UsageError
from fleetscan.places import is_url
from fleetscan.settings.reading import PruneSettings

if TYPE_CHECKING:
    from fleetscan.runs.found import FoundRun

EXAMPLES = (
    Example("What would be removed", "fleetscan prune --keep 30d --dry-run"),
    Example("Runs of more than 30 days ago", "fleetscan prune --keep 30d"),
)
LONGEST_PATH = 1000


@reading(PruneSettings, EXAMPLES, arguments=())
def prune(settings: PruneSettings) -> int:
    """Remove old runs.

    Removes the runs under --runs that ended longer than --keep ago, and asks nothing. A run without an end
    counts from its beginning. These stay, however old: the newest complete run, what latest or another link
    there leads to, unfinished runs that can still be resumed, runs that a process is at work on, and
    directories that hold anything but a run's files. A history stays as it is.

    Exit codes: 0 done, or nothing to do; 2 usage; 4 a run cannot be removed, the others are.
    """
    if settings.keep_s is None:
        raise UsageError(
            "prune has to be told how long runs are kept", Remedy("say it, such as --keep 30d", {})
        )
    from fleetscan.runs.pruning import size_bytes, sort_out

    if is_url(settings.runs or ""):
        rule = Remedy("have a rule of the storage remove what is older (docs/object-storage.md)")
        raise UsageError("prune removes runs on disk alone", rule)
    runs = Path(settings.runs or RUNS)
    if not runs.exists():
        note("warning", f"{runs} is not there: check --runs, or nothing was scanned yet")
    elif not runs.is_dir():
        raise UsageError(f"{runs} is no directory of runs", Remedy("name one with --runs"))
    found = sort_out(runs, datetime.now(UTC), settings.keep_s, settings.resume_within_s)
    for damaged in found.damaged:
        note("warning", f"{damaged}; it stays as it is")
    removal = _Removal(settings.dry_run)
    for path in found.left_over:
        removal.finish(path)
    for run in found.old:
        removal.remove(run, size_bytes(run.path))
    for kept in found.kept:
        tell(f"Kept {kept.path}: {kept.why}")
    stay = found.young + len(found.kept) + removal.kept
    tell(f"{removal.told()}; {stay:,} {'stays' if stay == 1 else 'stay'}. Runs: {runs}")
    return CannotWriteError.exit_code if removal.failures else 0


class _Removal:
    """Removes runs, or only says so, and counts."""

    def __init__(self, is_dry: bool) -> None:
        self.kept = self.failures = self._runs = self._bytes = 0
        self._is_dry = is_dry

    def remove(self, run: FoundRun, size_bytes: int) -> None:
        """Remove a run, and say so with what it was."""
        from fleetscan.report.sanitize import sanitize
        from fleetscan.report.which_run import minute
        from fleetscan.runs.pruning import remove

        if not self._is_done(run.path, remove):
            self.kept += run.path.is_dir()
            return
        self._runs += 1
        self._bytes += size_bytes
        began = f"began {minute(run.began_at.isoformat())}, {run.state}"
        verb = "would remove" if self._is_dry else "removed"
        hand_over(f"{verb} {sanitize(str(run.path), LONGEST_PATH)}: {megabytes(size_bytes)}, {began}")

    def finish(self, path: Path) -> None:
        """Remove what an earlier process left."""
        from fleetscan.report.sanitize import sanitize
        from fleetscan.runs.pruning import finish

        if self._is_done(path, finish):
            verb = "would remove" if self._is_dry else "removed"
            rest = "what an interrupted prune left"
            hand_over(f"{verb} {sanitize(str(path), LONGEST_PATH)}: {rest}")

    def told(self) -> str:
        """What was done, in a few words."""
        verb = "Would remove" if self._is_dry else "Removed"
        return f"{verb} {self._runs:,} {'run' if self._runs == 1 else 'runs'}, {megabytes(self._bytes)}"

    def _is_done(self, path: Path, how: Callable[[Path], None]) -> bool:
        if self._is_dry:
            return True
        try:
            how(path)
        except FileNotFoundError:
            # Another prune was quicker.
            return False
        except LockedError as held:
            tell(f"Kept {path}: {held.what}")
            return False
        except OSError as error:
            self.failures += 1
            note("error", f"{path} cannot be removed: {error.strerror or error}")
            return False
        return True


def megabytes(size_bytes: int) -> str:
    """A size as people read it."""
    return f"{size_bytes / 1e6:,.1f} MB"
