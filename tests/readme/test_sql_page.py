"""docs/sql.md: each of its queries and each of its Python blocks runs as it stands, and tells something."""

from __future__ import annotations

import asyncio
import os
import runpy
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import fleetscan
from fleetscan.simulator import Cloud, Scenario, serve
from tests.readme.pages import SQL_PAGE, blocks_of, commands_of, python_blocks, queries_of
from tests.readme.workshop import patches_of

QUERIES = queries_of(SQL_PAGE)
PYTHON = python_blocks(SQL_PAGE)
COMMANDS = [
    command.text
    for block in blocks_of(SQL_PAGE)
    if block.text.startswith("fleetscan ")
    for command in commands_of(block)
]
FLEET = Scenario(machines=40, speed=2000.0, limits_speed=0.0, failing_pct=15.0, truncated_pct=5.0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a run, and the views and tables that the page has its reader make first."""
    place = tmp_path_factory.mktemp("place")
    asyncio.run(scan(place / "fleetscan-runs"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for line in COMMANDS:
        subprocess.run(["/bin/sh", "-c", line], cwd=place, env={**os.environ, "PATH": path}, check=True)
    return place


async def scan(runs: Path) -> None:
    async with serve(Cloud(FLEET)) as endpoint:
        settings = fleetscan.Settings(
            endpoint=endpoint, runs=str(runs), first_poll_s=0.2, poll_interval_s=0.5
        )
        async with fleetscan.scan(settings, credential="any") as live:
            await live.finish()


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_finds_something(query: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    rows = fleetscan.open_run("fleetscan-runs/latest").rows()
    kb = next(patch["kbId"] for row in rows for patch in patches_of(row) if patch.get("kbId"))
    with duckdb.connect() as db:
        db.execute(Path("views.sql").read_text())
        found = db.execute(query.replace("KB5034441", f"KB{kb}")).fetchall()
    assert found
    assert found != [(None,)]


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_each_block_of_python_tells_something(
    number: int, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    (place / "block.py").write_text(PYTHON[number], encoding="utf-8")
    runpy.run_path("block.py")
    assert capsys.readouterr().out


def test_there_are_as_many_queries_and_blocks_as_a_reader_sees() -> None:
    assert len(QUERIES) == 8
    assert len(PYTHON) == 6
    assert len(COMMANDS) == 4


def test_no_query_reads_a_run_twice_through_latest() -> None:
    text = SQL_PAGE.read_text(encoding="utf-8")
    assert "fleetscan-runs/2*/" in text
    assert "fleetscan-runs/*/" not in text
