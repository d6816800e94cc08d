"""What the process says where it ends before its work does, and how to go on."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Farewell:
    """The sentences; a command that makes or resumes a run tells it the `directory` once that is known.

    `is_resumable` says whether there is anything to go on with: no command but a scan with files has that.
    """

    is_resumable: bool = False
    directory: Path | None = None

    def quit(self) -> str:
        """After a second Ctrl-C."""
        return " ".join(filter(None, ("fleetscan: quit at once.", self._how_to_resume())))

    def overdue(self, signal_name: str, waited_s: float) -> str:
        """Where the work has not ended so long after the signal that asked for it."""
        why = f"still busy {waited_s:.0f} s after {signal_name}, so it was ended where it was."
        return " ".join(filter(None, (f"fleetscan: error: {why}", self._how_to_resume())))

    def _how_to_resume(self) -> str:
        if not self.is_resumable:
            return ""
        out = "DIR" if self.directory is None else shlex.quote(str(self.directory))
        return f"To resume the scan, run it again with --out {out} --resume"
