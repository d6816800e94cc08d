"""`fleetscan prune`: which runs go, which never do, and what is said; a kill leaves no part of a run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscan.cli.main import run
from fleetscan.runs.found import begun_run, runs_in
from fleetscan.runs.journal import JournalFile
from tests.cli.processes import CHECKOUT, LONG_S
from tests.report.small_runs import edit_facts
from tests.runs.old_runs import old_run, whole_runs


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of runs in the working directory, with a history in it; nothing is set."""
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    path = Path("fleetscan-runs")
    path.mkdir()
    (path / "history.db").write_bytes(b"nights")
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, data and words."""
    code = run(["prune", *arguments])
    streams = capsys.readouterr()
    return code, streams.out.splitlines(), streams.err


def test_old_runs_go_with_their_sizes_and_young_ones_stay(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, days in (("a", 90.0), ("b", 31.0), ("c", 29.0), ("d", 1.0)):
        old_run(runs, name, days)
    code, lines, words = told(capsys, "--keep", "30d")
    assert code == 0
    began = r"began \d{4}-\d\d-\d\d \d\d:\d\d UTC, complete"
    assert re.fullmatch(rf"removed fleetscan-runs/a: 1\.0 MB, {began}", lines[0])
    assert re.fullmatch(rf"removed fleetscan-runs/b: 1\.0 MB, {began}", lines[1])
    assert len(lines) == 2
    assert words == "Removed 2 runs, 2.0 MB; 2 stay. Runs: fleetscan-runs\n"
    assert whole_runs(runs) == ["c", "d"]
    assert (runs / "history.db").read_bytes() == b"nights"
    assert told(capsys, "--keep", "30d") == (0, [], "Removed 0 runs, 0.0 MB; 2 stay. Runs: fleetscan-runs\n")


def test_a_dry_run_says_the_same_and_removes_nothing(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, days in (("a", 90.0), ("d", 1.0)):
        old_run(runs, name, days)
    (runs / ".being-removed-z").mkdir()
    code, lines, words = told(capsys, "--keep", "30d", "--dry-run")
    assert (code, len(lines)) == (0, 2)
    assert lines[0] == "would remove fleetscan-runs/.being-removed-z: what an interrupted prune left"
    assert lines[1].startswith("would remove fleetscan-runs/a: 1.0 MB, ")
    assert words == "Would remove 1 run, 1.0 MB; 1 stays. Runs: fleetscan-runs\n"
    assert whole_runs(runs) == ["a", "d"]
    assert (runs / ".being-removed-z").exists()


def test_what_latest_or_another_link_leads_to_and_the_newest_complete_runs_stay(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, days in (("oldest", 95.0), ("audit", 94.0), ("pointed", 93.0), ("gone", 92.0), ("whole", 91.0)):
        old_run(runs, name, days)
    old_run(runs, "part", 90.0, limit=5)
    old_run(runs, "stopped", 89.0, 5)
    (runs / "latest").symlink_to("pointed")
    (runs / "for-the-audit").symlink_to(runs.resolve() / "audit")
    # What a scan leaves that dies while it switches `latest`.
    (runs / ".latest-gone").symlink_to("gone")
    code, lines, words = told(capsys, "--keep", "0s")
    assert [line.split()[1] for line in lines] == [
        f"fleetscan-runs/{name}:" for name in ("oldest", "gone", "stopped")
    ]
    assert code == 0
    assert words.splitlines() == [
        "Kept fleetscan-runs/audit: for-the-audit leads to it",
        "Kept fleetscan-runs/pointed: latest leads to it",
        "Kept fleetscan-runs/whole: it is the newest complete run",
        "Kept fleetscan-runs/part: it is the newest complete run",
        "Removed 3 runs, 3.0 MB; 4 stay. Runs: fleetscan-runs",
    ]
    assert (runs / "latest").resolve().name == "pointed"


def test_a_wrong_clock_costs_no_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old_run(runs, "older", 41.0)
    old_run(runs, "newest", 40.0)
    old_run(runs, "of-tomorrow", -400.0)
    edit_facts(old_run(runs, "set-back", 1.0), finished_at="2020-01-01T00:00:00Z")
    code, lines, _ = told(capsys, "--keep", "30d")
    assert code == 0
    assert [line.split()[1] for line in lines] == ["fleetscan-runs/older:", "fleetscan-runs/newest:"]
    old_run(runs, "newest", 40.0)
    (runs / "set-back" / "run.json").unlink()
    (runs / "set-back" / "journal.jsonl").unlink()
    assert told(capsys, "--keep", "30d")[1] == []


def test_names_of_any_bytes_are_shown_safely(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old_run(runs, "plain", 99.0).rename(runs / os.fsdecode(b"odd\xff\n\x1b[31m name"))
    old_run(runs, "newest", 40.0)
    code, lines, _ = told(capsys, "--keep", "30d")
    assert (code, len(lines)) == (0, 1)
    assert "\x1b" not in lines[0]
    assert whole_runs(runs) == ["newest"]


def test_a_run_that_can_be_resumed_stays_and_so_does_the_one_whose_vms_it_retries(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old_run(runs, "retried", 3.0)
    old_run(runs, "killed-long-ago", 2.0, None)
    old_run(runs, "stopped", 0.5, 5, retry_failed="latest", retried_scan_id="id-of-retried")
    old_run(runs, "killed", 0.25, None)
    old_run(runs, "complete", 0.1)
    code, lines, words = told(capsys, "--keep", "1h")
    assert (code, len(lines)) == (0, 1)
    assert lines[0].startswith("removed fleetscan-runs/killed-long-ago: ")
    assert "Kept fleetscan-runs/retried: stopped, unfinished, retries its VMs\n" in words
    assert "Kept fleetscan-runs/stopped: it can still be resumed\n" in words
    assert "Kept fleetscan-runs/killed: it can still be resumed\n" in words
    _, lines, _ = told(capsys, "--keep", "1h", "--resume-within", "8h")
    assert [line.split()[1] for line in lines] == ["fleetscan-runs/retried:", "fleetscan-runs/stopped:"]


def test_a_run_that_a_process_is_at_work_on_stays(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = old_run(runs, "held", 99.0, None)
    old_run(runs, "complete", 98.0)
    at_work = JournalFile.reopen(held / "journal.jsonl")
    _, lines, words = told(capsys, "--keep", "30d")
    assert lines == []
    assert "Kept fleetscan-runs/held: a process is at work on it\n" in words
    at_work.close()
    _, lines, _ = told(capsys, "--keep", "30d")
    assert len(lines) == 1


def test_nothing_that_is_no_run_of_ours_is_touched(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old_run(runs, "newest", 40.0)
    with_page = old_run(runs, "with-page", 99.0)
    (with_page / "report.html").write_text("mine")
    with_folder = old_run(runs, "with-folder", 98.0)
    (with_folder / ".run.json.new").mkdir()
    linked = old_run(runs, "linked", 97.0)
    elsewhere = Path("elsewhere")
    (linked / "results.jsonl").rename(elsewhere)
    (linked / "results.jsonl").symlink_to(elsewhere.resolve())
    whole = old_run(Path("other"), "whole", 96.0)
    (runs / "2020").symlink_to(whole.resolve(), target_is_directory=True)
    (runs / "notes").mkdir()
    (runs / "notes" / "important.txt").write_text("mine")
    (runs / "odd").mkdir()
    (runs / "odd" / "run.json").write_text("{}")
    (runs / "later").mkdir()
    (runs / "later" / "run.json").write_text('{"schema": "fleetscan.run/2"}')
    (runs / ".being-removed-link").symlink_to(whole.resolve(), target_is_directory=True)
    before = sorted(str(path) for path in Path().rglob("*"))
    code, lines, words = told(capsys, "--keep", "30d")
    assert (code, lines) == (0, [])
    assert "Kept fleetscan-runs/with-page: report.html in it is not a file that a scan wrote\n" in words
    assert "Kept fleetscan-runs/with-folder: .run.json.new in it is not a file that a scan wrote\n" in words
    assert "Kept fleetscan-runs/linked: results.jsonl in it is not a file that a scan wrote\n" in words
    assert words.count("; it stays as it is\n") == 2
    assert sorted(str(path) for path in Path().rglob("*")) == before


def test_a_run_that_cannot_be_removed_is_said_and_the_others_go(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, days in (("a", 99.0), ("b", 98.0), ("c", 97.0), ("newest", 1.0)):
        old_run(runs, name, days)
    rename = os.rename

    def refuse(source: Path, target: Path) -> None:
        if source.name == "b":
            raise PermissionError(13, "Permission denied", str(source))
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    code, lines, words = told(capsys, "--keep", "30d")
    assert code == 4
    assert [line.split()[1] for line in lines] == ["fleetscan-runs/a:", "fleetscan-runs/c:"]
    assert "fleetscan: error: fleetscan-runs/b cannot be removed: Permission denied\n" in words
    assert words.endswith("Removed 2 runs, 2.0 MB; 2 stay. Runs: fleetscan-runs\n")
    assert whole_runs(runs) == ["b", "newest"]


def test_what_came_into_a_run_while_it_was_removed_is_left_and_said(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = runs / ".being-removed-a"
    left.mkdir()
    (left / "results.jsonl").touch()
    (left / "notes.txt").write_text("mine")
    code, lines, words = told(capsys, "--keep", "30d")
    assert (code, lines) == (4, [])
    assert "fleetscan-runs/.being-removed-a cannot be removed: Directory not empty\n" in words
    assert [path.name for path in left.iterdir()] == ["notes.txt"]


def test_how_long_runs_are_kept_has_to_be_said_and_no_runs_are_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, words = told(capsys)
    assert code == 2
    assert "--keep 30d" in words
    code, lines, _ = told(capsys, "--keep", "30d", "--runs", str(tmp_path / "none"))
    assert (code, lines) == (0, [])
    (tmp_path / "file").touch()
    assert told(capsys, "--keep", "30d", "--runs", str(tmp_path / "file"))[0] == 2


# The process dies before the call, so that what it was to do is not done.
KILLED = """
import os, signal, sys
left = int(sys.argv.pop(1))
def dying(call):
    def at_last(*args, **named):
        global left
        if "fleetscan-runs" in str(args[0]):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **named)
    return at_last
os.rename, os.unlink, os.rmdir = dying(os.rename), dying(os.unlink), dying(os.rmdir)
from fleetscan.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def test_a_kill_at_any_moment_leaves_whole_runs_and_the_next_prune_finishes(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = 0
    while True:
        for name, days in (("a", 99.0), ("b", 98.0), ("newest", 97.0)):
            if not (runs / name).exists():
                old_run(runs, name, days)
        command = [sys.executable, "-c", KILLED, str(killed), "prune", "--keep", "30d"]
        environment = {"PYTHONPATH": str(CHECKOUT)}
        ended = subprocess.run(command, env=environment, capture_output=True, timeout=LONG_S, check=False)
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        killed += 1
        # What any command takes for a run is whole.
        found = runs_in(runs, begun_run)
        assert (sorted(each.path.name for each in found.runs), found.damaged) == (whole_runs(runs), [])
        assert run(["prune", "--keep", "30d"]) == 0
        assert whole_runs(runs) == ["newest"]
        assert sorted(path.name for path in runs.iterdir()) == ["history.db", "newest"]
    # Each of two runs: its rename, ten names of files, the directory.
    assert killed == 24
    capsys.readouterr()


def test_a_run_that_is_resumed_at_that_moment_is_not_removed(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_run(runs, "a", 99.0, 5)
    scandir, looks, held = os.scandir, [], []

    def then_resume(of: Path) -> os._ScandirIterator[str]:
        looks.append(of)
        # The first look is before it is chosen, the second is at its size.
        if len(looks) == 2:
            held.append(JournalFile.reopen(path / "journal.jsonl"))
        return scandir(of)

    monkeypatch.setattr(os, "scandir", then_resume)
    code, lines, words = told(capsys, "--keep", "30d")
    assert (code, lines) == (0, [])
    assert "Kept fleetscan-runs/a: fleetscan-runs/a is being written by process 7 on there\n" in words
    assert whole_runs(runs) == ["a"]
    held[0].close()


def test_a_place_without_runs_is_said_and_a_file_is_refused(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, words = told(capsys, "--keep", "30d", "--runs", "elsewhere")
    assert (code, "elsewhere is not there" in words) == (0, True)
    code, _, words = told(capsys, "--keep", "30d", "--runs", str(runs / "history.db"))
    assert (code, "is no directory of runs" in words) == (2, True)
