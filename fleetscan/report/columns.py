"""The columns that `fleetscan show` has: what each is called, how it is headed, and what it holds.

Those of a VM are the fields of its row as the flat tables name them, and a few that are worth having beside
them. A value is what JSON has; `report/tables.py` says how the other formats show it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from fleetscan.errors import Remedy, UsageError
from fleetscan.nearest import nearest
from fleetscan.records.flat_tables import PATCH_COLUMNS, VM_COLUMNS
from fleetscan.records.patches import Patch
from fleetscan.records.row import Row
from fleetscan.records.sql_types import NUMBER, TRUTH, WHOLE
from fleetscan.report.reasons import meaning_of

NUMBERS = (WHOLE, NUMBER)
# Short words that say little where they are cut, and long texts that have a line of their own.
WHOLE_WORDS = frozenset({"outcome", "reason", "patch", "kb", "published_on"})
BELOW = frozenset({"error_code", "error_message", "to_do"})
# A line of its own is better for it than to cut what names the VM.
RATHER_BELOW = frozenset({"missing"})
# By these a VM is told from others.
WHOSE = ("name", "resource_group", "subscription")
# Shorter words where a column's own name is long.
HEADINGS = {
    "critical_and_security_count": "critical",
    "other_count": "other",
    "reboot_pending": "reboot",
    "error_code": "code",
    "error_message": "message",
    "subscription_name": "subscription",
    "is_critical_or_security": "critical",
    "patch_name": "title",
    "published_on": "published",
    "vms": "VMs",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of a table is about: a VM's row, a patch, or both; `vms` is how many miss the patch.

    `missing` are the patches that were asked for and that the VM lists.
    """

    row: Row | None = None
    patch: Patch | None = None
    is_pressing: bool = False
    vms: int = 0
    missing: Sequence[Patch] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """`value` takes it from a line. Numbers stand at the right and are sorted with the largest first."""

    name: str
    value: Callable[[Line], Any]
    is_number: bool = False
    is_truth: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is never cut: half a number is a wrong one."""
        return self.is_number or self.is_truth or self.name in WHOLE_WORDS

    @property
    def heading(self) -> str:
        """What stands above it in a table."""
        return HEADINGS.get(self.name, self.name.replace("_", " "))


Columns: TypeAlias = Mapping[str, Column]


def _of_row(name: str) -> Column:
    declared = VM_COLUMNS[name]
    return Column(
        name,
        lambda line: declared.value_in(line.row),
        is_number=declared.kind in NUMBERS,
        is_truth=declared.kind == TRUTH,
    )


def _of_patch(name: str, value: Callable[[Patch], Any]) -> Column:
    kind = PATCH_COLUMNS[name]
    return Column(
        name,
        lambda line: None if line.patch is None else value(line.patch),
        is_number=kind in NUMBERS,
        is_truth=kind == TRUTH,
    )


def _subscription(line: Line) -> str | None:
    row = line.row
    return None if row is None else row["subscription_name"] or row["subscription_id"]


def _to_do(line: Line) -> str | None:
    row = line.row
    return None if row is None or row["outcome"] == "assessed" else meaning_of(row["reason"]).to_do


def _missing(line: Line) -> str:
    return ", ".join(dict.fromkeys(_with_version(patch) for patch in line.missing))


def _with_version(patch: Patch) -> str:
    return patch.key if patch.version is None else f"{patch.key} {patch.version}"


def _by_name(*columns: Column) -> dict[str, Column]:
    return {column.name: column for column in columns}


OF_VM: Columns = _by_name(
    *map(_of_row, VM_COLUMNS),
    Column("subscription", _subscription),
    Column("to_do", _to_do),
    Column("missing", _missing),
)
_DESCRIBED = _by_name(
    _of_patch("patch", lambda patch: patch.key),
    _of_patch("patch_name", lambda patch: patch.name),
    _of_patch("kb", lambda patch: patch.kb),
    _of_patch("version", lambda patch: patch.version),
    _of_patch("classifications", lambda patch: ", ".join(patch.classifications)),
    Column("is_critical_or_security", lambda line: line.is_pressing, is_truth=True),
    _of_patch("reboot_behavior", lambda patch: patch.reboot_behavior),
    _of_patch("published_on", lambda patch: patch.published_on),
)
OF_PATCH: Columns = {"vms": Column("vms", lambda line: line.vms, is_number=True), **_DESCRIBED}
OF_VM_PATCH: Columns = {**OF_VM, **_DESCRIBED}


def chosen(names: Sequence[str], columns: Columns, setting: str) -> list[Column]:
    """The columns of these names, or of these headings; the case of neither counts.

    Raises UsageError, about `setting`, for one that is none of them.
    """
    known = _by_word(columns)
    return [known.get(name.strip().lower()) or _unknown(name.strip(), columns, setting) for name in names]


@dataclass(frozen=True, slots=True)
class Order:
    """By which column lines are sorted; `is_reversed` where the other way round."""

    column: Column
    is_reversed: bool = False


def order_of(name: str | None, columns: Columns) -> Order | None:
    """The order that `name` asks for: a column, behind a hyphen where it is reversed. Raises as `chosen`."""
    if name is None:
        return None
    is_reversed = name.strip().startswith("-")
    column = chosen([name.strip().removeprefix("-")], columns, "sort")[0]
    return Order(column, is_reversed)


def _by_word(columns: Columns) -> dict[str, Column]:
    headed = {column.heading.lower(): column for column in columns.values()}
    return {**headed, **columns}


def _unknown(name: str, columns: Columns, setting: str) -> NoReturn:
    meant, known = nearest(name, _by_word(columns)), f"there are {', '.join(columns)}"
    hint = f"did you mean {meant}? {known.capitalize()}" if meant else known
    raise UsageError(
        f"this view has no column {name!r:.80}", Remedy(f"correct {{{setting}}}: {hint}", {setting: None})
    )
