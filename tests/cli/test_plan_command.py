"""`fleetscan plan`: data for schedulers on stdout, words for people on stderr, at 80 columns."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.cli.main import run
from fleetscan.model import Target
from fleetscan.planning.counts import Roster
from fleetscan.planning.planner import foresee
from fleetscan.records.schema import plan_schema
from fleetscan.report.plan_summary import print_plan
from fleetscan.settings.declared import PlanSettings

SUBSCRIPTION = "3f8c0d5e-1111-2222-3333-444444444444"


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width rich takes where the stream is no terminal, and a token that nothing asks for."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "opens-nothing")


def row(number: int, **facts: Any) -> dict[str, Any]:
    """A line of an inventory file."""
    vm = f"/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-{number}"
    return {"id": f"/subscriptions/{SUBSCRIPTION}{vm}", "location": "westeurope"} | facts


def inventory(tmp_path: Path, *rows: dict[str, Any]) -> list[str]:
    """The arguments that name an inventory file: no Azure is needed then."""
    path = tmp_path / "machines.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return ["plan", "--inventory", str(path)]


def told(targets: list[Target], encoding: str = "utf-8", **settings: Any) -> str:
    """What a person reads of the plan for `targets`."""
    made = foresee(Roster(targets), PlanSettings(**settings), warn=print)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    print_plan(made, stream=stream)
    stream.flush()
    return raw.getvalue().decode(encoding)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def machines(
    count: int, subscription: str = "sub-1", location: str = "westeurope", **facts: Any
) -> list[Target]:
    prefix = f"/subscriptions/{subscription}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines"
    return [
        Target(f"{prefix}/{location}-{number}", subscription, "rg", "vm", location=location, **facts)
        for number in range(count)
    ]


def test_stdout_that_is_no_terminal_carries_one_line_of_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = row(3, power_state="deallocated")
    assert run([*inventory(tmp_path, row(1), row(2), stopped), "--quiet"]) == 0
    heard = capsys.readouterr()
    assert heard.out.count("\n") == 1
    record = orjson.loads(heard.out)
    Draft202012Validator(plan_schema()).validate(record)
    assert (record["listed"], record["to_assess"], record["skipped"]) == (3, 2, {"not_running": 1})
    assert "to assess" not in heard.err


@pytest.mark.parametrize("said", ["flag", "variable"])
def test_words_without_a_terminal_where_they_are_asked_for(
    said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if said == "variable":
        monkeypatch.setenv("FLEETSCAN_PLAN_FORMAT", "text")
    assert run([*inventory(tmp_path, row(1)), *(["--format", "text"] if said == "flag" else [])]) == 0
    last = " ".join(lines(capsys.readouterr().out)[-2:])
    assert last == "1 VM listed, 1 to assess: a scan takes about 3 min 6 s, limited by assessment time."


def test_markdown_begins_with_the_headline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*inventory(tmp_path, row(1, location="west|`europe")), "--format", "markdown"]) == 0
    told = lines(capsys.readouterr().out)
    assert told[:2] == [
        "## Plan of a scan",
        "**1 VM listed, 1 to assess: a scan takes about 3 min 6 s, limited by assessment time.**",
    ]
    assert told[-1] == f"| `{SUBSCRIPTION}` | ``west\\x7c`europe`` | 1 | 0 s |"


@pytest.mark.parametrize("colours", [True, False])
def test_a_terminal_has_words_the_headline_last_and_no_colours_where_none_are_wanted(
    colours: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS")
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    fleet = [row(number, location=f"region-{number}") for number in range(40)]
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        assert run([*inventory(tmp_path, *fleet), "--rate-share", "1%"]) == 0
    told = b""
    with suppress(OSError):
        while piece := os.read(ours, 10_000):
            told += piece
    os.close(ours)
    assert (b"\x1b[33m" in told) is colours
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in told.decode().split("\r\n")]
    # The last line is the shell's.
    assert (len(plain), plain[-1]) == (24, "")
    assert "40 VMs listed, 40 to assess: a scan takes about " in plain[-3]
    shown = len([line for line in plain if line.startswith(f"  {SUBSCRIPTION}")])
    assert plain[2 + shown].split()[:3] == [str(40 - shown), "more", str(40 - shown)]


def test_a_scan_has_no_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "--format", "text"]) == 2
    assert "unknown flag --format" in capsys.readouterr().err


def test_an_empty_inventory_is_a_plan_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(inventory(tmp_path)) == 0
    heard = capsys.readouterr()
    assert orjson.loads(heard.out)["predicted"]["ends_after_s"] == 0.0
    assert (
        "machines.jsonl names none; check the file, and the command that writes it: --inventory" in heard.err
    )


def test_a_crowded_region_is_told_on_one_screen() -> None:
    fleet = [
        *machines(2000, subscription_name="Payments"),
        *machines(100, "sub-2", "eastus2"),
        *machines(7, "sub-2", "eastus2-stopped", power_state="deallocated"),
    ]
    assert lines(told(fleet, first_poll_s=200.0, poll_interval_s=30.0)) == [
        "  Subscription  Region           To assess  Skipped  Last start",
        "  Payments      westeurope           2,000        0       7 min",
        "  sub-2         eastus2                100        0         1 s",
        "  sub-2         eastus2-stopped          0        7        none",
        "Skipped      7 not running: deallocated",
        "Starts       2,100, the last after 7 min",
        "Polls        2,100, from 3 min 30 s to 11 min 5 s",
        "Assuming     3 min per assessment, 0.2 s per reply, 64 concurrent requests",
        "Limited by   Compute's patch operations of subscription Payments in westeurope:",
        "             2,000 requests need 7 min",
        "Faster       with more subscriptions or regions; nothing else helps",
        "2,107 VMs listed, 2,100 to assess: a scan takes about 11 min 5 s, limited by",
        "Compute's patch operations.",
    ]


@pytest.mark.parametrize(
    ("count", "faster"),
    [
        (3, "Faster       not possible (all start at once)"),
        (600, "Faster       by up to 40 s, with more subscriptions or regions"),
    ],
)
def test_where_the_assessments_themselves_bind_it_says_what_spreading_saves(count: int, faster: str) -> None:
    text = lines(told(machines(count), max_in_flight=10_000))
    assert "Limited by   assessment time (3 min each)" in text
    assert faster in text


def test_a_fleet_that_sleeps_says_so() -> None:
    text = lines(told(machines(4, power_state="stopped")))
    assert text[-2:] == ["Skipped      4 not running: stopped", "4 VMs listed, none to assess."]


def test_thirty_groups_are_a_screen_the_largest_first_and_a_sum() -> None:
    fleet = [target for number in range(30) for target in machines(number + 1, f"sub-{number}")]
    text = told(fleet)
    assert text.count("\n") == 23
    table = lines(text)
    assert table[1].split() == ["sub-29", "westeurope", "30", "1", "s"]
    assert len([line for line in table if line.startswith("  sub-")]) == 11
    assert table[12].split() == ["19", "more", "190", "1", "s"]


def test_subscriptions_that_are_shown_alike_have_the_end_of_their_id() -> None:
    fleet = [
        target
        for number in range(2)
        for target in machines(3 - number, f"{SUBSCRIPTION[:-1]}{number}", subscription_name="Shop")
    ]
    table = lines(told(fleet))
    assert [line.split()[:3] for line in table[1:3]] == [
        ["Shop", "(44444440)", "westeurope"],
        ["Shop", "(44444441)", "westeurope"],
    ]


def test_long_names_are_cut_in_their_middle() -> None:
    fleet = [
        target
        for number in range(3)
        for target in machines(3, f"sub-{number}", subscription_name=f"{'Landing Zone ' * 7}Number {number}")
    ]
    table = lines(told(fleet))
    assert [line.partition("...")[2].partition("  ")[0][-9:] for line in table[1:4]] == [
        " Number 0",
        " Number 1",
        " Number 2",
    ]


def test_strange_names_do_nothing_and_no_line_is_wider_than_80_columns() -> None:
    name = "Zahl\x1b[2Jung\r\n[bold]" + "x" * 200
    text = told(machines(2000, SUBSCRIPTION, "westeurope", subscription_name=name), "ascii")
    assert "\x1b" not in text
    assert "\n  Zahl\\x1b[2Jung [bold" in text
    assert max(map(len, text.splitlines())) <= 80
