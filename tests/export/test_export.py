"""The exported tables: the run's own rows in each format, with the same types whatever they hold."""

from __future__ import annotations

import re
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import duckdb
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.export.exporting import Format, export_run
from fleetscan.records.csv_text import line_of
from fleetscan.records.duckdb_views import views_of
from fleetscan.records.flat_tables import PATCH_COLUMNS, RUN, TABLES, VM, VM_PATCH
from fleetscan.runs.reader import open_run
from tests.big_run import write_big_run
from tests.export.exported import FORMATS, exported, from_csv
from tests.records.examples import failed, write_run
from tests.records.odd_runs import KB, MISSING, ODD_RUNS, PATCHLESS, TITLE, missing, patch, vm
from tests.report.test_terminal_summary import FLEET

SMALL = [case for case in ODD_RUNS if case != "late patches"]
VM_NAMES, PATCH_NAMES, RUN_NAMES = (list(table.columns) for table in (VM, VM_PATCH, RUN))


@pytest.mark.parametrize("case", SMALL)
def test_every_format_has_the_same_tables(tmp_path: Path, case: str) -> None:
    ODD_RUNS[case](tmp_path / "run")
    rows = list(open_run(tmp_path / "run").rows())
    tables = [exported(tmp_path / "run", tmp_path / form, form) for form in FORMATS]
    assert tables[0] == tables[1] == tables[2]
    vms = tables[0]["vm"]
    assert [row[0] for row in vms] == list(range(1, len(rows) + 1))
    for name in ("resource_id", "os_version", "outcome", "critical_and_security_count"):
        column = [row[VM_NAMES.index(name)] for row in vms]
        assert column == [row[name] or (0 if row[name] == 0 else None) for row in rows], name
    assert [orjson.loads(str(row[VM_NAMES.index("tags")])) for row in vms] == [row["tags"] for row in rows]
    codes = [row[VM_NAMES.index("error_code")] for row in vms]
    assert codes == [row["error"] and row["error"]["code"] for row in rows]


@pytest.mark.parametrize("form", FORMATS)
def test_patches_behind_21_000_rows_without_one_are_all_there(tmp_path: Path, form: Format) -> None:
    ODD_RUNS["late patches"](tmp_path / "run")
    tables = exported(tmp_path / "run", tmp_path / "out", form)
    assert len(tables["vm"]) == PATCHLESS + MISSING
    patches = tables["vm_patch"]
    assert [row[0] for row in patches] == list(range(PATCHLESS + 1, PATCHLESS + MISSING + 1))
    assert {row[PATCH_NAMES.index("patch")] for row in patches} == {f"KB{KB}"}
    assert {row[PATCH_NAMES.index("patch_name")] for row in patches} == {TITLE}


def test_the_types_are_the_same_whatever_the_rows_hold(tmp_path: Path) -> None:
    for case in SMALL:
        ODD_RUNS[case](tmp_path / case)
        export_run(open_run(tmp_path / case), tmp_path / f"{case} out", "parquet")
        export_run(open_run(tmp_path / case), tmp_path / f"{case} out", "sqlite")
        with (
            duckdb.connect() as db,
            closing(sqlite3.connect(tmp_path / f"{case} out/fleetscan.sqlite")) as lite,
        ):
            for table in TABLES:
                path = str(tmp_path / f"{case} out" / f"{table.name}.parquet")
                found = {
                    row[0]: row[1] for row in db.execute("DESCRIBE FROM read_parquet($1)", [path]).fetchall()
                }
                timed = {
                    name: kind.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
                    for name, kind in table.columns.items()
                }
                assert found == timed, case
                kinds = {row[1]: row[2] for row in lite.execute(f"PRAGMA table_info({table.name})")}
                assert list(kinds) == list(table.columns)
                assert set(kinds.values()) <= {"TEXT", "INTEGER", "REAL"}
                assert kinds.get("os_version", "TEXT") == "TEXT"


@pytest.mark.parametrize("case", ["odd titles", "late patches", "case twins"])
def test_the_tables_have_the_patches_that_the_views_have(tmp_path: Path, case: str) -> None:
    ODD_RUNS[case](tmp_path / "run")
    export_run(open_run(tmp_path / "run"), tmp_path, "parquet")
    columns = ", ".join(name for name in PATCH_COLUMNS if name != "classifications")
    with duckdb.connect() as db:
        db.execute(views_of(str(tmp_path / "run/results.jsonl"), None, str(tmp_path / "run/run.json")))
        for name in ("vm", "vm_patch"):
            db.execute(f"CREATE TABLE {name}_table AS FROM read_parquet('{tmp_path}/{name}.parquet')")
        exported = (
            f"SELECT resource_id, {columns}, classifications FROM vm_patch_table JOIN vm_table USING (vm_id)"
        )
        viewed = f"SELECT resource_id, {columns}, array_to_string(classifications, ', ') FROM vm_patch"
        rows = db.execute(f"{viewed} ORDER BY ALL").fetchall()
        assert db.execute(f"{exported} ORDER BY ALL").fetchall() == rows
        assert rows


def test_a_run_without_totals_is_exported_and_said_to_be_partial(tmp_path: Path) -> None:
    ODD_RUNS["torn 0"](tmp_path / "run")
    for form in FORMATS:
        [row] = exported(tmp_path / "run", tmp_path / form, form)["run"]
        told = dict(zip(RUN_NAMES, row, strict=True))
        assert (told["is_complete"], told["vms"], told["listed"], told["exit_code"]) == (False, 1, None, None)
        assert str(told["incomplete"]).startswith("the run has not finished: it has no totals")
        assert str(told["incomplete"]).endswith(
            "the last line of results.jsonl is incomplete and is ignored."
        )


def test_the_run_has_its_totals_and_what_was_not_seen(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [])
    (tmp_path / "run" / "totals.jsonl").write_bytes(orjson.dumps(FLEET) + b"\n")
    for form in FORMATS:
        [row] = exported(tmp_path / "run", tmp_path / form, form)["run"]
        told = dict(zip(RUN_NAMES, row, strict=True))
        assert (told["listed"], told["outcomes_assessed"]) == (FLEET["listed"], FLEET["outcomes"]["assessed"])
        assert told["coverage_pct"] == FLEET["coverage_pct"]
        assert orjson.loads(str(told["inventory_errors"])) == FLEET["inventory_errors"]
        assert told["versions_fleetscan"] == "0.1.0"


def test_the_patches_of_a_vm_that_was_not_assessed_are_not_counted(tmp_path: Path) -> None:
    row = vm("vm-1", failed())
    row["source"], row["assessment"] = "operation", {"availablePatches": [patch()]}
    write_run(tmp_path / "run", [row])
    assert exported(tmp_path / "run", tmp_path / "out", "csv")["vm_patch"] == []


@given(st.lists(st.none() | st.booleans() | st.integers() | st.text(), min_size=1))
def test_a_line_of_csv_is_what_it_was_made_of(
    tmp_path_factory: pytest.TempPathFactory, cells: list[object]
) -> None:
    line = line_of(cells).decode()  # type: ignore[arg-type]
    assert line.endswith("\n")
    texts = re.findall(r'(?:^|,)("(?:[^"]|"")*"|[^",]*)', line[:-1])
    assert len(texts) == len(cells)
    for cell, found in zip(cells, texts, strict=True):
        if isinstance(cell, str):
            inner = found[1:-1].replace('""', '"')
            assert inner.removeprefix("'") == cell.replace("\0", "\ufffd")
            assert inner[:1] not in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
        else:
            assert '"' not in found


def test_no_cell_is_a_formula_and_each_text_is_there(tmp_path: Path) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'", "''=1", "'=1"]
    write_run(tmp_path / "run", [vm(f"vm-{n}", missing(patch(name=each))) for n, each in enumerate(formulas)])
    tables = exported(tmp_path / "run", tmp_path / "out", "csv")
    assert [row[PATCH_NAMES.index("patch_name")] for row in tables["vm_patch"]] == [
        each if each != "'" else "'" for each in formulas
    ]
    raw = (tmp_path / "out" / "vm_patch.csv").read_text(encoding="utf-8")
    assert not re.search(r'(^|,)"?[=+\-@\t\r\uff1d]', raw)


def test_numbers_have_no_quotes_and_null_is_empty(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [vm("vm-1", missing(patch(name="a")), location=None)])
    export_run(open_run(tmp_path / "run"), tmp_path / "out", "csv")
    assert (tmp_path / "out" / "vm_patch.csv").read_text() == (
        '"vm_id","patch","patch_name","kb","version","classifications","is_critical_or_security",'
        '"reboot_behavior","published_on","age_days","age_basis","age_bucket","first_seen_on"\n'
        '1,"KB5034441","a","KB5034441",,"Security",true,,,,,,\n'
    )
    assert from_csv(tmp_path / "out", VM)[0][VM_NAMES.index("location")] is None


def test_the_rows_of_a_large_table_keep_their_order(tmp_path: Path) -> None:
    write_big_run(tmp_path / "run", 3_000, 50)
    for form in ("sqlite", "parquet"):
        export_run(open_run(tmp_path / "run"), tmp_path, form)
    query = "SELECT vm_id, patch, version FROM"
    with duckdb.connect() as db, closing(sqlite3.connect(tmp_path / "fleetscan.sqlite")) as lite:
        rows = db.execute(f"{query} read_parquet('{tmp_path}/vm_patch.parquet')").fetchall()
        # More than one row group of Parquet.
        assert len(rows) > 130_000
        assert lite.execute(f"{query} vm_patch").fetchall() == rows


@pytest.mark.parametrize("form", FORMATS)
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, form: Format) -> None:
    peaks = []
    for vms in (300, 3_000):
        write_big_run(tmp_path / f"{vms}", vms, 20)
        tracemalloc.start()
        export_run(open_run(tmp_path / f"{vms}"), tmp_path / f"{vms} out", form)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The buffers fill up once; a list of all rows would be ten times as large.
    assert peaks[1] < 2.5 * peaks[0]
