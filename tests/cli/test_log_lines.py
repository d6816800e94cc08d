"""Lines of a log: time and level before each, one line for each text, no secret, and the first line first."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fleetscan.cli import log_lines
from fleetscan.cli.console import note, note_error, tell, tell_bug
from fleetscan.cli.log_lines import Log, Told, logged, said_form
from fleetscan.cli.main import run
from fleetscan.errors import CannotScanError, Remedy
from fleetscan.redacting import Secrets
from tests.cli.processes import HEAD, spoken
from tests.hostile import HOSTILE, harm_in

SECRET = "Y8Q-client-secret"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def logging_to(
    monkeypatch: pytest.MonkeyPatch, *args: str, stream: io.StringIO | None = None
) -> Iterator[tuple[io.StringIO, Log]]:
    """The log of a scan, in a stream of its own."""
    stream = io.StringIO() if stream is None else stream
    monkeypatch.setattr(sys, "stderr", stream)
    with logged(["scan", *args], {"AZURE_CLIENT_SECRET": SECRET}) as log:
        assert log is not None
        # As with -v: else azure-*, whose failures reach us as exceptions, says nothing here.
        logging.getLogger("azure").setLevel(logging.WARNING)
        yield stream, log


def first() -> Told:
    return Told(logging.INFO, "fleetscan 0.1.0", {"event": "begin"})


def last(code: int) -> Told:
    return Told(logging.INFO, f"exit {code}", {"event": "end", "exit_code": code})


def test_whatever_speaks_has_time_and_level_on_each_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with logging_to(monkeypatch) as (stream, log):
        log.introduce()
        tell("a sentence")
        note("warning", "a warning")
        note_error(CannotScanError("it cannot", Remedy("mend it"), ("a detail",)))
        logging.getLogger("azure.identity").error("no token")
        logging.getLogger("aiohttp.client").warning("odd cookie %s", "x")
        logging.getLogger("aiohttp.client").info("not asked for")
        sys.stderr.write("half a line, ")
        sys.stderr.write("and the rest\n\nanother\n")
    lines = stream.getvalue().splitlines()
    assert [HEAD.match(line) is not None for line in lines] == [True] * len(lines)
    assert [line.partition("Z ")[2] for line in lines] == [
        "info: a sentence",
        "warning: a warning",
        "error: it cannot; mend it",
        "error:   a detail",
        "error: azure.identity: no token",
        "warning: aiohttp.client: odd cookie x",
        "warning: half a line, and the rest",
        "warning: another",
    ]


def test_a_traceback_is_lines_of_the_log_and_in_json_one_field(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError(f"one\ntwo {SECRET}")

    for form in ("text", "json"):
        with logging_to(monkeypatch, "--log-format", form) as (stream, log):
            log.introduce()
            try:
                fail()
            except ValueError as error:
                logging.getLogger("fleetscan").exception("a bug")
                tell_bug(error)
        assert SECRET not in stream.getvalue()
        if form == "text":
            assert "  Traceback (most recent call last):\n" in spoken(stream.getvalue())
            assert "  ValueError: one\n  two <hidden>\n" in spoken(stream.getvalue())
        else:
            record = json.loads(stream.getvalue().splitlines()[0])
            assert record["message"] == "a bug"
            assert record["traceback"].endswith("ValueError: one\ntwo <hidden>")


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_text_breaks_a_line_or_commands_a_terminal(
    form: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = HOSTILE[kind]
    with logging_to(monkeypatch, "--log-format", form) as (stream, log):
        log.introduce()
        logging.getLogger("azure.core").error("%s", hostile)
        logging.getLogger(hostile).error("x")
        log.tell(logging.INFO, hostile[:500], name=hostile, deep=[{"key": hostile}])
        sys.stderr.write(hostile.replace("\n", " ") + "\n")
    text = stream.getvalue()
    # Of several fields each may be long.
    assert [each for each in harm_in(text) if not each.startswith("a line of ")] == []
    assert max(map(len, text.splitlines())) < 30_000
    assert text.count("\n") == 4
    if form == "json":
        assert [json.loads(line)["level"] for line in text.splitlines()] == [
            "error",
            "error",
            "info",
            "warning",
        ]
        assert text.isascii()


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_passes_in_words_arguments_fields_or_errors(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging_to(monkeypatch, "--log-format", form) as (stream, log):
        log.introduce()
        logging.getLogger("azure.identity").error("secret %s", SECRET)
        logging.getLogger("azure.identity").error("headers %r", {"Authorization": f"Bearer {SECRET}"})
        log.tell(logging.INFO, "x", url=f"https://u:{SECRET}@h/?sig=abc", deep=[[SECRET]])
        sys.stderr.write(f"raw {SECRET}\n")
        note_error(CannotScanError(f"cannot: {'x' * 1990}{SECRET}"))
    assert SECRET not in stream.getvalue()
    assert SECRET[:8] not in stream.getvalue()
    assert "sig=abc" not in stream.getvalue()


def test_a_json_line_has_time_level_logger_message_and_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with logging_to(monkeypatch, "--log-format=json") as (stream, log):
        log.begin(first, last, is_quiet=False)
        note("warning", "early")
        log.introduce()
        log.end(3)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(each["level"], each["logger"], each["message"]) for each in records] == [
        ("info", "fleetscan", "fleetscan 0.1.0"),
        ("warning", "fleetscan", "early"),
        ("info", "fleetscan", "exit 3"),
    ]
    assert records[2]["exit_code"] == 3
    assert list(records[0])[:4] == ["time", "level", "logger", "message"]


def test_what_comes_before_the_first_line_waits_for_it_but_an_error_does_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with logging_to(monkeypatch) as (stream, log):
        note("warning", "early")
        log.begin(first, last, is_quiet=False)
        tell("listing")
        assert stream.getvalue() == ""
        note("error", "bad")
        tell("later")
    assert spoken(stream.getvalue()).splitlines() == ["fleetscan 0.1.0", "early", "listing", "bad", "later"]
    times = [line.partition(" ")[0] for line in stream.getvalue().splitlines()]
    assert times == sorted(times)


def test_the_first_line_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    with logging_to(monkeypatch) as (stream, log):
        log.begin(first, last, is_quiet=False)
        log.tick()
        assert stream.getvalue() == ""
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 11.0)
        log.tick()
        log.introduce()
    assert spoken(stream.getvalue()) == "fleetscan 0.1.0\n"


@pytest.mark.parametrize(
    ("quiet", "code", "lines"),
    [
        (False, 0, ["fleetscan 0.1.0", "early", "exit 0"]),
        (False, 5, ["fleetscan 0.1.0", "early", "exit 5"]),
        (True, 0, ["early"]),
        (True, 3, ["early", "exit 3"]),
    ],
)
def test_the_last_line_comes_once_and_last_and_where_quiet_only_if_the_code_is_not_0(
    quiet: bool, code: int, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging_to(monkeypatch) as (stream, log):
        log.begin(first, last, is_quiet=quiet)
        note("warning", "early")
        log.end(code)
        log.end(130)
        note("error", "a thread that is late")
    assert spoken(stream.getvalue()).splitlines() == lines


def test_a_command_that_was_refused_has_its_one_line_and_one_that_broke_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for code, lines in ((2, []), (0, []), (4, ["exit 4 (could not scan): no scan was begun"])):
        with logging_to(monkeypatch) as (stream, log):
            log.end(code)
        assert spoken(stream.getvalue()).splitlines() == lines


def test_on_a_terminal_only_the_flag_or_the_variable_makes_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    for args, variables, is_log in (
        (["scan"], {}, False),
        (["scan", "--log-format", "text"], {}, True),
        (["scan", "--log-format=json"], {}, True),
        (["resume"], {"FLEETSCAN_LOG_FORMAT": "json"}, True),
        (["scan"], {"FLEETSCAN_LOG_FORMAT": ""}, False),
    ):
        with logged(args, variables) as log:
            assert (log is not None) is is_log
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    for args in ([], ["report", "scan"], ["demo"], ["plan"], ["--help"]):
        with logged(args, {"FLEETSCAN_LOG_FORMAT": "json"}) as log:
            assert log is None


def test_a_format_that_is_said_holds_before_it_is_known_to_be_right() -> None:
    assert said_form(["scan", "--log-format", "json"], {}) == "json"
    assert said_form(["scan", "--log-format"], {}) == "text"
    assert said_form(["scan"], {"FLEETSCAN_LOG_FORMAT": "json"}) == "json"
    assert said_form(["scan", "--name", "x"], {}) is None


def test_help_of_a_scan_is_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "--help"]) == 0
    assert capsys.readouterr().err == ""


def test_nothing_of_a_log_is_left_when_its_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    root, before = logging.getLogger(), [*logging.getLogger().handlers]
    stream = io.StringIO()
    with logging_to(monkeypatch, stream=stream) as (_, log):
        assert root.handlers == [log]
    assert (root.handlers, sys.stderr, log_lines.current()) == (before, stream, None)


def test_a_line_that_cannot_be_made_says_so_without_what_was_in_it() -> None:
    stream = io.StringIO()
    log = Log(stream, "text", Secrets())
    log.introduce()
    log.formatter = None
    broken = logging.LogRecord("x", logging.ERROR, "", 0, "secret", None, None)
    log.setFormatter(type("Broken", (logging.Formatter,), {"format": lambda *_: 1 / 0})())
    log.handle(broken)
    assert spoken(stream.getvalue()) == "a line of the log of x cannot be shown\n"
