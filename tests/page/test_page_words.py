"""What a page says without a script: coverage of what, partial figures, what was not seen."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from fleetscan.errors import CannotReadRunError
from fleetscan.records.row import Row
from fleetscan.report.page import render
from fleetscan.runs.reader import Run, open_run
from tests.big_run import write_big_run
from tests.page.runs import altered_run, assessed, ordinary_run

TAGS = re.compile(r"<script.*?</script>|<style.*?</style>|<[^>]*>", re.DOTALL)


def page_of(run: Run) -> str:
    """The page of a run as HTML."""
    return render.page_of(run).html


def words_of(page: str) -> str:
    """The text of a page, its blanks as one."""
    return " ".join(unescape(TAGS.sub(" ", page)).split())


def none(rows: list[Row]) -> list[Row]:
    """No row at all."""
    return rows[:0]


def test_a_complete_run_says_coverage_of_what_was_listed(tmp_path: Path) -> None:
    run = ordinary_run(tmp_path / "run")
    count = len(assessed([*run.rows()]))
    said = words_of(page_of(run))
    assert f"{count} of 130 VMs listed were assessed" in said
    assert "Partial figures" not in said
    assert "could not be listed" not in said
    assert "took 41 min 10 s" in said


def test_a_hole_in_the_fleet_is_said_at_the_top_and_no_bar_is_full(tmp_path: Path) -> None:
    hole = {"subscription_id": "s-1", "code": "AuthorizationFailed", "message": "No.", "http_status": 403}
    run = altered_run(tmp_path / "run", assessed, exit_code=3, not_listed=[hole])  # type: ignore[list-item]
    page = page_of(run)
    said = words_of(page)
    assert "100.00 %" in said
    assert said.index("Part of the fleet could not be listed.") < said.index("100.00 %")
    assert "Subscription s-1 : AuthorizationFailed (403)" in said
    assert "virtualMachines/read" in said
    figures = page[page.index('class="figures"') : page.index("</dl>")]
    assert 'class="gap"' in figures
    assert 'class="fill" width="92"' in figures


def test_subscriptions_passed_over_and_the_limit_are_said(tmp_path: Path) -> None:
    passed = [{"subscription_id": "s-2", "name": "Sandbox", "state": "Disabled"}]
    run = altered_run(
        tmp_path / "run",
        not_scanned=passed,  # type: ignore[arg-type]
        selection={"limit": 130, "subscription": ["Shop"]},
    )
    said = words_of(page_of(run))
    assert "Sandbox : Disabled" in said
    assert "The list was cut at the limit of 130." in said
    assert "subscription Shop" in said
    assert "Part of the fleet was left out." in said


def test_a_stopped_run_is_partial_and_counts_the_vms_without_a_row(tmp_path: Path) -> None:
    said = words_of(page_of(altered_run(tmp_path / "run", exit_code=5, interrupted=34)))
    assert "Partial figures. The run was stopped: 34 VMs have no row." in said
    assert "34 VMs without a result" in said
    assert "of 164 VMs listed were assessed" in said
    # The VMs without a row have no region: what they miss is unknown, not nothing.
    assert "unknown 34 0.00 % 0.00 % unknown unknown" in said


def test_a_run_that_has_not_finished_is_shown_with_what_it_has(tmp_path: Path) -> None:
    said = words_of(page_of(altered_run(tmp_path / "run", exit_code=None)))
    assert "Partial figures. The run has not finished" in said
    assert "of 130 VMs that were listed were assessed" in said
    assert "It is unknown whether the whole fleet was listed." in said


def test_damaged_totals_are_counted_anew_and_said(tmp_path: Path) -> None:
    ordinary_run(tmp_path / "run")
    (tmp_path / "run" / "totals.jsonl").write_bytes(b"{}\n")
    said = words_of(page_of(open_run(tmp_path / "run")))
    assert "The run was complete, and its totals cannot be read. The figures are counted" in said
    assert "of 130 VMs" in said


def test_totals_of_a_later_fleetscan_are_refused(tmp_path: Path) -> None:
    ordinary_run(tmp_path / "run")
    (tmp_path / "run" / "totals.jsonl").write_bytes(b'{"schema":"fleetscan.totals/2"}\n')
    with pytest.raises(CannotReadRunError, match="newer"):
        page_of(open_run(tmp_path / "run"))


def test_an_empty_fleet_is_a_page_that_says_so(tmp_path: Path) -> None:
    assert "No VM was listed. There is nothing to show." in words_of(
        page_of(altered_run(tmp_path / "run", none))
    )


def test_a_fleet_of_which_nothing_was_assessed_is_unknown_and_not_clean(tmp_path: Path) -> None:
    def unassessed(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["outcome"] != "assessed"]

    said = words_of(page_of(altered_run(tmp_path / "run", unassessed, exit_code=3)))
    assert "Unknown no VM was assessed" in said
    assert "To mend first" not in said


def test_rows_that_the_totals_do_not_count_are_said_and_no_bar_is_longer_than_its_track(
    tmp_path: Path,
) -> None:
    def one_failed(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["outcome"] == "failed"][:1]

    path = altered_run(tmp_path / "run", one_failed, exit_code=3).path
    write_big_run(tmp_path / "other", 130, 12)
    (path / "results.jsonl").write_bytes((tmp_path / "other" / "results.jsonl").read_bytes())
    page = page_of(open_run(path))
    assert "has 129 rows more than its totals count" in words_of(page)
    widths = [float(width) for width in re.findall(r'class="fill" width="([^"]*)"', page)]
    assert max(widths) == 100.0


def test_what_a_later_fleetscan_tells_more_of_a_hole_is_passed_over(tmp_path: Path) -> None:
    hole = {"subscription_id": "s-1", "code": "X", "message": "No.", "http_status": 403, "retried": 3}
    said = words_of(page_of(altered_run(tmp_path / "run", not_listed=[hole])))  # type: ignore[list-item]
    assert "Subscription s-1 : X (403)" in said


def test_the_worst_are_in_the_order_of_the_report_whatever_the_case_of_their_names(tmp_path: Path) -> None:
    def named(rows: list[Row]) -> list[Row]:
        first = assessed(rows)[0]
        return [{**first, "resource_id": f"/x/{name}", "name": name} for name in ("b-2", "C-3", "A-1")]

    said = words_of(page_of(altered_run(tmp_path / "run", named)))
    assert said.index("A-1 ") < said.index("b-2 ") < said.index("C-3 ")


def test_reasons_come_with_what_to_do_and_the_vms_by_name(tmp_path: Path) -> None:
    run = ordinary_run(tmp_path / "run")
    said = words_of(page_of(run))
    failed = [row for row in run.rows() if row["outcome"] == "failed"]
    assert failed
    assert all(row["name"] in said for row in failed)
    assert "fleetscan scan --retry-failed RUN" in said


def test_the_worst_come_first_and_no_percentage_is_rounded_up(tmp_path: Path) -> None:
    def nearly(rows: list[Row]) -> list[Row]:
        first = assessed(rows)[0]
        made: list[Row] = [{**first, "resource_id": f"/x/{n}", "name": f"vm-{n}"} for n in range(2000)]
        made[7]["critical_and_security_count"] = 99
        made[9]["outcome"], made[9]["reason"] = "failed", "denied"
        return made

    said = words_of(page_of(altered_run(tmp_path / "run", nearly, exit_code=3)))
    assert "99.95 %" in said
    assert "100.00 %" not in said
    assert said.index("vm-7 ") < said.index("vm-0 ")


def test_a_tag_that_the_scan_groups_by_has_its_table(tmp_path: Path) -> None:
    write_big_run(tmp_path / "run", 130, 12, group_by=("tag:owner", "tag:<b>"))
    page = page_of(open_run(tmp_path / "run"))
    said = words_of(page)
    assert "By tag owner" in said
    assert said.index("By tag owner") < said.index("team-erp")
    assert "By tag &lt;b&gt;" in page


def test_many_groups_are_all_there_without_a_script(tmp_path: Path) -> None:
    def scattered(rows: list[Row]) -> list[Row]:
        for number, row in enumerate(rows[:40]):
            row["location"] = f"region{number:02d}"
        return rows[:40]

    page = page_of(altered_run(tmp_path / "run", scattered))
    assert all(f"<bdi>region{number:02d}</bdi>" in page for number in range(40))
    assert "Show 28 more" in page


def test_the_page_names_no_address_and_loads_nothing(tmp_path: Path) -> None:
    page = page_of(ordinary_run(tmp_path / "run"))
    assert "default-src &#39;none&#39;" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert not re.search(r"https?://(?!www\.w3\.org)", page)
    assert " style=" not in page
    assert not re.search(r"\son\w+=", page)
