"""The flat tables of a run, declared once: `run` (one row), `vm`, `vm_patch`, and the type of each column.

The columns of the first two are derived from the records: a record inside another is flattened, its name
before those of its fields, and a list or an object is a text of JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, get_type_hints

from fleetscan import json_text
from fleetscan.records.patches import Patch
from fleetscan.records.row import Row
from fleetscan.records.run import RunFacts
from fleetscan.records.sql_types import DAY, MOMENT, NUMBER, TEXT, TRUTH, WHOLE, record_in, sql_type
from fleetscan.records.times import moment_of, utc_text
from fleetscan.records.totals import Totals

Cell: TypeAlias = str | int | float | bool | None
"""What a row holds in a column; moments and days are texts, in UTC."""

PLAIN = (TEXT, WHOLE, NUMBER, TRUTH, MOMENT)
# What a table's whole number may be at most, whatever a file says.
MOST = 2**63
# A patch's columns, here and in the views.
PATCH_COLUMNS: dict[str, str] = {
    "patch": TEXT,
    "patch_name": TEXT,
    "kb": TEXT,
    "version": TEXT,
    "classifications": TEXT,
    "is_critical_or_security": TRUTH,
    "reboot_behavior": TEXT,
    "published_on": DAY,
}
# What stands beside them in the table, and no record has: how long a VM has missed the patch.
AGE_COLUMNS: dict[str, str] = {
    "age_days": WHOLE,
    "age_basis": TEXT,
    "age_bucket": TEXT,
    "first_seen_on": DAY,
}
OLDEST_COLUMNS: dict[str, str] = {
    "oldest_patch_days": WHOLE,
    "oldest_patch_basis": TEXT,
    "oldest_patch_bucket": TEXT,
}
MISSING_COLUMNS = PATCH_COLUMNS | AGE_COLUMNS


@dataclass(frozen=True, slots=True)
class Table:
    """A table's name, and the type of each of its columns."""

    name: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a record: the way to its value, and what makes that a cell."""

    name: str
    kind: str
    path: tuple[str, ...]
    cell: Callable[[Any], Cell]

    def value_in(self, record: Mapping[str, Any] | None) -> Any:
        """The value as the record has it, null where a record around it is."""
        value: Any = record
        for key in self.path:
            # Rows of before lack what was added since.
            value = None if value is None else value.get(key)
        return value


def _columns_of(record: type, within: tuple[str, ...] = ()) -> Iterator[Column]:
    """The columns of a declared record, those of the records in it too."""
    for name, hint in get_type_hints(record, include_extras=True).items():
        path = (*within, name)
        if (inner := record_in(hint)) is not None:
            yield from _columns_of(inner, path)
            continue
        kind = sql_type(hint)
        cell = CELLS.get(kind, _as_json)
        yield Column("_".join(path), kind if kind in PLAIN else TEXT, path, cell)


def _as_json(value: Any) -> Cell:
    return None if value is None else json_text.encode(value).decode()


def _as_whole(value: Any) -> Cell:
    return value if value is None or -MOST <= value < MOST else None


def _as_moment(value: Any) -> Cell:
    moment = moment_of(value)
    return None if moment is None else utc_text(moment)


def _as_it_is(value: Any) -> Cell:
    cell: Cell = value
    return cell


CELLS: Mapping[str, Callable[[Any], Cell]] = {
    TEXT: _as_it_is,
    WHOLE: _as_whole,
    NUMBER: _as_it_is,
    TRUTH: _as_it_is,
    MOMENT: _as_moment,
}
# What every table, or the run's own row, already has.
_ROW_LEFT_OUT = ("assessment",)
_TOTALS_LEFT_OUT = ("schema", "scan_id", "scope", "key", "name", "started_at", "finished_at", "selection")
_OF_ROW = tuple(column for column in _columns_of(Row) if column.path[0] not in _ROW_LEFT_OUT)
_OF_RUN = tuple(_columns_of(RunFacts))
_OF_TOTALS = tuple(column for column in _columns_of(Totals) if column.path[0] not in _TOTALS_LEFT_OUT)


def _types(columns: Iterable[Column]) -> dict[str, str]:
    return {column.name: column.kind for column in columns}


RUN = Table(
    "run", _types(_OF_RUN) | {"is_complete": TRUTH, "incomplete": TEXT, "vms": WHOLE} | _types(_OF_TOTALS)
)
VM = Table("vm", {"vm_id": WHOLE} | _types(_OF_ROW) | OLDEST_COLUMNS)
VM_PATCH = Table("vm_patch", {"vm_id": WHOLE} | MISSING_COLUMNS)
TABLES = (RUN, VM, VM_PATCH)
VM_COLUMNS: Mapping[str, Column] = {column.name: column for column in _OF_ROW}
"""The columns of `vm` that come from a row."""


def run_cells(
    facts: RunFacts, totals: Totals | None, incomplete: Sequence[str], is_complete: bool, vms: int
) -> tuple[Cell, ...]:
    """The row of `run`: of one that has no totals yet, what they would tell is null.

    `incomplete` are sentences, one for each part that is missing; `vms` are the rows of `vm`.
    """
    said = " ".join(f"{sentence}." for sentence in incomplete) or None
    return (*_cells(_OF_RUN, facts), is_complete, said, vms, *_cells(_OF_TOTALS, totals))


def vm_cells(vm_id: int, row: Row, oldest: Iterable[Cell]) -> tuple[Cell, ...]:
    """The row of `vm` for one line of results.jsonl; `oldest` are the cells of OLDEST_COLUMNS."""
    return (vm_id, *_cells(_OF_ROW, row), *oldest)


def patch_cells(patch: Patch) -> tuple[Cell, ...]:
    """What a row of `vm_patch` tells of the patch itself."""
    return (
        patch.key,
        patch.name,
        patch.kb,
        patch.version,
        ", ".join(patch.classifications),
        patch.is_critical_or_security,
        patch.reboot_behavior,
        patch.published_on,
    )


def _cells(columns: Iterable[Column], record: Mapping[str, Any] | None) -> Iterator[Cell]:
    for column in columns:
        yield column.cell(column.value_in(record))
