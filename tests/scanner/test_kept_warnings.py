"""What a scan warned of stands with the run, and in every report of it the next morning."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from fleetscan.model import Reply, Request
from fleetscan.report.digest import report_of
from fleetscan.report.markdown import markdown_of
from fleetscan.report.page.render import page_of
from fleetscan.report.terminal import print_report
from fleetscan.runs.reader import open_run
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.kept_warnings import KeptWarnings
from fleetscan.scanner.live import scan_over
from tests.hostile import HOSTILE, harm_in
from tests.page.test_page_words import words_of
from tests.report.small_runs import edit_facts, small_run, vm
from tests.report.test_report_on_a_screen import SPELLED
from tests.scanner.test_whole_scans import Notes, StopAfter, Transport, cloud_of, settings_for
from tests.virtual_scan import in_virtual_time


def no_busy_query(request: Request, reply: Reply) -> Reply:
    """Resource Graph lists VMs, and tells nothing of their patch operations."""
    is_busy_query = b"patchinstallationresources" in (request.body or b"")
    return Reply(403, body=b'{"error": {"code": "Forbidden", "message": "No."}}') if is_busy_query else reply


def kept(path: Path) -> list[str]:
    warnings: list[str] = json.loads((path / "run.json").read_bytes())["warnings"]
    return warnings


def views(path: Path) -> dict[str, str]:
    """Each report of a run, its blanks as one."""
    record, screen = report_of(open_run(path)), io.StringIO()
    print_report(record, stream=screen, spelled=SPELLED)
    shown = {
        "json": "\n".join(record["warnings"]),
        "text": screen.getvalue(),
        "markdown": markdown_of(record, SPELLED),
        "page": words_of(page_of(open_run(path)).html).partition("Not seen What")[2],
    }
    return {view: " ".join(words.split()) for view, words in shown.items()}


@in_virtual_time
async def test_each_warning_stands_in_run_json_and_in_every_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    notes = Notes()
    cloud = cloud_of(machines=40, hidden_subscriptions=1)
    await scan_over(Transport(cloud, no_busy_query), settings_for(tmp_path / "run"), hooks=notes)
    assert kept(tmp_path / "run") == notes.warnings
    hidden = cloud.fleet.estate.subscriptions[0].subscription_id
    assert any(f"Resource Graph shows no VM of {hidden}" in warning for warning in notes.warnings)
    assert any("cannot check for running patch installations" in warning for warning in notes.warnings)
    for view, words in views(tmp_path / "run").items():
        for warning in notes.warnings:
            assert warning in words, view


@in_virtual_time
async def test_dead_operations_that_were_ignored_are_told_the_next_morning(tmp_path: Path) -> None:
    cloud = cloud_of(machines=40, stuck_pct=30.0, stopped_pct=0.0)
    await scan_over(Transport(cloud), settings_for(tmp_path / "run"))
    assert ["it is ignored as dead" in warning for warning in kept(tmp_path / "run")] == [True]


@in_virtual_time
async def test_a_resumed_run_keeps_what_its_earlier_process_warned_of_and_not_that_it_was_stopped(
    tmp_path: Path,
) -> None:
    cloud, hooks = cloud_of(machines=40, hidden_subscriptions=1), StopAfter(rows=5)
    settings = settings_for(tmp_path / "run", max_in_flight=4, drain_s=0.0)
    await scan_over(Transport(cloud, no_busy_query), settings, hooks=hooks, stop=hooks.stop)
    first = kept(tmp_path / "run")
    assert (len(first), "no new assessments" in str(first)) == (2, False)
    await scan_over(Transport(cloud), replace(settings, resume=True, last_run=str(tmp_path / "none")))
    assert kept(tmp_path / "run") == [*first, f"there is no run at {tmp_path / 'none'} yet to learn from"]


@in_virtual_time
async def test_a_warning_is_in_run_json_within_seconds_while_the_scan_goes_on(tmp_path: Path) -> None:
    cloud, seen = cloud_of(machines=10, stopped_pct=0.0, speed=1.0), list[list[str]]()

    async def look() -> None:
        await anyio.sleep(5.0)
        seen.append(kept(tmp_path / "run"))

    async with anyio.create_task_group() as both:
        both.start_soon(look)
        # It begins with the first starts, after run.json was first written.
        settings = settings_for(tmp_path / "run", last_run=str(tmp_path / "none"), first_poll_s=60.0)
        await scan_over(Transport(cloud), settings)
    assert seen == [[f"there is no run at {tmp_path / 'none'} yet to learn from"]]


def test_a_warning_is_kept_once_and_a_thousand_at_most() -> None:
    heard = Notes()
    hooks = KeptWarnings(heard)
    for number in (*range(1200), 3):
        hooks.warning(f"region {number}")
    hooks.warning("lone \ud800")
    told = hooks.told()
    assert (len(heard.warnings), len(told)) == (1202, 1001)
    assert (told[0], told[-2:]) == ("region 0", ["region 999", "and 201 more"])
    assert not hooks.has_news
    again = KeptWarnings(Hooks())
    again.warning("lone \ud800")
    again.recall(["earlier"])
    assert again.told() == ["earlier", "lone \ufffd"]


def test_every_other_hook_is_handed_on() -> None:
    heard = Notes()
    hooks = KeptWarnings(heard)
    hooks.note("a note")
    hooks.phase("scanning")
    assert (heard.notes, heard.warnings, hooks.told()) == (["a note"], [], [])
    assert {name for name in vars(Hooks) if not name.startswith("_")} - {"warning"} <= vars(hooks).keys()


def test_a_run_of_before_warnings_were_kept_has_none(tmp_path: Path) -> None:
    facts = json.loads((small_run(tmp_path / "run", [vm("a")], 0) / "run.json").read_bytes())
    del facts["warnings"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
    assert report_of(open_run(tmp_path / "run"))["warnings"] == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_warning_harms_no_view(text: str, tmp_path: Path) -> None:
    text = text.encode("utf-8", "replace").decode()[:5000]
    small_run(tmp_path / "run", [vm("a")], 0)
    edit_facts(tmp_path / "run", warnings=[text] * 30)
    record, screen = report_of(open_run(tmp_path / "run")), io.StringIO()
    print_report(record, stream=screen, spelled=SPELLED)
    assert harm_in(screen.getvalue(), is_terminal=True) == []
    assert harm_in(markdown_of(record, SPELLED)) == []
    assert "and 22 more, in run.json" in screen.getvalue()
    page = page_of(open_run(tmp_path / "run")).html
    assert page.count("<script") == 2
