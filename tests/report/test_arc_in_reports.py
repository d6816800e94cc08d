"""Arc servers where people and tools read a run: told apart from VMs, and none taken to miss nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from fleetscan.cli.main import run
from fleetscan.report.comparison import diff_of
from fleetscan.runs.reader import open_run
from fleetscan.settings.declared import Settings
from fleetscan.simulator.scenario import Scenario
from tests.strict_reader import read_run
from tests.virtual import cloud_of
from tests.virtual_scan import Clock, scan_in_virtual_time


@pytest.fixture
def scanned(tmp_path: Path) -> Path:
    scenario = Scenario(machines=6, arc_servers=30, patches=20, stopped_pct=10.0, failing_pct=20.0, seed=4)
    out = tmp_path / "run"
    settings = Settings(out=str(out), include_arc=True, ignore_busy=True)
    scan_in_virtual_time(cloud_of(scenario), Clock(), settings)
    return out


def test_reports_mark_the_names_of_arc_servers(scanned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(scanned), "--format", "markdown"]) == 0
    assert "(Arc)" in capsys.readouterr().out
    assert run(["report", str(scanned)]) == 0
    assert "(Arc)" in capsys.readouterr().out


def test_a_server_that_the_later_run_did_not_ask_for_is_not_gone(scanned: Path, tmp_path: Path) -> None:
    scenario = Scenario(machines=6, arc_servers=30, patches=20, stopped_pct=10.0, failing_pct=20.0, seed=4)
    settings = Settings(out=str(tmp_path / "vms"), ignore_busy=True)
    scan_in_virtual_time(cloud_of(scenario), Clock(), settings)
    there, back = open_run(scanned), open_run(tmp_path / "vms")
    without = diff_of(there, back)
    assert (without["gone"]["count"], without["only_old"]) == (0, 30)
    again = diff_of(back, there)
    assert (again["appeared"]["count"], again["only_new"]) == (0, 30)


def test_show_has_the_kind_as_a_column(scanned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = "name,kind,esu_status,hotpatch_status,power_state"
    assert run(["show", str(scanned), "--columns", columns, "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 36
    assert sum(row["kind"] == "arc" for row in rows) == 30


def test_what_has_counts_and_no_list_is_unknown_and_not_free_of_a_patch(
    scanned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = [
        (row["critical_and_security_count"] or 0) + (row["other_count"] or 0)
        for row in read_run(scanned).rows
        if row["kind"] == "arc"
    ]
    servers = [count for count in counts if count]
    assert servers
    run(["show", str(scanned), "--missing", "KB0000001", "--format", "json"])
    words = f"{len(servers)} VMs came without a list of patches: which ones they miss is unknown."
    assert words in capsys.readouterr().err


def test_exports_pages_and_comparisons_take_them(
    scanned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(scanned), "--format", "csv", "--out", str(tmp_path / "tables")]) == 0
    with (tmp_path / "tables" / "vm.csv").open(newline="", encoding="utf-8-sig") as table:
        kinds = [row["kind"] for row in csv.DictReader(table)]
    assert (kinds.count("arc"), kinds.count("vm")) == (30, 6)
    assert run(["report", str(scanned), "--html", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").stat().st_size > 10_000
    assert run(["history", "add", str(scanned), "--history", str(tmp_path / "nights.sqlite")]) == 0
    capsys.readouterr()
    assert run(["diff", str(scanned), str(scanned), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gone"]["count"] == 0
