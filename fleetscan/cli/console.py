"""What people and pipes read: notes on stderr, data on stdout.

Names and messages come from Azure, files and the environment: each note is made harmless to a terminal
first, one line at a time.
"""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from typing import Literal

from fleetscan.errors import CannotScanError
from fleetscan.report.harmless import harmless

# A sentence of ours may quote a path and an address; anything longer is somebody's flood.
LONGEST_LINE = 2000


def note(kind: Literal["error", "warning"], sentence: str) -> None:
    """Tells a person what went wrong, in one line on stderr."""
    tell(f"fleetscan: {kind}: {sentence}")


def tell(line: str) -> None:
    """Tells a person something, in one line on stderr; a stderr that is gone is no reason to fail."""
    indent = len(line) - len(line.lstrip(" "))
    with suppress(OSError):
        print(" " * indent + harmless(line[indent:], LONGEST_LINE), file=sys.stderr, flush=True)


def tell_bug(bug: Exception) -> None:
    """Shows the whole traceback: a bug is for whoever mends the program."""
    for line in "".join(traceback.format_exception(bug)).splitlines():
        tell(line)


def hand_over(data: str) -> None:
    """Writes lines of data to stdout, at once; raises CannotScanError where nobody takes them."""
    try:
        print(data, flush=True)
    except OSError as broken:
        raise CannotScanError(f"standard output cannot be written: {broken.strerror}") from broken


class Notes(logging.Handler):
    """What the log says of warnings and worse, told like everything else."""

    def emit(self, record: logging.LogRecord) -> None:
        for line in self.format(record).splitlines():
            tell(line)


def keep_log() -> None:
    """Has warnings in the log told on stderr, but for azure's: its failures reach us as exceptions."""
    logging.basicConfig(handlers=[Notes()], format="fleetscan: log: %(message)s", level=logging.WARNING)
    logging.getLogger("azure").setLevel(logging.CRITICAL)
