"""docs/sql.md: its lines run (test_pages_run.py), and none counts a run twice."""

from __future__ import annotations

from tests.readme.pages import SQL_PAGE, blocks_of, python_blocks, queries_of


def test_there_are_as_many_queries_and_blocks_as_a_reader_sees() -> None:
    blocks = blocks_of(SQL_PAGE)
    assert sum(len(queries_of(block)) for block in blocks if block.is_sql) == 8
    assert len(python_blocks(SQL_PAGE)) == 8


def test_no_query_reads_a_run_twice_through_latest() -> None:
    text = SQL_PAGE.read_text(encoding="utf-8")
    assert "fleetscan-runs/2*/" in text
    assert "fleetscan-runs/*/" not in text
