"""The tables in one SQLite file. Moments and days are texts in UTC, true is 1, and null is null."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence, Sized
from pathlib import Path
from typing import Final

from fleetscan.export.known_things import KnownThings
from fleetscan.export.missing import MissingPatch
from fleetscan.records.flat_tables import MISSING_COLUMNS, RUN, TABLES, VM, Cell, Table
from fleetscan.records.sql_types import NUMBER, TRUTH, WHOLE, name_of

NAME: Final = "fleetscan.sqlite"
AFFINITIES = {WHOLE: "INTEGER", TRUTH: "INTEGER", NUMBER: "REAL"}
KEYS = {("vm", "vm_id"): " PRIMARY KEY", ("vm_patch", "vm_id"): " NOT NULL REFERENCES vm"}
# The file is put in place when it is whole: until then there is nothing to undo.
SETTINGS = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA temp_store = MEMORY")
# Each patch goes to SQLite once, to be copied for each VM that misses it: that takes a quarter less time.
PATCHES = f"CREATE TEMP TABLE patch (patch_id INTEGER PRIMARY KEY, {', '.join(MISSING_COLUMNS)})"
COPY = f"INSERT INTO vm_patch SELECT ?1, {', '.join(MISSING_COLUMNS)} FROM patch WHERE patch_id = ?2"
MOST_WAITING = 5_000


class SqliteTables:
    """One file with all tables. Raises sqlite3.Error."""

    def __init__(self, paths: Sequence[Path]) -> None:
        [path] = paths
        self._db = sqlite3.connect(path, isolation_level=None)
        try:
            for sql in (*SETTINGS, PATCHES, "BEGIN", *map(_create, TABLES)):
                self._db.execute(sql)
        except sqlite3.Error:
            self._db.close()
            raise
        self._count = 0
        self._numbers = KnownThings(self._number)
        self._vms: list[tuple[Cell, ...]] = []
        self._patches: list[tuple[Cell, int]] = []

    def _number(self, patch: MissingPatch) -> int:
        """The number of a patch that SQLite is given now."""
        self._count += 1
        self._db.execute(
            f"INSERT INTO patch VALUES ({_places(MISSING_COLUMNS, 1)})", (self._count, *patch.cells)
        )
        return self._count

    def vm(self, cells: tuple[Cell, ...], patches: Iterable[MissingPatch]) -> None:
        """A VM, whose number is the first of its cells, and the patches that it misses."""
        self._vms.append(cells)
        vm_id, numbers = cells[0], self._numbers
        self._patches += [(vm_id, numbers[patch]) for patch in patches]
        if len(self._vms) + len(self._patches) >= MOST_WAITING:
            self._flush()

    def _flush(self) -> None:
        self._db.executemany(_insert(VM), self._vms)
        self._db.executemany(COPY, self._patches)
        self._vms.clear()
        self._patches.clear()

    def finish(self, run: tuple[Cell, ...]) -> None:
        """The run's own row, and all that is not written yet."""
        self._flush()
        self._db.execute(_insert(RUN), run)
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file, whole or not."""
        self._db.close()


def _create(table: Table) -> str:
    columns = ", ".join(
        f"{name_of(name)} {AFFINITIES.get(kind, 'TEXT')}{KEYS.get((table.name, name), '')}"
        for name, kind in table.columns.items()
    )
    return f"CREATE TABLE {table.name} ({columns})"


def _insert(table: Table) -> str:
    return f"INSERT INTO {table.name} VALUES ({_places(table.columns)})"


def _places(columns: Sized, more: int = 0) -> str:
    return ", ".join("?" * (len(columns) + more))
