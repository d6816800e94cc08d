"""The tables as CSV files: what every tool reads. `records/csv_text.py` says how a cell is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from fleetscan.export.known_things import KnownThings
from fleetscan.export.missing import MissingPatch
from fleetscan.records.csv_text import line_of
from fleetscan.records.flat_tables import TABLES, Cell
from fleetscan.runs.whole_files import LineFile

SUFFIX: Final = ".csv"


def opened(paths: Sequence[Path]) -> list[LineFile]:
    """The files at `paths`, all or none."""
    files: list[LineFile] = []
    try:
        # One after the other, so that those before a failure are known.
        files.extend(LineFile(path) for path in paths)
    except OSError:
        for file in files:
            file.close()
        raise
    return files


def _tail(missing: MissingPatch) -> bytes:
    """A line of `vm_patch` behind the VM's number."""
    return b"," + line_of(missing.cells)


class CsvTables:
    """A file for each table, in the tables' order."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._run, self._vm, self._vm_patch = self._files = opened(paths)
        for file, table in zip(self._files, TABLES, strict=True):
            file.write(line_of(table.columns))
        self._tails = KnownThings(_tail)

    def vm(self, cells: tuple[Cell, ...], patches: Iterable[MissingPatch]) -> None:
        """A VM, whose number is the first of its cells, and the patches that it misses."""
        self._vm.write(line_of(cells))
        number = str(cells[0]).encode()
        tails = self._tails
        self._vm_patch.write(b"".join([number + tails[patch] for patch in patches]))

    def finish(self, run: tuple[Cell, ...]) -> None:
        """The run's own row, and all that is not written yet."""
        self._run.write(line_of(run))
        for file in self._files:
            file.finish()

    def close(self) -> None:
        """Close the files, whole or not."""
        for file in self._files:
            file.close()
