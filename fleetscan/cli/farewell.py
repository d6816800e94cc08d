"""What the process says where it ends before its work does: the command that resumes the run, if one can."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Kept(Protocol):
    """A scan that knows where its run is kept."""

    @property
    def directory(self) -> Path | None:
        """See `LiveScan.directory`."""
        ...


class Farewell:
    """The sentences for a command that scans nothing, until it is told of a scan."""

    def __init__(self) -> None:
        self._live: Kept | None = None
        self._endpoint: str | None = None
        self._is_kept = True
        self._is_on_cluster = False

    def watch(self, live: Kept, endpoint: str, *, is_kept: bool, is_on_cluster: bool = False) -> None:
        """Speak of `live` from now on, a scan of `endpoint`; `is_kept` where it will have a directory."""
        self._live, self._endpoint, self._is_kept = live, endpoint, is_kept
        self._is_on_cluster = is_on_cluster

    def quit(self) -> str:
        """After a second Ctrl-C."""
        return " ".join(filter(None, ("Quit.", self._how_to_resume())))

    def overdue(self, signal_name: str, waited_s: float) -> str:
        """Where the work has not ended so long after the signal that asked for it."""
        why = f"still busy {waited_s:.0f} s after {signal_name}, so it was ended where it was."
        return " ".join(filter(None, (f"fleetscan: error: {why}", self._how_to_resume())))

    def _how_to_resume(self) -> str:
        if self._live is None:
            return ""
        if not self._is_kept:
            return "This scan keeps nothing that can be resumed."
        if self._live.directory is None:
            return "No run had begun, so there is nothing to resume."
        # Loaded only here: a process that ends well, or only helps, needs none of it.
        from fleetscan.cli.console import as_command, shell_word
        from fleetscan.runs.how_to_resume import command_for

        if self._is_on_cluster:
            word = shell_word(str(self._live.directory))
            return f"Its shards stop by themselves. Run the same command with --resume --out {word}"
        return f"Resume with: {as_command(command_for(self._live.directory, self._endpoint))}"
