"""A fleet of 1,234,567 VMs on 60 and 80 columns: each figure whole, on one line, its thousands parted."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from rich.console import Console

from fleetscan.cli.drawing import draw
from fleetscan.cli.tally import View
from fleetscan.records.plan import Plan
from fleetscan.records.totals import Totals
from fleetscan.report.plan_summary import print_plan
from fleetscan.report.screen import columns_of
from fleetscan.report.terminal import print_summary
from tests.report.test_hostile_text import plan_of
from tests.report.test_terminal_summary import FLEET

if sys.platform != "win32":
    import fcntl
    import termios

WIDTHS = pytest.mark.parametrize("width", [60, 80])
VIEW = View(
    phase="scanning",
    total=1_234_567,
    done=934_567,
    assessed=634_567,
    failed=100_001,
    timed_out=100_002,
    skipped=99_997,
    running=123_456,
    requests=9_876_543,
    throttled=234_567,
    starts_per_s=1234.5,
    polls_per_s=2345.6,
    waiting_for="to poll running assessments",
    wait_s=754.0,
    left_s=3600.0 * 50,
    to_start=1_111_111,
)
TOTALS: Totals = {
    **FLEET,
    "listed": 1_234_567,
    "outcomes": {
        "assessed": 634_567,
        "failed": 100_001,
        "timed_out": 100_002,
        "skipped": 99_997,
        "interrupted": 300_000,
    },
    "reasons": {"denied": 60_001, "gone": 40_000, "not_running": 99_997, "operation_timeout": 100_002},
    "critical_and_security_count": 12_345_678,
    "other_count": 23_456_789,
    "reboot_pending": 345_678,
    "vms_with_critical_or_security": 456_789,
    "patches_incomplete": 11_111,
    "duration_s": 4_442_460.0,
    "requests": {
        "list": 1_235,
        "start": 1_134_570,
        "poll": 2_345_678,
        "other": 123_456,
        "throttled": 234_567,
        "retried": 34_567,
    },
}


def shown(view: View, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(draw(view, "utf-8", verbose=True))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def summary(width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    print_summary(TOTALS, directory=Path("run"), stream=stream)
    return [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]


def figures(lines: list[str]) -> list[str]:
    return re.findall(r"\d[\d,.]*", " ".join(lines))


@WIDTHS
def test_progress_shows_every_figure_whole(width: int) -> None:
    lines = shown(VIEW, width)
    assert max(map(len, lines)) <= width
    told = "   ".join(lines)
    for words in (
        *("934,567 of 1,234,567  75 %", "634,567 assessed", "100,001 failed", "100,002 timed out"),
        *(
            "99,997 skipped",
            "123,456 running",
            "1,111,111 to start",
            "1,234.5 starts/s",
            "2,345.6 polls/s",
            "234,567 throttled",
        ),
        *("about 50 h left", "waiting 12 min 34 s to poll running assessments"),
    ):
        assert any(words in line for line in lines), words
    assert len(figures(lines)) == len(set(figures(lines))), told


@WIDTHS
def test_the_listing_fits_too(width: int) -> None:
    listing = View("listing", 1_234_567, *(0,) * 6, 12_345, 0, 0.0, 0.0, None, None, None)
    assert shown(listing, width) == ["Listing   1,234,567 VMs so far   12,345 requests"]


def test_what_is_done_is_the_sum_of_its_parts_on_screen() -> None:
    for width in (60, 80):
        ends = re.findall(r"([\d,]+) (?:assessed|failed|timed out|skipped)", " ".join(shown(VIEW, width)))
        assert sum(int(each.replace(",", "")) for each in ends) == VIEW.done


@WIDTHS
def test_a_summary_s_figures_are_whole_and_add_up(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = summary(width, monkeypatch)
    assert max(map(len, lines)) <= width
    told = " ".join(" ".join(lines).split())
    number = {
        label: int(re.search(rf"\b{label} +([\d,]+)", told)[1].replace(",", ""))  # type: ignore[index]
        for label in ("Skipped", "Failed", "Timed out", "Unfinished")
    }
    assert "1,234,567 VMs listed, 634,567 assessed in 1,234 h 1 min." in told
    assert sum(number.values()) + 634_567 == 1_234_567
    requests = "3,604,939: 1,235 list, 1,134,570 start, 2,345,678 poll, 123,456 other; 234,567 throttled"
    assert requests in told
    assert 1_235 + 1_134_570 + 2_345_678 + 123_456 == 3_604_939


@WIDTHS
def test_no_figure_of_a_summary_is_said_twice(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    told = figures(summary(width, monkeypatch))
    # 429s and retries are among the requests; every other figure is one fact.
    assert sorted(told) == sorted(set(told))


@WIDTHS
def test_a_plan_s_figures_are_whole_and_its_table_keeps_its_columns(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    plan: Plan = plan_of("Data Platform Production West Europe")
    plan.update({"listed": 1_234_567, "to_assess": 1_134_567, "skipped": {"not_running": 100_000}})
    plan["groups"][0].update({"to_assess": 1_134_567, "skipped": 100_000, "last_start_after_s": 45_240.0})
    stream = io.StringIO()
    print_plan(plan, stream=stream)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    assert any(re.search(r" 1,134,567  100,000  12 h 34 min$", line) for line in lines)
    assert "1,234,567 VMs listed, 1,134,567 to assess" in " ".join(lines)


@pytest.fixture
def terminal_of_60_columns() -> Iterator[tuple[TextIO, int]]:
    """A stream to a terminal that has 60 columns, and where what it shows can be read."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        yield stream, ours
    os.close(ours)


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_the_columns_are_the_terminal_s_own_however_simple_it_is(
    kind: str, terminal_of_60_columns: tuple[TextIO, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, shows = terminal_of_60_columns
    monkeypatch.setenv("TERM", kind)
    monkeypatch.delenv("COLUMNS", raising=False)
    assert columns_of(stream) == 60
    print_summary(TOTALS, directory=None, stream=stream)
    stream.flush()
    told = b""
    # What a terminal shows may come in pieces; this is the last of it.
    while b"retried" not in told:
        told += os.read(shows, 100_000)
    lines = re.sub(r"\x1b\[[\d;]*m", "", told.decode()).split("\r\n")
    assert max(map(len, lines)) == 60
    assert columns_of(io.StringIO()) == 80
    for columns, wanted in (("100", 100), ("wide", 60), ("-1", 60), ("9" * 5000, 60), ("0", 60), ("", 60)):
        monkeypatch.setenv("COLUMNS", columns)
        assert columns_of(stream) == wanted


@WIDTHS
def test_no_line_of_a_summary_that_goes_to_a_file_ends_in_blanks(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    print_summary(TOTALS, directory=Path("run"), stream=stream)
    lines = stream.getvalue().splitlines()
    assert len(lines) > 8
    assert [line for line in lines if line != line.rstrip()] == []
