"""Whatever strangers wrote is shown harmlessly: summaries, notes, progress, the log, data on a terminal."""

from __future__ import annotations

import io
import json
import logging
import os
from pathlib import Path
from typing import cast

import pytest

from fleetscan.cli.console import Notes, note
from fleetscan.cli.progress import progress
from fleetscan.cli.row_stream import line_of
from fleetscan.errors import InventoryFileError, NothingListedError
from fleetscan.inventory.from_file import read_lines
from fleetscan.model import InventoryError, Json
from fleetscan.records.plan import Plan, PlanGroup
from fleetscan.records.row import Row
from fleetscan.records.totals import NotListed, NotScanned, Totals
from fleetscan.report.plan_summary import print_plan
from fleetscan.report.sanitize import sanitize
from fleetscan.report.terminal import print_summary
from tests.hostile import HOSTILE, Terminal, harm_in, recorded
from tests.report.test_terminal_summary import FLEET

every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
every_stream = pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width and the kind of terminal, whatever the terminal of the tests."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


def error_of(text: str) -> NotListed:
    return {"subscription_id": text, "code": text, "message": text, "http_status": 403}


def passed_over(text: str) -> NotScanned:
    return {"subscription_id": text, "name": text, "state": text}


def fleet_of(text: str, errors: int) -> Totals:
    """The fleet's line in which all that strangers give is `text`."""
    return {
        **FLEET,
        "selection": {"inventory": text, "subscription": [text] * 5},
        "not_scanned": [passed_over(text)] * 5,
        "inventory_errors": [error_of(text)] * errors,
    }


def plan_of(text: str) -> Plan:
    """A plan's record in which all that strangers give is `text`."""
    power_states = {f"{text}{number}": 1 for number in range(300)}
    group: PlanGroup = {
        "subscription_id": "s-1",
        "subscription_name": text,
        "location": text,
        "listed": 9,
        "fresh": 0,
        "skipped": 5,
        "to_assess": 4,
        "last_start_after_s": 1.0,
        "ends_after_s": 181.0,
    }
    return {
        "schema": "fleetscan.plan/1",
        "listed": 9,
        "to_assess": 4,
        "skipped": {"not_running": 5},
        "power_states": power_states,
        "groups": [group],
        "predicted": {
            "last_start_after_s": 1.0,
            "first_poll_after_s": 1.0,
            "last_poll_after_s": 1.0,
            "ends_after_s": 1.0,
            "starts": 4,
            "polls": 8,
        },
        "binding": {
            "bound": "patch_operations",
            "subscription_id": "s-1",
            "location": text,
            "requests": 4,
            "needs_s": 1.0,
        },
        "assumed": {"assessment_s": 180.0, "reply_s": 0.2, "max_in_flight": 64, "rate_share": 1.0},
        "selection": {"inventory": text},
        "earlier": None,
        "arc": {"listed": 0, "to_assess": 0},
        "uniform_scale_set_vms": 0,
        "not_scanned": [passed_over(text)],
        "inventory_errors": [error_of(text)],
    }


def stream_of(is_terminal: bool) -> io.StringIO:
    return Terminal() if is_terminal else io.StringIO()


@every_stream
@every_text
def test_the_summary_of_a_scan(text: str, is_terminal: bool) -> None:
    stream = stream_of(is_terminal)
    print_summary(fleet_of(text, 3), directory=Path(text[:50].replace("\0", "")), stream=stream)
    assert harm_in(stream.getvalue(), is_terminal=is_terminal) == []


@every_stream
@every_text
def test_the_summary_of_a_plan(text: str, is_terminal: bool) -> None:
    stream = stream_of(is_terminal)
    print_plan(plan_of(text), stream=stream)
    assert harm_in(stream.getvalue(), is_terminal=is_terminal) == []
    assert stream.getvalue().count("\n") < 50


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@every_text
def test_no_summary_trips_over_what_its_stream_cannot_show(text: str, encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_plan(plan_of(text), stream=stream)
    print_summary(fleet_of(text, 1), directory=None, stream=stream)
    stream.flush()


@every_stream
@every_text
def test_warnings_and_what_a_running_scan_waits_for(text: str, is_terminal: bool) -> None:
    stream = stream_of(is_terminal)
    with progress(False, stream=stream) as hooks:
        hooks.phase("scanning")
        hooks.listed(3, 0)
        hooks.waiting(None, text)
        hooks.warning(text)
        hooks.inventory_error(InventoryError(text, text, text, 403))
    assert harm_in(stream.getvalue(), is_terminal=is_terminal) == []


@every_text
def test_the_sentence_a_command_ends_with(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    note("error", str(NothingListedError(f"nothing could be listed: {text}")))
    shown = capsys.readouterr().err
    assert harm_in(shown) == []
    assert shown.count("\n") == 1


@every_text
def test_the_refusal_of_a_line_of_an_inventory(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = json.dumps({"id": text, "name": text}).encode()
    with pytest.raises(InventoryFileError) as refused:
        read_lines([line], "machines.jsonl")
    note("error", str(refused.value))
    assert harm_in(capsys.readouterr().err) == []


@every_text
def test_the_log_and_the_traceback_of_a_bug(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.Logger("strange", logging.ERROR)
    log.addHandler(Notes())
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("fleetscan failed on a reply for %s", text)
    shown = capsys.readouterr().err
    assert harm_in(shown) == []
    assert shown.startswith("fleetscan: log: fleetscan failed on a reply for")


@every_text
def test_rows_on_a_terminal_are_the_same_rows_in_ascii(text: str) -> None:
    ours, terminal = os.openpty()
    row: dict[str, Json] = {"name": text[:100], "tags": {text[:100]: text[:100]}}
    os.write(terminal, line_of(cast(Row, row), is_terminal=True))
    shown = os.read(ours, 100_000)
    os.close(terminal)
    os.close(ours)
    assert shown.isascii()
    assert harm_in(shown.decode().replace("\r\n", "\n")) == []
    assert json.loads(shown) == recorded(row)


def test_text_is_shown_as_it_is_where_it_can_do_no_harm() -> None:
    assert sanitize(HOSTILE["html"]) == HOSTILE["html"]
    assert sanitize(HOSTILE["markup"]) == HOSTILE["markup"]
    assert sanitize(HOSTILE["whole character"]) == HOSTILE["whole character"]


def test_a_megabyte_costs_no_more_than_a_line() -> None:
    assert len(sanitize(HOSTILE["long"])) == len(sanitize(HOSTILE["many controls"])) == 200
