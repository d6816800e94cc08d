"""stderr as a log: where a scan has no terminal, each line there carries its UTC time and its level.

Whatever speaks comes through here: our own sentences, the log of Python's packages (azure-* and aiohttp
speak there), and what else is written to stderr, such as a traceback. One formatter makes the lines, one
filter hides secrets, and text from outside stays one line, with all that a terminal would obey escaped.
Messages before the first line, which says what runs, wait for it a few seconds.
"""

from __future__ import annotations

import io
import logging
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from fleetscan import places
from fleetscan.cli.endings import level_of_end, meaning
from fleetscan.report.sanitize import fit, sanitize

if TYPE_CHECKING:
    from fleetscan.redacting import Secrets

TEXT, JSON = "text", "json"
COMMANDS = ("scan", "resume")
FLAG, VARIABLE = "--log-format", "FLEETSCAN_LOG_FORMAT"
OURS = "fleetscan.cli"
# Our own lines are cut where they are made, for a command at their end must stay whole.
LONGEST_LINE = 25_000
LONGEST_FOREIGN = 2000
# So long the first line may take to know what it says; then it says less.
FIRST_LINE_WITHIN_S = 10.0
MOST_HELD = 1000
REFUSED = 2


class Told(NamedTuple):
    """A line: how grave it is, its words, and what JSON has of it besides."""

    level: int
    message: str
    fields: Mapping[str, object] = {}


class Log(logging.Handler):
    """The log of one command, on `stream`. It begins with the first record that it gets."""

    def __init__(self, stream: TextIO, form: str, secrets: Secrets) -> None:
        super().__init__()
        self._stream = stream
        self._held: list[logging.LogRecord] | None = []
        self._held_since = time.monotonic()
        self._is_over = False
        self.is_quiet = False
        self.first_line: Callable[[], Told] | None = None
        self.last_line: Callable[[int], Told] = unbegun
        self.secrets = secrets
        self.addFilter(self._hide)
        self._take_form(form)

    def follow(self, form: str | None, *, is_verbose: bool) -> None:
        """Write lines in this format from now on, None for text; verbose with what azure-* says."""
        self._take_form(form or TEXT)
        if is_verbose:
            logging.getLogger("azure").setLevel(logging.WARNING)

    def _take_form(self, form: str) -> None:
        self.is_json = form == JSON
        self.setFormatter(_json_lines() if self.is_json else TextLines())

    def tell(self, level: int, message: str, **fields: object) -> None:
        """Write a line of ours."""
        logging.getLogger(OURS).log(level, places.told(message), extra={"fields": fields} if fields else None)

    def begin(
        self, first_line: Callable[[], Told], last_line: Callable[[int], Told], *, is_quiet: bool
    ) -> None:
        """A scan begins. Its first line, unless it is quiet, comes with `introduce` or some seconds later."""
        self.last_line, self.is_quiet = last_line, is_quiet
        if is_quiet:
            self.introduce()
        else:
            self.first_line = first_line

    def introduce(self, before: float = math.inf) -> None:
        """Write the first line, unless it is written, and what waits for it; its time is no later."""
        with self._locked():
            held, self._held = self._held, None
            if held is not None and self.first_line is not None:
                first = _record(self.first_line())
                # The times of a log only grow.
                first.created = min([first.created, before, *(record.created for record in held)])
                self.handle(first)
            for record in held or ():
                self.emit(record)

    def tick(self) -> None:
        """To be called about once a second: the first line does not wait for ever."""
        if self._held is not None and time.monotonic() - self._held_since > FIRST_LINE_WITHIN_S:
            self.introduce()

    def end(self, code: int) -> None:
        """Write the last line of a scan that ends with this exit code; if quiet, only where it is not 0."""
        with self._locked():
            self.introduce()
            # A command line that is refused has its one line.
            is_silent = code in (0, REFUSED) if self.last_line is unbegun else self.is_quiet and code == 0
            if not self._is_over and not is_silent:
                last = self.last_line(code)
                self.tell(last.level, last.message, **last.fields)
            self._is_over = True

    def emit(self, record: logging.LogRecord) -> None:
        """See Handler. What comes before the first line waits for it; nothing follows the last."""
        if self._is_over:
            return
        if self._held is not None:
            if record.levelno < logging.ERROR and len(self._held) < MOST_HELD:
                self._held.append(record)
                return
            self.introduce(record.created)
        try:
            text = self.format(record)
            self._stream.write(fit(text, self._stream.encoding or "utf-8") + "\n")
        except OSError:
            return
        except Exception:  # noqa: BLE001 - a record that cannot be written must not end a scan
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say that a line is missing; what was in it is not known to be harmless."""
        said = f"{utc(time.time())} error: a line of the log of {sanitize(record.name)} cannot be shown\n"
        with suppress(OSError):
            self._stream.write(said)

    def stream(self, level: int) -> TextIO:
        """A stream that makes lines of the log, all of this level."""
        return Written(self, level, self._stream.encoding or "utf-8")  # type: ignore[return-value]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _hide(self, record: logging.LogRecord) -> bool:
        """The one filter: no secret passes it, in the message, in the fields or in a traceback."""
        record.msg, record.args = self.secrets.hide(record.getMessage()), None
        if record.exc_info and record.exc_info[1] is not None:
            lines = traceback.format_exception(record.exc_info[1])
            record.exc_text, record.exc_info = self.secrets.hide("".join(lines)).rstrip("\n"), None
        fields = getattr(record, "fields", None)
        if fields:
            record.fields = _hidden(fields, self.secrets)
        return True


class TextLines(logging.Formatter):
    """`2026-11-27T02:00:00.000Z warning: azure.identity: message`; our own lines name no logger."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{utc(record.created)} {level_of(record)}: "
        name = "" if is_ours(record) else f"{sanitize(record.name)}: "
        lines = [name + message_of(record)]
        if record.exc_text:
            lines += [f"  {one_line(line, LONGEST_FOREIGN)}" for line in record.exc_text.split("\n")]
        return "\n".join(head + line for line in lines)


def _json_lines() -> logging.Formatter:
    """One JSON object for each record, in ASCII: nothing in it breaks a line or commands a terminal."""
    from pythonjsonlogger.json import JsonFormatter

    class JsonLines(JsonFormatter):
        def add_fields(
            self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
        ) -> None:
            log_data["time"] = utc(record.created)
            log_data["level"] = level_of(record)
            log_data["logger"] = "fleetscan" if is_ours(record) else sanitize(record.name)
            log_data["message"] = message_of(record).strip()
            if record.exc_text:
                log_data["traceback"] = record.exc_text[-LONGEST_LINE:]
            log_data.update(getattr(record, "fields", {}))

        def format(self, record: logging.LogRecord) -> str:
            # The one control character that JSON's writer takes for a letter.
            return super().format(record).replace("\x7f", "\\u007f")

    return JsonLines(json_ensure_ascii=True)


class Written(io.TextIOBase):
    """In the place of stderr: what is written becomes lines of the log, of one level."""

    def __init__(self, log: Log, level: int, encoding: str) -> None:
        self._log = log
        self._level = level
        self._encoding = encoding
        self._line = ""
        self._lock = threading.Lock()

    @property
    def encoding(self) -> str:  # type: ignore[override] # a stream's own, which is never set
        return self._encoding

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def write(self, text: str, /) -> int:
        with self._lock:
            *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if line.strip():
                self._log.tell(self._level, line.rstrip()[:LONGEST_FOREIGN])
        return len(text)


_current: Log | None = None


def current() -> Log | None:
    """The log of the command that runs, None where stderr is as people read it."""
    return _current


@contextmanager
def logged(args: Sequence[str], environment: Mapping[str, str]) -> Iterator[Log | None]:
    """While the block runs stderr is a log, if the command line in `args` is an unattended one."""
    global _current
    form = said_form(args, environment)
    if not args or args[0] not in COMMANDS or (form is None and sys.stderr.isatty()):
        yield None
        return
    from fleetscan.redacting import Secrets

    stream = sys.stderr
    log = Log(stream, form or TEXT, Secrets.of(environment, args))
    root, others = logging.getLogger(), logging.getLogger().handlers
    loggers = root, logging.getLogger(OURS), logging.getLogger("azure")
    levels = [(logger, logger.level) for logger in loggers]
    root.handlers = [log]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(logging.INFO)
    _current, sys.stderr = log, log.stream(logging.WARNING)
    try:
        yield log
    finally:
        _current, sys.stderr, root.handlers = None, stream, others
        for logger, level in levels:
            logger.setLevel(level)


def _record(told: Told) -> logging.LogRecord:
    """The record of a line of ours."""
    extra = {"fields": told.fields}
    return logging.getLogger(OURS).makeRecord(OURS, told.level, "", 0, told.message, (), None, extra=extra)


def unbegun(code: int) -> Told:
    """The last line of a command that did not come as far as a scan."""
    fields = {"event": "end", "exit_code": code, "meaning": meaning(code)}
    return Told(level_of_end(code), f"exit {code} ({meaning(code)}): no scan was begun", fields)


def said_form(args: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """The format that the flag or the variable asks for, before either is known to be right."""
    for place, word in enumerate(args):
        name, equals, value = word.partition("=")
        if name == FLAG:
            return value if equals else next(iter(args[place + 1 :]), TEXT)
    return environment.get(VARIABLE) or None


def utc(seconds: float) -> str:
    """A moment as each line begins with it, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def level_of(record: logging.LogRecord) -> str:
    """The level in a word: debug, info, warning, error, critical."""
    return record.levelname.lower()


def is_ours(record: logging.LogRecord) -> bool:
    """Whether fleetscan said it."""
    return record.name.partition(".")[0] == "fleetscan"


def message_of(record: logging.LogRecord) -> str:
    """What it says, safe to show."""
    return one_line(record.getMessage(), LONGEST_LINE if record.name == OURS else LONGEST_FOREIGN)


def one_line(text: str, limit: int) -> str:
    """`text` safe to show, on one line; the blanks in it stay, because tables have them."""
    return " ".join(sanitize(word, limit) for word in text[:limit].split(" "))[:limit]


def _hidden(value: object, secrets: Secrets) -> Any:
    """A value of JSON without secrets, at any depth; its texts on one line."""
    if isinstance(value, str):
        return sanitize(secrets.hide(value), LONGEST_FOREIGN)
    if isinstance(value, Mapping):
        return {key: _hidden(each, secrets) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(each, secrets) for each in value]
    return value
