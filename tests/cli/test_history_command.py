"""`fleetscan history add`: runs enter in their order, and one that may not does not keep the others out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetscan.cli.main import run
from tests.history.nights import Look
from tests.history.test_taking_in import episodes, night
from tests.report.small_runs import edit_facts


@pytest.fixture(autouse=True)
def none_of_the_shells_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the settings of the tests' own shell."""
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three nights' runs under one directory."""
    for number, patches in enumerate(({"KB5034400", "KB5034401"}, {"KB5034400"}, {"KB5034400", "KB5034402"})):
        night(tmp_path, number, {"m0": Look(patches)})
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, data and words."""
    code = run(["history", *arguments])
    streams = capsys.readouterr()
    return code, streams.out.splitlines(), streams.err


def test_runs_enter_in_their_order_and_each_once(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(runs / name) for name in ("2-whole", "0-whole", "1-whole")]
    code, lines, words = told(capsys, "add", *names, "--runs", str(runs))
    assert code == 0
    assert [line.rpartition(": ")[2] for line in lines] == [
        "1 VM; 2 newly missing, 0 installed",
        "1 VM; 0 newly missing, 1 installed",
        "1 VM; 1 newly missing, 0 installed",
    ]
    assert words == f"History: {runs / 'history.db'}\n"
    assert len(episodes(runs / "history.db")) == 3
    code, lines, _ = told(capsys, "add", *names, "--runs", str(runs))
    assert (code, {line.rpartition(": ")[2] for line in lines}) == (0, {"is in the history already"})


def test_a_run_that_is_refused_does_not_keep_the_others_out(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_facts(runs / "1-whole", selection={"endpoint": "http://127.0.0.1:8080"})
    names = [str(runs / f"{number}-whole") for number in range(3)]
    code, lines, words = told(capsys, "add", *names, "--history", str(runs / "h.db"))
    assert (code, len(lines)) == (2, 2)
    assert "fleetscan: error: the history" in words
    assert "is of https://management.azure.com, and the run" in words
    assert "name another file with --history" in words


def test_a_run_before_the_newest_entry_is_refused_with_what_to_do(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "add", str(runs / "2-whole"), "--runs", str(runs))
    code, lines, words = told(capsys, "add", str(runs / "0-whole"), "--runs", str(runs))
    assert (code, lines) == (2, [])
    assert "before its newest entry" in words
    assert "a new history takes all runs in one command: `fleetscan history add RUN...`" in words


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("remove", "latest"), "unknown word 'remove' after history; write fleetscan history add RUN..."),
        (("add",), "Missing argument 'RUN...'."),
        (("add", "nowhere"), "nowhere cannot be read as a run: there is no such directory"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_2(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, words = told(capsys, *arguments)
    assert (code, lines) == (2, [])
    assert words == f"fleetscan: error: {sentence}\n"


def test_a_history_that_cannot_be_written_ends_with_4(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, words = told(capsys, "add", str(runs / "0-whole"), "--history", str(runs / "none" / "h.db"))
    assert code == 4
    assert "cannot be written (No such file or directory)" in words
