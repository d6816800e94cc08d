"""What is judged of a run, as GitHub's Markdown: tables that hold, strangers' texts in code spans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.records.report import Report
from fleetscan.records.schema import report_schema
from fleetscan.report.markdown import markdown_of
from tests.hostile import HOSTILE, harm_in
from tests.report.judged_runs import EXCEPTIONS, SPELLED, fleet, history_of, judged, night, standards
from tests.report.small_runs import kb, package, unassessed, vm
from tests.report.test_judged_on_a_screen import RULES, hostile_fleet, hostile_standards, told_night
from tests.report.test_markdown_report import ESCAPES, parsed
from tests.report.test_report_on_a_screen import busiest

every_text = pytest.mark.parametrize("text", [*HOSTILE.values(), *ESCAPES.values()], ids=[*HOSTILE, *ESCAPES])
SUBSCRIPTION = "`11111111-2222-3333-4444-555555555555`"


def markdown(report: Report) -> list[str]:
    return markdown_of(report, SPELLED).splitlines()


def two_nights(tmp_path: Path, fail_on: str = "failed>0, listed<1") -> Report:
    rows = [
        vm("sql-01", 2, 0, [kb(1), kb(2, "Critical")]),
        vm("lin-01", 1, 0, [package("openssl")], os_type="Linux"),
    ]
    first = night(tmp_path / "first", "2026-11-01", rows)
    last = night(tmp_path / "last", "2026-11-23", fleet())
    by = standards(fail_on, RULES, EXCEPTIONS, ["Definition"], "2026-11-21")
    return judged(last, by, history_of([first, last], tmp_path / "history.db"))


def test_each_judgement_has_its_table_and_its_mark(tmp_path: Path) -> None:
    lines = markdown(two_nights(tmp_path))
    for line in (
        "**GATES**: 1 of 2 not passed",
        "- `failed is 1, more than 0: 4 VMs assessed of 5 listed`",
        "| Missing | **3 critical and security patches** on 3 VMs; 1 other (without 2 left out) |",
        "| Oldest | `KB1`, 41 days (published 2026-10-13), on 2 VMs, first `sql-01` in `RG`: `Update` "
        "(without 2 left out) |",
        "Without 2 left out.",
        "VMs by their oldest missing patch; a patch counts once for each VM (without 2 left out).",
        "| figure | days | 0-30 | 31-60 | 61-90 | 91-120 | 121-180 | over 180 |",
        "| VMs | since publication | 0 | 2 | 0 | 0 | 0 | 0 |",
        "| patches | since first seen | 2 | 0 | 0 | 0 | 0 | 0 |",
        "The history begins on 2026-11-01: what it saw first on that day may be older.",
        "Rules: critical 7 days, security 30 days, other 90 days (without 2 left out).",
        "| VMs | 2 | 2 | 1 |",
        "| security patches | 1 | 2 | 0 |",
        "Of the unknown VMs 1 was not assessed.",
        f"| `sql-01` | `RG` | {SUBSCRIPTION} | `KB1` | 41, published | 30 | 1 |",
        "2 patches on 1 VM do not count: critical and security lower by 1, other by 1.",
        "| **EXPIRED 2026-10-31** | `KB1` | the fleet | 2 patches on 2 VMs count again | `windows-team` | "
        "`needs a larger recovery partition` |",
        "| unused, until 2027-03-31 | `cups` | the fleet | covers nothing that is missing | `linux-team` | "
        "`no printers` |",
        "Classification `Definition` ignored: 1 patch on 1 VM.",
        "As of `2026-11-21`, later patches left out: nothing is left out by it.",
        "2 nights of this selection; totals as they were, nothing left out.",
        "| 2026-11-23 02:00 | 5 | 80.00 % | 20.00 % | 4 | 0 |",
        "From 2026-11-01 02:00 to 2026-11-23 02:00: critical and security patches 3 to 4 (+1); compliance "
        "0.00 % to 20.00 % (+20.00); coverage 100.00 % to 80.00 % (-20.00); VMs 2 to 5 (+3); unchanged: "
        "pending reboots.",
    ):
        assert line in lines, line
    assert lines.index("**GATES**: 1 of 2 not passed") < lines.index("| figure |  |")


def test_gates_that_are_passed_are_said_in_a_line(tmp_path: Path) -> None:
    assert "**Gates**: all 2 gates passed (without 2 left out)" in markdown(
        two_nights(tmp_path, "failed>1, listed<1")
    )


def test_without_a_history_and_standards_there_is_a_table_of_ages_with_what_is_unknown(
    tmp_path: Path,
) -> None:
    lines = markdown(judged(night(tmp_path / "run", "2026-11-23", fleet())))
    for line in (
        "| Age unknown | 1 VM, 2 patches: no date, as on Linux; see --history FILE |",
        "| figure | days | 0-30 | 31-60 | 61-90 | 91-120 | 121-180 | over 180 | unknown |",
        "| VMs | since publication | 0 | 1 | 0 | 0 | 0 | 1 | 1 |",
        "| critical/security | since publication | 0 | 2 | 0 | 0 | 0 | 1 | 1 |",
    ):
        assert line in lines, line
    assert not any(line.startswith(("### Service", "### Left", "### Trend", "**G")) for line in lines)


def test_groups_say_that_what_is_left_out_is_that_of_the_fleet(tmp_path: Path) -> None:
    lines = markdown(two_nights(tmp_path))
    place = lines.index("### By operating system")
    assert lines[place + 2] == "Without 2 left out in all."


def test_of_many_nights_those_between_are_a_row(tmp_path: Path) -> None:
    report = judged(night(tmp_path / "run", "2026-11-23", fleet()))
    report["trend"] = [told_night(day) for day in range(1, 21)]
    lines = markdown(report)
    place = lines.index("| ... 13 nights left out |  |  |  |  |  |")
    assert lines[place - 1].startswith("| 2026-11-01 02:00 | 300 |")
    assert lines[place + 6].startswith("| 2026-11-20 02:00 | 300 |")


def test_no_vm_and_none_assessed_have_no_ages(tmp_path: Path) -> None:
    by = standards("failed>0", RULES, EXCEPTIONS)
    for rows in ([], [unassessed("a")]):
        lines = markdown(judged(night(tmp_path / f"run-{len(rows)}", "2026-11-23", rows), by))
        assert not any(line.startswith(("### Ages", "| Oldest", "Furthest")) for line in lines)
        assert f"| VMs | 0 | 0 | {len(rows)} |" in lines
        assert "Nothing: all that is missing counts." in lines


@every_text
def test_texts_of_an_exceptions_file_are_text_in_code_spans_and_nothing_else(
    text: str, tmp_path: Path
) -> None:
    def told(words: str) -> str:
        path = night(tmp_path / f"run-{len(words)}", "2026-11-23", hostile_fleet(words))
        return markdown_of(judged(path, hostile_standards(words)), SPELLED)

    shown = told(text[:5000])
    assert harm_in(shown) == []
    kinds = {token.type for token in parsed(shown)}
    assert kinds.isdisjoint(
        {"link_open", "image", "html_inline", "html_block", "fence", "code_block", "blockquote_open"}
    )
    words = "".join(token.content for token in parsed(shown) if token.type == "text")
    assert not any(sign in words for sign in "@#<>[]`")
    assert "example.net" not in words
    cells = [token.type for token in parsed(shown)].count("td_open")
    assert cells == [token.type for token in parsed(told("harmless"))].count("td_open")


def test_a_comment_takes_the_busiest_fleet_judged_by_the_longest_texts(tmp_path: Path) -> None:
    given = hostile_standards("`|" * 500)
    exceptions = tuple(
        replace(each, number=4 * copy + each.number) for copy in range(200) for each in given.exceptions
    )
    rows = [*busiest(), *hostile_fleet("`|" * 2500)]
    report = judged(night(tmp_path / "run", "2026-11-23", rows, 3), replace(given, exceptions=exceptions))
    report["trend"] = [told_night(day) for day in range(1, 31)]
    assert len(markdown_of(report, SPELLED)) < 65_536


def test_the_json_has_all_of_it_and_obeys_its_schema(tmp_path: Path) -> None:
    report = orjson.loads(orjson.dumps(two_nights(tmp_path)))
    Draft202012Validator(report_schema()).validate(report)
    assert report["gates"] == ["failed>0", "listed<1"]
    assert report["breaches"] == ["failed is 1, more than 0: 4 VMs assessed of 5 listed"]
    assert (report["judged"]["ages"]["oldest"]["days"], len(report["trend"])) == (41, 2)
    assert [each["state"] for each in report["judged"]["left_out"]["exceptions"]] == [
        "applied",
        "expired",
        "unused",
        "shadowed",
    ]
    unjudged = judged(night(tmp_path / "run", "2026-11-23", fleet()))
    assert (unjudged["gates"], unjudged["breaches"], unjudged["trend"]) == (None, None, None)
