"""The export of a run: one pass over its rows, in which each goes to the tables that it is part of.

Patches are those of assessed VMs, as the totals count them, and each counts once for a VM. Ages are those on
the day on which the run began.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from fleetscan.errors import CannotReadRunError
from fleetscan.export import csv_files, parquet_files, sqlite_file
from fleetscan.export.missing import MissingPatch, MissingPatches, oldest_cells
from fleetscan.history.judged_run import day_of
from fleetscan.history.seen import seen_by
from fleetscan.records.flat_tables import TABLES, Cell, run_cells, vm_cells
from fleetscan.records.row import Row
from fleetscan.runs.reader import Run
from fleetscan.runs.whole_files import whole_files

Format: TypeAlias = Literal["csv", "sqlite", "parquet"]
SCRATCH = ("run.jsonl", "vm.jsonl", "patch.jsonl", "vm_patch.numbers")


class Tables(Protocol):
    """Where a run's rows go. What is written is whole after `finish` alone."""

    def vm(self, cells: tuple[Cell, ...], patches: Iterable[MissingPatch]) -> None:
        """A VM, whose number is the first of its cells, and the patches that it misses."""
        ...

    def finish(self, run: tuple[Cell, ...]) -> None:
        """The run's own row, and all that is not written yet."""
        ...

    def close(self) -> None:
        """Close the files, whole or not."""
        ...


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were written, how much is in them, and a sentence for each part that the run lacks.

    `patches` are listed; `counted` are those that the VMs' counts tell of, as in totals and reports. A list
    that is cut short, or has a patch twice, makes them differ. `undated` are the listed ones of unknown age,
    of which there are none with a history.
    """

    files: list[Path]
    vms: int
    assessed: int
    patches: int
    counted: int
    undated: int
    incomplete: list[str]


def export_run(
    run: Run,
    directory: Path,
    form: Format,
    on_new: Callable[[Sequence[Path]], object] = lambda _: None,
    history: Path | None = None,
) -> Exported:
    """Write the tables of `run` into `directory`, which is made where it is not there; `on_new` is told the
    hidden files in which they are written. `history` tells since when patches are missing.

    Raises UsageError where a file is there already or a package is missing, HistoryError, CannotReadRunError
    for a row that cannot be read, CannotWriteError where the disk refuses. Each leaves no file.
    """
    names = names_of(form)
    if form == "parquet":
        parquet_files.require(directory)
    with ExitStack() as stack:
        seen = None if history is None else stack.enter_context(seen_by(history, run.facts))
        missing = MissingPatches(day_of(run), seen)
        new, scratch = stack.enter_context(
            whole_files(directory, names, SCRATCH if form == "parquet" else (), on_new)
        )
        try:
            with closing(_tables(form, new, scratch)) as tables:
                done = _export(run, missing, tables, [directory / name for name in names])
        except sqlite3.Error as error:
            raise OSError(0, str(error), str(directory / names[0])) from error
    return done


def names_of(form: Format) -> list[str]:
    """The names of the files of a format."""
    match form:
        case "csv":
            return [table.name + csv_files.SUFFIX for table in TABLES]
        case "parquet":
            return [table.name + parquet_files.SUFFIX for table in TABLES]
        case "sqlite":
            return [sqlite_file.NAME]


def _tables(form: Format, new: Sequence[Path], scratch: Sequence[Path]) -> Tables:
    match form:
        case "csv":
            return csv_files.CsvTables(new)
        case "parquet":
            return parquet_files.ParquetTables(new, scratch)
        case "sqlite":
            return sqlite_file.SqliteTables(new)


def _export(run: Run, missing: MissingPatches, tables: Tables, files: list[Path]) -> Exported:
    vms = assessed = patches = counted = undated = 0
    for vms, row in enumerate(run.rows(), start=1):
        found = missing.of(row)
        assessed += row["outcome"] == "assessed"
        patches += len(found)
        counted += _counted(row)
        undated += [each.age for each in found].count(None)
        tables.vm(vm_cells(vms, row, oldest_cells(found)), found)
    incomplete = run.incomplete
    try:
        totals = run.totals()
    except CannotReadRunError:
        totals = None
    tables.finish(run_cells(run.facts, totals, incomplete, run.is_complete, vms))
    return Exported(files, vms, assessed, patches, counted, undated, incomplete)


def _counted(row: Row) -> int:
    """The patches that a row's counts tell of, as the totals add them up."""
    if row["outcome"] != "assessed":
        return 0
    return (row["critical_and_security_count"] or 0) + (row["other_count"] or 0)
