"""A newer run that is not complete is told wherever an older one is shown in the place of the newest."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleetscan import json_text
from fleetscan.cli.main import run
from fleetscan.records.journal import SCHEMA, ProcessBegan, as_json
from tests.report.small_runs import edit_facts, small_run, vm

OLD, NEW = "20261123T020000Z-4f1c2a9e", "20261124T020000Z-0badcafe"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A complete night, to which `latest` leads, and a night that was killed."""
    runs = tmp_path / "runs"
    runs.mkdir()
    small_run(runs / OLD, [vm("a", 1, 0)])
    edit_facts(runs / OLD, started_at="2026-11-23T02:00:00Z")
    small_run(runs / NEW, [vm("a")], None, unfinished=1)
    edit_facts(runs / NEW, scan_id="0badcafe", started_at="2026-11-24T02:00:00Z")
    (runs / "latest").symlink_to(OLD)
    return runs


def said(runs: Path) -> str:
    """The sentence."""
    return (
        f"A newer run, `{NEW}`, began 2026-11-24 02:00 UTC and is unfinished: "
        f"`fleetscan resume {runs / NEW}`\n"
    )


def commands(tmp_path: Path) -> dict[str, list[str]]:
    """What each command that takes a RUN needs beside it."""
    return {
        "report": [],
        "show": [],
        "export": ["--out", str(tmp_path / "tables")],
        "schema": ["--sql"],
    }


@pytest.mark.parametrize("name", [[], ["latest"]], ids=["newest", "latest"])
@pytest.mark.parametrize("command", ["report", "show", "export", "schema"])
def test_a_newer_unfinished_run_is_told_on_stderr(
    command: str, name: list[str], runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, *name, "--runs", str(runs), *commands(tmp_path)[command]]) == 0
    words = capsys.readouterr().err
    assert words.startswith("Run of 2026-11-23 02:00 UTC, complete, the whole fleet: ")
    assert words.count(said(runs)) == 1


def test_a_link_latest_among_other_runs_is_compared_with_those(
    runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["show", str(runs / "latest"), "--runs", str(tmp_path)]) == 0
    assert said(runs) in capsys.readouterr().err


def test_diff_tells_it_of_its_newer_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", OLD, "latest", "--runs", str(runs), "--format", "markdown"]) == 0
    told = capsys.readouterr()
    assert told.err.count(said(runs)) == 1
    assert told.out.split("\n\n")[1].startswith(f"**NEWER RUN**: A newer run, `{NEW}`, began 2026-11-24")


@pytest.mark.parametrize("command", ["report", "show"])
def test_markdown_tells_it_before_its_figures(
    command: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--runs", str(runs), "--format", "markdown"]) == 0
    head = capsys.readouterr().out.split("| ")[0]
    assert f"**NEWER RUN**: {said(runs)}" in head


def test_the_page_tells_it_at_its_top(runs: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(["report", "--runs", str(runs), "--html", str(page)]) == 0
    top = page.read_text().split("<h2")[0]
    assert f"A newer run, <code>{NEW}</code>, began 2026-11-24 02:00 UTC and is unfinished" in top


@pytest.mark.parametrize("name", ["20261123", "4f1c", OLD])
def test_a_beginning_says_which_run_it_took_and_no_more(
    name: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", name, "--runs", str(runs)]) == 0
    assert (
        capsys.readouterr().err == f"Run of 2026-11-23 02:00 UTC, complete, the whole fleet: {runs / OLD}\n"
    )


def test_a_directory_says_nothing(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(runs / OLD)]) == 0
    assert capsys.readouterr().err == ""


def test_a_run_that_a_process_holds_is_not_to_be_resumed(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fd = os.open(runs / NEW / "journal.jsonl", os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert run(["show", "--runs", str(runs)]) == 0
    finally:
        os.close(fd)
    words = capsys.readouterr().err
    assert "began 2026-11-24 02:00 UTC and is still running.\n" in words
    assert "fleetscan resume" not in words


def test_a_stopped_run_counts_beside_latest_and_is_the_newest_without_a_name(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_facts(runs / NEW, exit_code=5, finished_at="2026-11-24T02:10:00Z")
    assert run(["show", "latest", "--runs", str(runs)]) == 0
    assert said(runs) in capsys.readouterr().err
    assert run(["show", "--runs", str(runs)]) == 0
    assert "A newer run" not in capsys.readouterr().err


def test_a_killed_run_without_run_json_is_told_by_its_journal(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / NEW / "run.json").unlink()
    began_at = datetime(2026, 11, 24, 2, tzinfo=UTC).timestamp()
    began = ProcessBegan(SCHEMA, began_at, 1, "host", "0badcafe", None, {})
    (runs / NEW / "journal.jsonl").write_bytes(json_text.encode_line(as_json(began)))
    assert run(["show", "--runs", str(runs)]) == 0
    assert said(runs) in capsys.readouterr().err


def test_older_unfinished_runs_are_no_news(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_facts(runs / NEW, started_at="2026-11-22T02:00:00Z")
    assert run(["show", "--runs", str(runs)]) == 0
    assert "A newer run" not in capsys.readouterr().err
