"""The recipes of docs/sql.md load odd runs rightly: each tool reads what the one reader of runs reads.

Each recipe runs as it stands on the page; a tool that guesses a type from the first rows fails here.
"""

from __future__ import annotations

import runpy
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pytest

from fleetscan.records.patches import PatchReader
from fleetscan.report.sql_views import sql_views
from fleetscan.runs.reader import open_run
from tests.readme.pages import SQL_PAGE, blocks_of, commands_of, python_blocks
from tests.records.odd_runs import KB, MISSING, ODD_RUNS, PATCHLESS

Loaded: TypeAlias = tuple[list[tuple[object, ...]], list[tuple[object, ...]]]
"""VMs (id, version of the OS, outcome, code of the error, count), and patches (VM's id, patch), sorted."""

LATEST = Path("fleetscan-runs/latest")
COLUMNS = ["resource_id", "os_version", "outcome", "error_code", "critical_and_security_count"]
LONG_S = 60.0


def test_a_guess_from_the_first_rows_is_wrong(tmp_path: Path) -> None:
    write(tmp_path, "late patches")
    with duckdb.connect() as db:
        results = tmp_path / LATEST / "results.jsonl"
        found = db.execute(
            f"SELECT count(*) FROM read_json_auto('{results}') WHERE assessment::text LIKE '%{KB}%'"
        )
        assert found.fetchall() == [(0,)]


def write(base: Path, case: str) -> None:
    (base / LATEST.parent).mkdir()
    ODD_RUNS[case](base / LATEST)


def truth() -> Loaded:
    """What the run has, by the one reader of runs and the one reader of patches."""
    run, reader = open_run(LATEST), PatchReader()
    vms = [
        (
            row["resource_id"],
            row["os_version"],
            row["outcome"],
            row["error"] and row["error"]["code"],
            row["critical_and_security_count"],
        )
        for row in run.rows()
    ]
    patches = {
        (row["resource_id"], patch.key)
        for row in run.rows()
        for patch in reader.of(row)
        if row["outcome"] == "assessed"
    }
    return in_order(vms), in_order(patches)


def in_order(rows: Iterable[Sequence[object]]) -> list[tuple[object, ...]]:
    return sorted(map(tuple, rows), key=repr)


def by_duckdb() -> Loaded:
    with duckdb.connect() as db:
        run = open_run(LATEST)
        db.execute(sql_views(run, run.incomplete))
        vms = db.execute(
            "SELECT resource_id, os_version, outcome, error.code, critical_and_security_count FROM vm"
        ).fetchall()
        return in_order(vms), in_order(db.execute("SELECT resource_id, patch FROM vm_patch").fetchall())


def by_pandas() -> Loaded:
    names = block("pandas")
    vm, patches = (names[name].astype(object) for name in ("vm", "vm_patch"))
    vm, patches = (frame.where(frame.notna(), None) for frame in (vm, patches))
    return in_order(vm[COLUMNS].to_numpy().tolist()), in_order(patches.to_numpy().tolist())


def by_polars() -> Loaded:
    names = block("polars")
    return in_order(names["vm"].select(COLUMNS).rows()), in_order(names["vm_patch"].rows())


def block(package: str) -> dict[str, Any]:
    """What the page's program that imports `package` leaves."""
    [text] = [text for text in python_blocks(SQL_PAGE) if f"import {package} " in text and "open_run" in text]
    Path("block.py").write_text(text, encoding="utf-8")
    return runpy.run_path("block.py")


def by_jq() -> Loaded:
    vms, patches = (
        [line.split("\t") for line in done(command.text).split("\n")[:-1]]
        for block in blocks_of(SQL_PAGE)
        if block.text.startswith("jq")
        for command in commands_of(block)
    )
    return in_order(map(from_tsv, vms)), in_order(map(from_tsv, patches))


def done(command: str) -> str:
    ended = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, encoding="utf-8", timeout=LONG_S, check=True
    )
    assert ended.stderr == ""
    return ended.stdout


def from_tsv(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cells)


def as_tsv(cells: Sequence[object]) -> tuple[str, ...]:
    """A row as jq writes it: no null, and line ends escaped."""
    texts = ("" if cell is None else str(cell) for cell in cells)
    escapes = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
    return tuple("".join(escapes.get(each, each) for each in text) for text in texts)


@pytest.mark.parametrize("case", ODD_RUNS)
@pytest.mark.parametrize("load", [by_duckdb, by_pandas, by_polars])
def test_every_tool_reads_what_the_run_has(
    load: Callable[[], Loaded], case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, case)
    vms, patches = truth()
    loaded_vms, loaded_patches = load()
    assert loaded_vms == vms
    assert loaded_patches == in_order(set(patches))


@pytest.mark.skipif(shutil.which("jq") is None, reason="these recipes need jq")
@pytest.mark.parametrize("case", ODD_RUNS)
def test_jq_reads_what_the_run_has(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, case)
    vms, patches = truth()
    loaded_vms, loaded_patches = by_jq()
    assert loaded_vms == in_order(map(as_tsv, vms))
    # What names a patch in odd ways is the views' and `Run.patches` to tell.
    assert loaded_patches == in_order(map(as_tsv, patches)) or case == "odd titles"


def test_all_thirty_are_found_behind_21_000_without_a_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "late patches")
    vms, patches = by_duckdb()
    assert len(vms) == PATCHLESS + MISSING
    assert [patch for _, patch in patches] == [f"KB{KB}"] * 30
