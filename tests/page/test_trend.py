"""The nights of a history on the page: lines, a table of their figures, and what is said of too few."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fleetscan.records.history import Night
from fleetscan.report.digest import report_of
from fleetscan.report.page import render
from fleetscan.report.page.render import Beside
from fleetscan.report.page.trend import Line, trend_of
from fleetscan.runs.reader import open_run
from tests.page.judged_runs import judged
from tests.page.runs import altered_run
from tests.page.test_judged_page import page_of, part
from tests.report.small_runs import edit_facts


def test_the_trend_has_its_figures_in_a_table_the_newest_first(tmp_path: Path) -> None:
    run, beside = judged(tmp_path, 3)
    page = render.page_of(run, Beside(history=beside.history)).html
    told = part(page, "Night by night")
    assert [*re.findall(r"2026-11-\d\d 02:00", told)] == [f"2026-11-{day} 02:00" for day in (23, 22, 21, 20)]
    assert page.count('<path class="line"') == 3
    trend = report_of(run, history=beside.history)["trend"]
    assert trend is not None
    newest, oldest = (night["critical_and_security_count"] for night in (trend[-1], trend[0]))
    assert f"Critical and security patches missing: {newest} , was {oldest}" in told
    assert " style=" not in page


def test_a_single_night_or_none_is_said_instead_of_an_empty_chart(tmp_path: Path) -> None:
    run, beside = judged(tmp_path, 0)
    assert "one complete run of this selection, of 2026-11-23: a trend needs two" in part(
        render.page_of(run, Beside(history=beside.history)).html, "Night by night"
    )
    stopped = altered_run(tmp_path / "stopped", exit_code=5, interrupted=3)
    edit_facts(stopped.path, selection=run.facts["selection"], started_at="2026-11-22T02:00:00.000000Z")
    page = page_of(open_run(stopped.path), history=beside.history)
    assert "no complete run of this selection yet" in part(page, "Night by night")
    assert 'class="plot"' not in page


def a_night(number: int, **figures: object) -> Night:
    """A night of ten VMs."""
    told = {
        "scan_id": str(number), "started_at": f"2026-11-{number:02d}T02:00:00.000000Z", "listed": 10,
        "assessed": 10, "critical_and_security_count": 4, "other_count": 1,
        "vms_with_critical_or_security": 2, "reboot_pending": 0,
        "coverage_pct": 100.0, "compliance_pct": 80.0,
    }  # fmt: skip
    return {**told, **figures}  # type: ignore[typeddict-item] # every key is there


def line_of(*counts: int | None) -> Line:
    """The line of critical patches over nights with these counts."""
    nights = [a_night(number, critical_and_security_count=count) for number, count in enumerate(counts, 1)]
    return trend_of(nights).charts[0].lines[0]


def test_a_night_that_tells_nothing_is_a_gap_and_no_zero() -> None:
    line = line_of(4, 2, None, 0, 4)
    assert line.paths == ["M0.00 0.00 L25.00 20.00", "M75.00 40.00 L100.00 0.00"]
    assert len(line.dots) == 4
    assert line_of(4, None).newest == "unknown"
    assert line_of(4, None).paths == []


def test_nights_stand_by_their_time_and_a_figure_that_stays_has_a_line() -> None:
    nights = [a_night(1), a_night(2), a_night(11)]
    chart = trend_of(nights).charts[1]
    assert chart.lines[1].paths == ["M0.00 40.00 L10.00 40.00 L100.00 40.00"]
    assert (chart.top, chart.middle, chart.bottom) == ("100 %", "90 %", "80 %")
    same = [a_night(1), a_night(1)]
    assert trend_of(same).charts[1].lines[0].paths == ["M0.00 0.00 L100.00 0.00"]


@pytest.mark.parametrize(
    ("most", "top", "middle"),
    [
        (0, "2", "1"),
        (3, "4", "2"),
        (7, "10", "5"),
        (1201, "2,000", "1,000"),
        (50_001, "100,000", "50,000"),
        (1_500_000, "2,000,000", "1,000,000"),
    ],
)
def test_the_axis_ends_at_a_round_figure(most: int, top: str, middle: str) -> None:
    nights = [a_night(1, critical_and_security_count=most), a_night(2, critical_and_security_count=0)]
    chart = trend_of(nights).charts[0]
    assert (chart.top, chart.middle) == (top, middle)


def test_many_nights_have_a_line_and_no_dots() -> None:
    assert len(line_of(*[1] * 28).dots) == 28
    nights = [
        a_night(1 + number % 28, started_at=f"2026-{1 + number // 28:02d}-{1 + number % 28:02d}T02:00:00Z")
        for number in range(120)
    ]
    assert trend_of(nights).charts[0].lines[0].dots == []
