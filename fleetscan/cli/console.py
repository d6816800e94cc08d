"""What people and pipes read: notes on stderr, data on stdout.

Names and messages come from Azure, files and the environment: each note is sanitized for a terminal first,
one line at a time. `standard_streams` handles streams that cannot be written.
"""

from __future__ import annotations

import logging
import os
import shlex
import sys
import traceback
from typing import TYPE_CHECKING, ClassVar, Literal

from fleetscan import places
from fleetscan.cli.log_lines import current
from fleetscan.cli.standard_streams import lost_of
from fleetscan.errors import CannotScanError, FleetscanError, Remedy, ResumeCommand
from fleetscan.report.sanitize import fit, sanitize
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import name_of, settings_of

if TYPE_CHECKING:
    from fleetscan.redacting import Secrets

# What shells report of a program that SIGPIPE ended, such as cat and git: 128 and the signal's number.
READER_LEFT = 141
# A sentence of ours may quote a path and an address; anything longer is foreign text and is cut.
LONGEST_LINE = 2000
MOST_INDENT = 40
# A path of a few kilobytes, each byte of which may be an escape of four characters.
LONGEST_REMEDY = 20_000
PLAIN_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./,:@%+=-")
# Kept at each end of a traceback: the calls are at one end, the error at the other.
MOST_LINES = 100


class ReaderLeftError(FleetscanError):
    """The reader of stdout has what it wanted, as `head` does: no failure, and nothing to say."""

    exit_code: ClassVar[int] = READER_LEFT


def as_flag(name: str, value: object) -> str:
    """A setting as the command line writes it: `--out`, `--out 'my runs'`, `--resume`; or a whole command."""
    if isinstance(value, ResumeCommand):
        return as_command(value)
    flag = f"--{name_of(name)}"
    if value is None or value is True:
        return flag
    known = next((each for each in settings_of(Settings) if each.attribute == name), None)
    text = as_text(value) if known is None or known.is_list else known.form.show(value)
    return f"{flag} {shell_word(text)}"


def as_command(command: ResumeCommand) -> str:
    """The command as a person pastes it into a shell."""
    # A path that begins with a hyphen would be taken for a flag.
    directory = f"./{command.directory}" if command.directory.startswith("-") else command.directory
    again = "" if command.endpoint is None else f" --endpoint {shell_word(command.endpoint)}"
    return f"fleetscan resume {shell_word(directory)}{again}"


def shell_word(text: str) -> str:
    """`text` as one word of a shell, in characters that every line of ours shows as they are.

    Others are written as octal escapes, which bash, zsh, ksh and the shells of the BSDs read.
    """
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    if sanitize(text, len(text) + 1) == text and fit(text, encoding) == text:
        return shlex.quote(text)
    octal = (chr(byte) if byte in PLAIN_BYTES else f"\\{byte:03o}" for byte in os.fsencode(text))
    return f"$'{''.join(octal)}'"


def as_text(value: object) -> str:
    """A setting's value as one word of a command line; several are joined as the environment has them."""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def note(kind: Literal["error", "warning"], sentence: str, limit: int = LONGEST_LINE) -> None:
    """Tells a person what went wrong, in one line on stderr."""
    # In a log the level stands before each line.
    head = "" if current() else f"fleetscan: {kind}: "
    tell(f"{head}{sentence}", limit, logging.ERROR if kind == "error" else logging.WARNING)


def tell(line: str, limit: int = LONGEST_LINE, level: int = logging.INFO) -> None:
    """Tells a person something, in one line on stderr, which has this level where it is a log."""
    line = secrets().hide(places.told(line))
    indent = min(len(line) - len(line.lstrip(" ")), MOST_INDENT)
    text = f"{' ' * indent}{sanitize(line[indent:], limit)}"
    if (log := current()) is not None:
        log.tell(level, text)
    else:
        # In one write: other threads tell things too.
        sys.stderr.write(f"{text}\n")


def secrets() -> Secrets:
    """What no line shows: the secrets in the environment."""
    from fleetscan.redacting import Secrets

    log = current()
    return Secrets.of(os.environ) if log is None else log.secrets


def tell_bug(bug: BaseException) -> None:
    """Shows the traceback, for the bug report.

    Every line is indented, so that no line of a message can be mistaken for one of ours.
    """
    lines = "".join(traceback.format_exception(bug)).rstrip("\n").split("\n")
    if len(lines) > 2 * MOST_LINES:
        left_out = f"({len(lines) - 2 * MOST_LINES:,} lines left out)"
        lines = [*lines[:MOST_LINES], left_out, *lines[-MOST_LINES:]]
    for line in lines:
        tell(f"  {line}", level=logging.ERROR)


def note_error(error: FleetscanError) -> None:
    """Tells a person what went wrong and what to do, in the command line's words, and its details below."""
    what = secrets().hide(error.told(as_flag) if error.remedy is None else error.what)
    note("error", with_remedy(sanitize(what, LONGEST_LINE), error.remedy), LONGEST_LINE + LONGEST_REMEDY)
    for line in error.details:
        tell(f"  {line}", level=logging.ERROR)


def with_remedy(sentence: str, remedy: Remedy | None) -> str:
    """A sentence that is safe to show, with what to do, which is never cut off: a command ends it."""
    return sentence if remedy is None else f"{sentence}; {sanitize(remedy.told(as_flag), LONGEST_REMEDY)}"


def hand_over(data: str) -> None:
    """Writes lines of data to stdout, unbuffered; raises as `handed_over` does."""
    sys.stdout.write(f"{data}\n")
    handed_over()


def handed_over() -> None:
    """Raise where something that was written to stdout is lost: ReaderLeftError where its reader went away,
    else CannotScanError.
    """
    if isinstance(lost := lost_of(sys.stdout), BrokenPipeError):
        raise ReaderLeftError("the reader of standard output went away") from lost
    if lost is not None:
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
