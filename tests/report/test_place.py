"""Where a run was scanned: said in the heading of every view unless it is one of Azure's clouds."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from fleetscan.report.changes import markdown_of as diff_markdown
from fleetscan.report.changes import text_of
from fleetscan.report.comparison import diff_of
from fleetscan.report.digest import report_of, report_of_totals
from fleetscan.report.left_out import elsewhere
from fleetscan.report.markdown import markdown_of
from fleetscan.report.page.render import page_of
from fleetscan.report.show_notes import place_of
from fleetscan.report.terminal import print_report, print_summary
from fleetscan.report.which_run import about
from fleetscan.runs.reader import Run, open_run
from tests.page.test_page_words import words_of
from tests.report.small_runs import edit_facts, small_run, vm
from tests.report.test_report_on_a_screen import SPELLED

LOOPBACK = "http://127.0.0.1:8080"
PUBLIC = "https://management.azure.com"


def run_at(path: Path, endpoint: str) -> Run:
    small_run(path, [vm("a", 1)], 0)
    edit_facts(path, selection={"endpoint": endpoint})
    return open_run(path)


def heads(run: Run) -> dict[str, str]:
    """The heading of each view, and what `show` notes."""
    record, screen, end = report_of(run), io.StringIO(), io.StringIO()
    print_report(record, stream=screen, spelled=SPELLED)
    totals: Any = run.totals()
    totals["selection"] = run.facts["selection"]
    print_summary(totals, directory=None, stream=end)
    return {
        "report": screen.getvalue().strip().splitlines()[0],
        "markdown": markdown_of(record, SPELLED).split("\n\n")[1].replace("`", ""),
        "page": words_of(page_of(run).html).partition("Overview")[0],
        "show": "".join(place_of(run)),
        "unnamed": about(run),
        "end of a scan": end.getvalue().strip().splitlines()[0],
    }


def test_an_endpoint_that_is_none_of_azure_s_stands_in_every_heading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run = run_at(tmp_path / "run", LOOPBACK)
    for view, head in heads(run).items():
        assert f"endpoint {LOOPBACK}" in head.lower().replace("endpoint: ", "endpoint "), view
    assert report_of(run)["endpoint"] == LOOPBACK
    assert report_of_totals(run.totals())["endpoint"] is None


def test_a_cloud_of_azure_s_stands_in_none(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", PUBLIC)
    for view, head in heads(run).items():
        assert "endpoint" not in head.lower(), view
    assert report_of(run)["endpoint"] is None


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("https://MANAGEMENT.azure.com/", None),
        ("https://management.usgovcloudapi.net", None),
        ("https://management.azure.com:8443", "https://management.azure.com:8443"),
        ("https://management.azure.com.example", "https://management.azure.com.example"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("no endpoint", "no endpoint"),
        (None, None),
        (7, None),
    ],
)
def test_only_azure_s_own_origins_are_left_unsaid(endpoint: Any, told: str | None) -> None:
    assert elsewhere({"endpoint": endpoint}) == told


def test_a_diff_of_two_places_says_both_and_of_one_that_one(tmp_path: Path) -> None:
    public, loopback = run_at(tmp_path / "a", PUBLIC), run_at(tmp_path / "b", LOOPBACK)
    said = "\n".join(text_of(diff_of(public, loopback), 200))
    assert f"the whole fleet; now the whole fleet, endpoint {LOOPBACK}" in said
    assert f"\nEndpoint        {LOOPBACK}" in "\n".join(text_of(diff_of(loopback, loopback), 200))
    assert "ndpoint" not in "\n".join(text_of(diff_of(public, public), 200))
    assert f"**Endpoint**: `{LOOPBACK}`" in diff_markdown(diff_of(loopback, loopback))


def test_what_a_stranger_s_run_was_asked_for_is_text_in_a_diff_s_markdown(tmp_path: Path) -> None:
    public, other = run_at(tmp_path / "a", PUBLIC), run_at(tmp_path / "b", "@octocat <b> https://x.example")
    edit_facts(tmp_path / "b", selection={"subscription": ["@octocat [x](https://x.example)"]})
    said = diff_markdown(diff_of(public, open_run(other.path)))
    assert "**Selections**: `the whole fleet; now subscription @octocat [x](https://x.example)`" in said
