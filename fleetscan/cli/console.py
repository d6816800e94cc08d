"""What people and pipes read: notes on stderr, data on stdout.

Names and messages come from Azure, files and the environment: each note is sanitized for a terminal first,
one line at a time. `standard_streams` handles streams that cannot be written.
"""

from __future__ import annotations

import logging
import shlex
import sys
import traceback
from typing import Literal

from fleetscan.cli.standard_streams import lost_of
from fleetscan.errors import CannotScanError, FleetscanError
from fleetscan.report.sanitize import sanitize
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import name_of, settings_of

# A sentence of ours may quote a path and an address; anything longer is foreign text and is cut.
LONGEST_LINE = 2000
MOST_INDENT = 40
# Kept at each end of a traceback: the calls are at one end, the error at the other.
MOST_LINES = 100


def as_flag(name: str, value: object) -> str:
    """A setting as the command line writes it: `--out`, `--out 'my runs'`, `--resume`."""
    flag = f"--{name_of(name)}"
    if value is None or value is True:
        return flag
    known = next((each for each in settings_of(Settings) if each.attribute == name), None)
    text = as_text(value) if known is None or known.is_list else known.form.show(value)
    return f"{flag} {shlex.quote(text)}"


def as_text(value: object) -> str:
    """A setting's value as one word of a command line; several are joined as the environment has them."""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def note(kind: Literal["error", "warning"], sentence: str) -> None:
    """Tells a person what went wrong, in one line on stderr."""
    tell(f"fleetscan: {kind}: {sentence}")


def tell(line: str) -> None:
    """Tells a person something, in one line on stderr."""
    indent = min(len(line) - len(line.lstrip(" ")), MOST_INDENT)
    # In one write: other threads tell things too.
    sys.stderr.write(f"{' ' * indent}{sanitize(line[indent:], LONGEST_LINE)}\n")


def tell_bug(bug: BaseException) -> None:
    """Shows the traceback, for the bug report.

    Every line is indented, so that no line of a message can be mistaken for one of ours.
    """
    lines = "".join(traceback.format_exception(bug)).rstrip("\n").split("\n")
    if len(lines) > 2 * MOST_LINES:
        left_out = f"({len(lines) - 2 * MOST_LINES:,} lines left out)"
        lines = [*lines[:MOST_LINES], left_out, *lines[-MOST_LINES:]]
    for line in lines:
        tell(f"  {line}")


def note_error(error: FleetscanError) -> None:
    """Tells a person what went wrong and what to do, in the command line's words, and its details below."""
    note("error", error.told(as_flag))
    for line in error.details:
        tell(f"  {line}")


def hand_over(data: str) -> None:
    """Writes lines of data to stdout, unbuffered; raises CannotScanError where that fails."""
    sys.stdout.write(f"{data}\n")
    if (lost := lost_of(sys.stdout)) is not None:
        raise CannotScanError(f"cannot write to standard output: {lost.strerror}") from lost


class Notes(logging.Handler):
    """Shows warnings and errors of the log like every other note."""

    def emit(self, record: logging.LogRecord) -> None:
        tell(f"fleetscan: log: {record.getMessage()}")
        if record.exc_info and (bug := record.exc_info[1]) is not None:
            tell_bug(bug)


def keep_log() -> None:
    """Shows the log's warnings on stderr, except azure's: its failures reach us as exceptions."""
    logging.basicConfig(handlers=[Notes()], level=logging.WARNING)
    logging.getLogger("azure").setLevel(logging.CRITICAL)
