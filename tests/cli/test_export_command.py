"""`fleetscan export`: what it says and on which stream, its exit codes, and Parquet without DuckDB."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fleetscan.cli.main import run
from tests.history.nights import Look
from tests.history.test_taking_in import night
from tests.records.examples import write_run
from tests.records.odd_runs import ODD_RUNS, missing, patch, vm
from tests.report import small_runs


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["export", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_it_says_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fleetscan-runs").mkdir()
    write_run(Path("fleetscan-runs/20261123T020000Z-a"), [vm("vm-1", missing(patch(), patch("12")))])
    code, data, words = said(capsys, "--out", "tables")
    assert (code, data) == (0, "")
    assert words.splitlines() == [
        "Run of 2026-01-01 00:00 UTC, complete, the whole fleet: fleetscan-runs/20261123T020000Z-a",
        "fleetscan: warning: the tables are PARTIAL: the run was complete, and its totals cannot be read",
        "Wrote tables/run.csv",
        "Wrote tables/vm.csv",
        "Wrote tables/vm_patch.csv",
        "1 VM, 2 missing patches",
        "2 patches are of unknown age: Azure tells no day, and --history was not given",
    ]
    code, _, words = said(capsys, "latest", "--out", "tables", "--runs", "fleetscan-runs/none")
    assert code == 2
    code, _, words = said(capsys, "2026", "--out", "tables")
    assert code == 2
    there = "tables/run.csv is there already; remove it, or name another directory with --out"
    assert words.splitlines()[1:] == [f"fleetscan: error: {there}"]


def test_a_partial_run_is_said_to_be_partial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ODD_RUNS["torn 0"](tmp_path / "run")
    code, _, words = said(capsys, str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--format", "sqlite")
    assert code == 0
    first, second, *_ = words.splitlines()
    assert first.startswith(
        "fleetscan: warning: the tables are PARTIAL: the run has not finished: it has no totals"
    )
    assert second.endswith("the last line of results.jsonl is incomplete and is ignored")


@pytest.mark.parametrize("out", [[], ["--out", "-"]])
def test_a_directory_has_to_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: list[str]
) -> None:
    assert said(capsys, str(tmp_path), *out) == (
        2,
        "",
        "fleetscan: error: the tables are files; name a directory for them with --out\n",
    )


def test_parquet_without_duckdb_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    out = tmp_path / "out"
    code, _, words = said(capsys, str(tmp_path / "run"), "--format", "parquet", "--out", str(out))
    assert (code, words) == (
        2,
        "fleetscan: error: Parquet files need the package duckdb; install it with: pip install "
        "'fleetscan[parquet]', or choose --format csv\n",
    )
    assert not out.exists()
    assert said(capsys, str(tmp_path / "run"), "--out", str(out))[0] == 0


def test_an_unknown_format_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, words = said(capsys, str(tmp_path), "--format", "parquets", "--out", "x")
    assert code == 2
    assert "did you mean parquet?" in words


def test_patches_that_are_counted_and_not_listed_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_runs.small_run(
        tmp_path / "run",
        [
            small_runs.vm("a", 5, 2, [small_runs.kb(1), small_runs.kb(1), small_runs.kb(2)]),
            small_runs.vm("b", 1, 0, [small_runs.kb(1)]),
        ],
    )
    code, _, words = said(capsys, str(path), "--out", str(tmp_path / "tables"))
    assert code == 0
    assert words.splitlines()[-1] == "2 VMs, 3 missing patches listed, of 8 counted"


def test_a_history_tells_since_when_patches_are_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = night(tmp_path, 0, {"m2": Look({"bash", "curl"})})
    history, out = str(tmp_path / "history.db"), str(tmp_path / "tables")
    code, _, words = said(capsys, str(path), "--out", out, "--history", history)
    assert code == 2
    assert "history.db does not exist; make it with `fleetscan history add RUN...`" in words
    assert run(["history", "add", str(path), "--history", history]) == 0
    capsys.readouterr()
    code, _, words = said(capsys, str(path), "--out", out, "--history", history)
    assert (code, words.splitlines()[-1]) == (0, "1 VM, 2 missing patches")
    lines = (tmp_path / "tables" / "vm_patch.csv").read_text().splitlines()
    assert [line.rpartition(",,")[2] for line in lines[1:]] == ['0,"first_seen","0-30","2026-08-01"'] * 2


def test_where_no_vm_was_assessed_what_is_missing_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_runs.small_run(tmp_path / "run", [small_runs.unassessed(name) for name in "ab"], 3)
    assert run(["export", str(tmp_path / "run"), "--out", str(tmp_path / "out")]) == 0
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "2 VMs, none assessed: which patches they miss is unknown"
