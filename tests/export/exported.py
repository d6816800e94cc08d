"""A run exported in each format, and its tables read back by what reads the format."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import duckdb

from fleetscan.export.exporting import Format, export_run
from fleetscan.records.flat_tables import TABLES, Cell, Table
from fleetscan.records.sql_types import NUMBER, TRUTH, WHOLE
from fleetscan.runs.reader import open_run

Rows: TypeAlias = list[tuple[Cell, ...]]
FORMATS: tuple[Format, ...] = ("csv", "sqlite", "parquet")


def exported(run: Path, out: Path, form: Format, history: Path | None = None) -> dict[str, Rows]:
    """The rows of each table of the run at `run`."""
    export_run(open_run(run), out, form, history=history)
    return {table.name: READERS[form](out, table) for table in TABLES}


def from_csv(out: Path, table: Table) -> Rows:
    """By Python's own reader, which does not tell "" from null; a `'` is taken off."""
    with (out / f"{table.name}.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == list(table.columns)
    return [
        tuple(READ.get(kind, text)(cell) for kind, cell in zip(table.columns.values(), row, strict=True))
        for row in rows
    ]


def text(cell: str) -> Cell:
    return cell.removeprefix("'") or None


READ: Mapping[str, Callable[[str], Cell]] = {
    WHOLE: lambda cell: int(cell) if cell else None,
    NUMBER: lambda cell: float(cell) if cell else None,
    TRUTH: lambda cell: {"true": True, "false": False, "": None}[cell],
}


def from_sqlite(out: Path, table: Table) -> Rows:
    """By SQLite, which has no truth of its own."""
    with closing(sqlite3.connect(out / "fleetscan.sqlite")) as db:
        rows = db.execute(f"SELECT {', '.join(table.columns)} FROM {table.name}").fetchall()
    kinds = list(table.columns.values())
    return [
        tuple(
            bool(cell) if kind == TRUTH and cell is not None else cell or (cell if cell == 0 else None)
            for kind, cell in zip(kinds, row, strict=True)
        )
        for row in rows
    ]


def from_parquet(out: Path, table: Table) -> Rows:
    """By DuckDB; moments as texts, as records write them."""
    columns = ", ".join(shown(name, kind) for name, kind in table.columns.items())
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        path = str(out / f"{table.name}.parquet")
        return db.execute(f"SELECT {columns} FROM read_parquet($1)", [path]).fetchall()


def shown(name: str, kind: str) -> str:
    match kind:
        case "TIMESTAMPTZ":
            return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        case "DATE":
            return f"strftime({name}, '%Y-%m-%d')"
        case "VARCHAR":
            return f"nullif({name}, '')"
    return name


READERS: Mapping[Format, Callable[[Path, Table], Rows]] = {
    "csv": from_csv,
    "sqlite": from_sqlite,
    "parquet": from_parquet,
}


def files_in(directory: Path) -> Iterator[str]:
    """The names of all files there, hidden ones too."""
    return (str(path.relative_to(directory)) for path in sorted(directory.rglob("*")))
