"""The recipes of docs/sql.md give the figures that `fleetscan report` and `fleetscan show` give.

Of a fleet with VMs that failed, were skipped or have no patch, of both systems, and with groups whose names
differ in their case: unknown is never 0, and no VM falls out of a group.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fleetscan.cli.main import run
from fleetscan.model import Reason
from fleetscan.records.row import Row
from fleetscan.records.totals import GroupTotals
from fleetscan.report.digest import report_of
from fleetscan.report.sql_views import sql_views
from fleetscan.runs.reader import open_run
from tests.readme.pages import SQL_PAGE, blocks_of, python_blocks, queries_of
from tests.readme.test_sql_page_on_odd_runs import block, by_jq
from tests.report.small_runs import kb, package, small_run, unassessed, vm

NIGHT = Path("fleetscan-runs/20261123T020000Z-4f1c2a9e")
# Windows VMs that miss the KB of the page, and VMs that were not assessed.
MISS_IT, UNKNOWN = 2, 4
LINUX = [package("curl"), package("curl"), package("vim")]


def with_place(row: Row, location: str | None, owner: str | None, group: str = "RG") -> Row:
    row["location"], row["resource_group"] = location, group
    row["tags"] = {} if owner is None else {"Owner": owner}
    return row


def fleet() -> list[Row]:
    """Owner c and the region `north` have no assessed VM; one VM has no owner, one no region."""
    counted = with_place(unassessed("broken", Reason.ASSESSMENT_FAILED), "west", "a")
    # A failed assessment may have told counts.
    counted["critical_and_security_count"], counted["reboot_pending"] = 7, True
    return [
        with_place(vm("a", 2, 0, [kb(5034441), kb(5034441, title="Again"), kb(1)]), "west", "a"),
        with_place(vm("b", 1, 0, [kb(5034441)]), "west", "b", "rg"),
        with_place(vm("c", 1, 1, LINUX, os_type="Linux"), None, None),
        with_place(vm("clean"), "south", "b"),
        counted,
        with_place(unassessed("lost", Reason.REFUSED), "north", "c", "rg-lost"),
        with_place(unassessed("off", Reason.NOT_RUNNING), "west", None, "RG-LOST"),
        with_place(unassessed("off-2", Reason.NOT_RUNNING), None, "a", "rg"),
    ]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    NIGHT.parent.mkdir()
    small_run(NIGHT, fleet(), 3)
    (NIGHT.parent / "latest").symlink_to(NIGHT.name)
    return NIGHT


def missed(path: Path) -> dict[str, int]:
    """How many VMs miss each patch, as the report says."""
    return {each["patch"]: each["vms"] for each in report_of(open_run(path))["patches"] or []}


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """What `fleetscan show` lists."""
    capsys.readouterr()
    assert run(["show", str(NIGHT), *arguments, "--format", "json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def by_owner() -> dict[str | None, tuple[int | None, int]]:
    """Each owner's missing critical and security patches, None where no VM was assessed, and unknown VMs."""
    sums: dict[str | None, tuple[int | None, int]] = {}
    for row in fleet():
        owner = row["tags"].get("Owner")
        missing, unknown = sums.get(owner, (None, 0))
        if row["outcome"] == "assessed":
            sums[owner] = (missing or 0) + (row["critical_and_security_count"] or 0), unknown
        else:
            sums[owner] = missing, unknown + 1
    return sums


def regions(path: Path) -> dict[str | None, GroupTotals]:
    return {each["key"]: each for each in report_of(open_run(path))["groups"] if each["scope"] == "location"}


def none_for_nan(value: Any) -> Any:
    return None if str(value) in ("nan", "<NA>", "None") else value


def test_polars_gives_the_report_s_figures(path: Path) -> None:
    names = block("polars")
    assert dict(names["missed"].rows()) == missed(path)
    assert {owner: (missing, unknown) for owner, missing, unknown in names["by_owner"].rows()} == by_owner()
    assert dict(names["ends"].rows()) == {"assessed": 4, "failed": 2, "skipped": 2}


def test_pandas_gives_the_report_s_figures(path: Path) -> None:
    names = block("pandas")
    assert names["missed"].to_dict() == missed(path)
    found = {
        none_for_nan(owner): (none_for_nan(missing), unknown)
        for owner, missing, unknown in names["by_owner"].reset_index().itertuples(index=False)
    }
    assert found == by_owner()
    assert names["ends"].to_dict() == {"assessed": 4, "failed": 2, "skipped": 2}


def test_duckdb_gives_the_figures_of_report_and_show(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = [query for each in blocks_of(SQL_PAGE) if each.is_sql for query in queries_of(each)]
    fleet_line, lost, misses, unknown, most, owners, nights, of_patch = found
    report = report_of(open_run(path))
    with duckdb.connect() as db:
        db.execute(sql_views(open_run(path), []))
        listed, assessed, coverage, compliance, *_ = db.sql(fleet_line).fetchall()[0]
        sums = report["fleet"]
        assert (listed, assessed) == (sums["listed"], sums["outcomes"]["assessed"])
        assert (coverage, compliance) == (sums["coverage_pct"], sums["compliance_pct"])
        assert db.sql(lost).fetchall() == [(True, 0)]
        names = sorted(name for name, *_ in db.sql(misses).fetchall())
        assert names == sorted(each["name"] for each in shown(capsys, "--missing", "KB5034441"))
        assert db.sql(unknown).fetchall()[0][0] == report["vms_unknown"] == UNKNOWN
        assert {patch: vms for patch, _, _, vms in db.sql(most).fetchall()} == missed(path)
        assert {owner: (missing, none) for owner, _, none, missing in db.sql(owners).fetchall()} == by_owner()
        assert len(db.sql(nights).fetchall()) == 1
        assert [row[1:] for row in db.sql(of_patch).fetchall()] == [(MISS_IT, UNKNOWN)]


def test_a_night_in_which_no_vm_missed_the_patch_is_no_night_without_a_row(path: Path) -> None:
    small_run(NIGHT.parent / "20261124T020000Z-5f1c2a9e", [vm("a"), unassessed("b")], 3)
    for file in (NIGHT.parent / "20261124T020000Z-5f1c2a9e").iterdir():
        file.write_bytes(file.read_bytes().replace(b"4f1c2a9e", b"5f1c2a9e"))
    [of_patch] = [
        query
        for each in blocks_of(SQL_PAGE)
        if each.is_sql
        for query in queries_of(each)
        if "vm_patch_in" in query
    ]
    with duckdb.connect() as db:
        db.execute(sql_views(open_run(path), []))
        assert sorted(row[1:] for row in db.sql(of_patch).fetchall()) == [(0, 1), (MISS_IT, UNKNOWN)]


@pytest.mark.skipif(shutil.which("jq") is None, reason="these recipes need jq")
def test_jq_gives_the_report_s_figures(path: Path) -> None:
    vms, patches = by_jq()
    assert Counter(patch for _, patch in patches) == missed(path)
    assert len(vms) == report_of(open_run(path))["fleet"]["listed"]


def test_the_exported_tables_give_the_report_s_figures(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("csv", "sqlite", "parquet"):
        assert run(["export", str(path), "--format", form, "--out", "tables"]) == 0
    [parquet] = [text for text in python_blocks(SQL_PAGE) if "read_parquet" in text]
    [csv] = [text for text in python_blocks(SQL_PAGE) if "read_csv" in text]
    Path("parquet.py").write_text(parquet.replace("print(listed", "found = (listed"), encoding="utf-8")
    totals = regions(path)
    for location, vms, unknown, missing in runpy.run_path("parquet.py")["found"].rows():
        group = totals[location]
        assert (vms, vms - unknown) == (group["listed"], group["outcomes"]["assessed"])
        assert (missing is None) == (group["outcomes"]["assessed"] == 0)
    Path("csv.block.py").write_text(csv, encoding="utf-8")
    names = runpy.run_path("csv.block.py")
    sums = names["missing"].groupby(names["group"]).sum(min_count=1)
    assert {group: none_for_nan(value) for (_, group), value in sums.items()} == {"rg": 4, "rg-lost": None}
    with sqlite3.connect(os.path.join("tables", "fleetscan.sqlite")) as db:
        found = db.execute("SELECT patch, count(*) AS vms FROM vm_patch GROUP BY patch").fetchall()
    assert dict(found) == missed(path)
    assert {each["patch"]: each["vms"] for each in shown(capsys, "--patches")} == missed(path)
