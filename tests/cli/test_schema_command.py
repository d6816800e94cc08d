"""`fleetscan schema` with --sql and without: what goes to which stream, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import orjson
import pytest

from fleetscan.cli.main import run
from tests.records.odd_runs import ODD_RUNS
from tests.report.small_runs import small_run, vm


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["schema", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_without_flags_it_prints_the_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    code, data, words = printed(capsys)
    assert (code, words) == (0, "")
    assert next(iter(orjson.loads(data))) == "fleetscan.result/1"


def test_a_run_is_no_part_of_the_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "latest") == (
        2,
        "",
        "fleetscan: error: the JSON Schema is that of every run; leave RUN out, or add --sql\n",
    )


def test_the_newest_run_is_said_and_its_views_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "it's").mkdir()
    ODD_RUNS["case twins"](tmp_path / "it's" / "20261123T020000Z-a")
    monkeypatch.chdir(tmp_path)
    code, sql, words = printed(capsys, "--sql", "--runs", "it's")
    assert code == 0
    assert words.startswith("Run of 2026-01-01 00:00 UTC, complete, the whole fleet: it's/2026")
    monkeypatch.chdir("/")
    assert "-- Of many nights: FROM vm_in('fleetscan-runs/2*/results.jsonl*')" in sql
    with duckdb.connect() as db:
        assert len(db.execute(sql).execute("FROM vm").fetchall()) == 4


def test_an_unfinished_run_is_shown_and_said_to_be_partial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ODD_RUNS["torn 0"](tmp_path / "run")
    code, sql, words = printed(capsys, "--sql", str(tmp_path / "run"))
    unfinished = "the run has not finished: it has no totals, and some VMs may have no row"
    torn = "the last line of results.jsonl is incomplete and is ignored"
    assert code == 0
    assert words == f"fleetscan: warning: {unfinished}\nfleetscan: warning: {torn}\n"
    assert sql.splitlines()[1:3] == [f"-- PARTIAL: {unfinished}", f"-- PARTIAL: {torn}"]


def test_a_path_cannot_end_the_comment_above_the_views(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a\nDROP TABLE x; --"
    ODD_RUNS["skipped first"](path)
    _, sql, _ = printed(capsys, "--sql", str(path))
    assert [line for line in sql.splitlines() if line.startswith("DROP")] == []


@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"schema":"fleetscan.result/2"}\n', "is of schema fleetscan.result/2"),
        (b"[]\n", "is no record of schema fleetscan.result/1"),
    ],
)
def test_rows_that_this_version_does_not_know_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: bytes, why: str, at: int
) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    results = tmp_path / "run" / "results.jsonl"
    lines = results.read_bytes().splitlines(keepends=True)
    lines.insert(at, line)
    results.write_bytes(b"".join(lines))
    code, sql, words = printed(capsys, "--sql", str(tmp_path / "run"))
    assert (code, sql) == (2, "")
    assert why in words


@pytest.mark.parametrize("at", [0, 1])
def test_totals_of_a_later_version_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], at: int
) -> None:
    path = small_run(tmp_path / "run", [vm("a"), vm("b", os_type="Linux")])
    lines = (path / "totals.jsonl").read_bytes().splitlines(keepends=True)
    lines[at] = lines[at].replace(b"fleetscan.totals/1", b"fleetscan.totals/2")
    (path / "totals.jsonl").write_bytes(b"".join(lines))
    code, sql, words = printed(capsys, "--sql", str(path))
    assert (code, sql) == (2, "")
    assert "fleetscan.totals/2" in words


def test_totals_that_are_no_file_are_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    (tmp_path / "run" / "totals.jsonl").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "run" / "totals.jsonl")
    code, sql, words = printed(capsys, "--sql", str(tmp_path / "run"))
    assert (code, "totals cannot be read" in words) == (0, True)
    with duckdb.connect() as db:
        db.execute(sql)
        assert db.execute("SELECT count(*) FROM totals").fetchone() == (0,)


def test_no_run_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, sql, words = printed(capsys, "--sql", str(tmp_path))
    assert (code, sql) == (2, "")
    assert "it holds no run" in words


def test_a_name_that_sql_cannot_write_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "\udcff"
    ODD_RUNS["skipped first"](path)
    code, sql, words = printed(capsys, "--sql", str(path))
    assert (code, sql) == (2, "")
    assert "give the directory another name" in words
