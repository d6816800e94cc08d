"""The tables as Parquet files, which DuckDB writes: patches once, each VM's as numbers, joined at the end.

The rows go to DuckDB as lines of JSON, in which every text stays as it is, in files that are removed again.
DuckDB loads no extension and asks no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from fleetscan import json_text
from fleetscan.errors import Remedy, UsageError
from fleetscan.export.csv_files import opened
from fleetscan.export.known_things import KnownThings
from fleetscan.export.missing import MissingPatch
from fleetscan.records.duckdb_views import literal_path
from fleetscan.records.flat_tables import MISSING_COLUMNS, RUN, VM, Cell
from fleetscan.records.sql_types import WHOLE, text_of

SUFFIX: Final = ".parquet"
INSTALL = Remedy("install it with: pip install 'fleetscan[parquet]', or choose {format}", {"format": "csv"})
SETTINGS: dict[str, str | int | float | list[str]] = {
    "memory_limit": "256MB",
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # One thread keeps the order of the rows, and the patches are looked up for each number in turn. Were
    # DuckDB told to keep the order, it would hold row groups of any size in memory.
    "threads": 1,
    "preserve_insertion_order": False,
    "disabled_optimizers": "join_order,build_side_probe_side",
}
# In the file that is there, which is its owner's alone.
HOW = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, ROW_GROUP_SIZE_BYTES '32MB'"
# A reply that is larger is not taken; an assessment is no part of a row here.
LARGEST_ROW_BYTES = 16 * 1024 * 1024
PATCH = {"patch_id": WHOLE, **MISSING_COLUMNS}
VM_PATCH = {"vm_id": WHOLE, "patch_id": WHOLE}
"""Which VM misses which patch, by their numbers."""


def require(directory: Path) -> None:
    """Raises UsageError where DuckDB is not installed, or has no name for `directory`."""
    try:
        import duckdb  # noqa: F401 - what is asked is whether it is there
    except ImportError as error:
        raise UsageError("Parquet files need the package duckdb", INSTALL) from error
    try:
        str(directory).encode()
    except ValueError as error:
        what = f"{directory} has a name that is no Unicode text, which DuckDB cannot write"
        raise UsageError(what, Remedy("give {out} another one", {"out": None})) from error


class ParquetTables:
    """A file for each table, in the tables' order; `scratch` are files for the way there. Raises OSError."""

    def __init__(self, paths: Sequence[Path], scratch: Sequence[Path]) -> None:
        self._paths, self._scratch = paths, scratch
        self._run, self._vm, self._patch, self._vm_patch = self._files = opened(scratch)
        self._count = 0
        self._numbers = KnownThings(self._number)

    def _number(self, patch: MissingPatch) -> bytes:
        """The end of a line of `vm_patch` for a patch that is written down now."""
        self._count += 1
        self._patch.write(_line(PATCH, (self._count, *patch.cells)))
        return b",%d\n" % self._count

    def vm(self, cells: tuple[Cell, ...], patches: Iterable[MissingPatch]) -> None:
        """A VM, whose number is the first of its cells, and the patches that it misses."""
        self._vm.write(_line(VM.columns, cells))
        number = str(cells[0]).encode()
        numbers = self._numbers
        self._vm_patch.write(b"".join([number + numbers[patch] for patch in patches]))

    def finish(self, run: tuple[Cell, ...]) -> None:
        """The run's own row, and all tables from what was written down."""
        import duckdb

        self._run.write(_line(RUN.columns, run))
        for file in self._files:
            file.finish()
        try:
            with duckdb.connect(config=SETTINGS) as db:
                for query, path in zip(self._queries(), self._paths, strict=True):
                    db.execute(f"COPY ({query}) TO {text_of(str(path))} ({HOW})")
        except duckdb.Error as error:
            raise OSError(0, str(error).partition("\n")[0], str(self._paths[0].parent)) from error

    def _queries(self) -> Iterable[str]:
        run, vm, patch, vm_patch = self._scratch
        yield f"FROM {_lines(run, RUN.columns)}"
        yield f"FROM {_lines(vm, VM.columns)}"
        columns = ", ".join(MISSING_COLUMNS)
        # Nothing is to be guessed of a file that may be empty.
        numbers = (
            f"read_csv({literal_path(str(vm_patch))}, auto_detect = false, header = false, delim = ',', "
            f"columns = {_types(VM_PATCH)})"
        )
        yield f"SELECT vm_id, {columns} FROM {numbers} JOIN {_lines(patch, PATCH)} USING (patch_id)"

    def close(self) -> None:
        """Close the files, whole or not."""
        for file in self._files:
            file.close()


def _line(names: Iterable[str], cells: Iterable[Cell]) -> bytes:
    return json_text.encode_line(dict(zip(names, cells, strict=True)))


def _lines(path: Path, columns: Mapping[str, str]) -> str:
    return (
        f"read_json({literal_path(str(path))}, format = 'newline_delimited', columns = {_types(columns)}, "
        f"maximum_object_size = {LARGEST_ROW_BYTES})"
    )


def _types(columns: Mapping[str, str]) -> str:
    types = ", ".join(f"{text_of(name)}: {text_of(kind)}" for name, kind in columns.items())
    return f"{{{types}}}"
