"""What a person is told where a second Ctrl-C quits at once: the command that resumes the run, if one can."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from fleetscan.cli.console import as_command
from fleetscan.runs.how_to_resume import command_for


class Kept(Protocol):
    """A scan that knows where its run is kept."""

    @property
    def directory(self) -> Path | None:
        """See `LiveScan.directory`."""
        ...


class Farewell:
    """The sentence for a command that scans nothing, until it is told of a scan."""

    def __init__(self) -> None:
        self._live: Kept | None = None
        self._endpoint: str | None = None
        self._is_kept = True

    def watch(self, live: Kept, endpoint: str, *, is_kept: bool) -> None:
        """Speak of `live` from now on, a scan of `endpoint`; `is_kept` where it will have a directory."""
        self._live, self._endpoint, self._is_kept = live, endpoint, is_kept

    def sentence(self) -> str:
        """What is told at this moment."""
        if self._live is None:
            return "Quit."
        if not self._is_kept:
            return "Quit. This scan keeps nothing that can be resumed."
        if self._live.directory is None:
            return "Quit. No run had begun, so there is nothing to resume."
        return f"Quit. Resume with: {as_command(command_for(self._live.directory, self._endpoint))}"
