"""Which VMs and patches of a run `fleetscan show` lists, by one pass over its rows.

Filters narrow each other; of the VMs that they leave out because nothing is known of them, it says how many.
A line keeps what its columns show and no row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from fleetscan.errors import Remedy, UsageError
from fleetscan.nearest import nearest
from fleetscan.records.foremost import Foremost
from fleetscan.records.patches import Patch, PatchReader, kb_of
from fleetscan.records.row import Row
from fleetscan.report.columns import OF_PATCH, OF_VM, OF_VM_PATCH, Column, Columns, Line, Order
from fleetscan.report.missed_patches import MissedPatches
from fleetscan.report.reasons import how_bad

Values: TypeAlias = tuple[Any, ...]
Kept: TypeAlias = tuple[tuple[Any, ...], Values]

WILD = frozenset("*?[")
# Names that a mistyped one may have meant.
NAMES_KEPT = 100_000
TEXTS_SHARED = 10_000


@dataclass(frozen=True)
class Wanted:
    """What is asked for; without anything, every VM.

    `missing` is a KB, a package's name or a pattern of either, or of a title; `machine` is a VM's name, id or
    a pattern of its name. `worst` is how many VMs, None for all; `patches` asks for what VMs miss.
    """

    failed: bool = False
    skipped: bool = False
    worst: int | None = None
    missing: str | None = None
    reboot: bool = False
    machine: str | None = None
    patches: bool = False

    @property
    def is_not_assessed(self) -> bool:
        """Whether VMs are asked for of which nothing is known."""
        return self.failed or self.skipped

    @property
    def needs_result(self) -> bool:
        """Whether only assessed VMs can answer."""
        return self.worst is not None or self.missing is not None or self.reboot or self.patches

    def takes_outcome(self, row: Row) -> bool:
        """Whether the VM ended as asked for."""
        outcome = row["outcome"]
        if self.is_not_assessed:
            return (self.failed and outcome in ("failed", "timed_out")) or (
                self.skipped and outcome == "skipped"
            )
        return outcome == "assessed" or not self.needs_result

    @cached_property
    def is_machine(self) -> Callable[[Row], bool]:
        """Whether a row is of the VM that was asked for."""
        if self.machine is None:
            return lambda _: True
        if "/" in self.machine:
            resource_id = self.machine.lower()
            return lambda row: row["resource_id"].lower() == resource_id
        matches = _matcher(self.machine)
        return lambda row: matches(row["name"])

    @cached_property
    def is_patch(self) -> Callable[[Patch], bool]:
        """Whether a patch is one that was asked for."""
        if self.missing is None:
            return lambda _: True
        key = kb_of(self.missing) or self.missing.strip()
        matches, is_pattern = _matcher(key), bool(WILD & set(key))
        known: dict[Patch, bool] = {}

        def is_patch(patch: Patch) -> bool:
            if (answer := known.get(patch)) is None:
                title = patch.name if is_pattern else None
                answer = known[patch] = matches(patch.key) or (title is not None and matches(title))
            return answer

        return is_patch


@dataclass
class Found:
    """The values of each line's columns, and what is not known of VMs that may belong to them.

    `assessed` VMs are those that were looked at for what was asked.
    `unknown` VMs were not assessed, `unlisted` ones came without a list of patches, the lists of `cut` ones
    are cut short, and `untold` ones do not say whether a restart is pending. `reasons` has how many of the
    listed VMs ended for each.
    """

    lines: list[Values] = field(default_factory=list)
    vms: int = 0
    rows: int = 0
    assessed: int = 0
    unknown: int = 0
    unlisted: int = 0
    cut: int = 0
    untold: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def machines_of(rows: Iterable[Row], wanted: Wanted, columns: Sequence[Column], sort: Order | None) -> Found:
    """The VMs that are `wanted`, sorted by a column, else the worst first where those are asked for, else by
    name.
    """
    found, kept = Found(), list[Kept]()
    worst: Foremost[Kept] | None = None if wanted.worst is None else Foremost(wanted.worst)
    reads_patches = any(column.name == "missing" for column in columns)
    for line in _lines(rows, wanted, found, reads_patches=reads_patches):
        assert line.row is not None
        place = _place(line.row)
        if worst is None:
            kept.append(_kept(line, columns, sort, place))
            continue
        critical, pending, other = badness = how_bad(line.row)
        key = (-critical, -pending, -other, *place)
        if any(badness) and worst.takes(key):
            worst.add(key, _kept(line, columns, sort, key))
    found.lines = _in_order(kept if worst is None else worst.in_order())
    found.vms = len(found.lines)
    return found


def patches_of(rows: Iterable[Row], wanted: Wanted, columns: Sequence[Column], sort: Order | None) -> Found:
    """The patches that the `wanted` VMs miss, with how many of them miss each."""
    found, counts = Found(), MissedPatches()
    for line in _lines(rows, wanted, found, reads_patches=True):
        counts.add(line.missing)
        found.vms += 1
    lines = (
        Line(patch=patch, is_pressing=is_pressing, vms=vms) for patch, is_pressing, vms in counts.foremost()
    )
    found.lines = _in_order(_kept(line, columns, sort, ()) for line in lines)
    return found


def machine_patches_of(
    rows: Iterable[Row], wanted: Wanted, columns: Sequence[Column], sort: Order | None
) -> Found:
    """A line for each patch of each `wanted` VM: critical and security ones first, the oldest first."""
    found, kept = Found(), list[Kept]()
    for line in _lines(rows, wanted, found, reads_patches=True):
        assert line.row is not None
        found.vms += 1
        for patch in {patch.key: patch for patch in reversed(line.missing)}.values():
            of_vm = Line(row=line.row, patch=patch, is_pressing=patch.is_critical_or_security)
            kept.append(_kept(of_vm, columns, sort, (*_place(line.row), *_urgency(patch))))
    found.lines = _in_order(kept)
    return found


def _kept(line: Line, columns: Sequence[Column], sort: Order | None, place: tuple[Any, ...]) -> Kept:
    """What is kept of a line: by what it is sorted, and the values of its columns."""
    key = place if sort is None else (*_sort_key(sort, sort.column.value(line)), *place)
    return key, tuple(_shared(column.value(line)) for column in columns)


def _shared(value: Any) -> Any:
    """`value`, a text as the one object that other lines have too: groups and subscriptions repeat."""
    return _same(value) if isinstance(value, str) else value


@lru_cache(TEXTS_SHARED)
def _same(text: str) -> str:
    return text


def _in_order(kept: Iterable[Kept]) -> list[Values]:
    """Sorted by the keys; what is alike stays in its order."""
    return [values for _, values in sorted(kept, key=lambda each: each[0])]


def _lines(rows: Iterable[Row], wanted: Wanted, found: Found, *, reads_patches: bool) -> Iterator[Line]:
    """The rows that are wanted, with the patches that were asked for; counts what is not known."""
    reader = PatchReader() if reads_patches or wanted.missing is not None else None
    names, is_here = dict[str, None](), wanted.machine is None
    for row in rows:
        found.rows += 1
        if not wanted.is_machine(row):
            if not is_here and len(names) < NAMES_KEPT:
                names[row["name"]] = None
            continue
        is_here = True
        line = _line(row, wanted, reader)
        _count_unknown(row, wanted, found, is_shown=line is not None)
        if line is not None:
            yield line
    if not is_here and found.rows:
        raise _no_machine(str(wanted.machine), names)


def _count_unknown(row: Row, wanted: Wanted, found: Found, *, is_shown: bool) -> None:
    """Count what is not known of a VM that may belong to those that are wanted, or why it does."""
    if row["outcome"] != "assessed":
        found.unknown += 1
        if is_shown:
            found.reasons[row["reason"] or ""] += 1
        return
    found.assessed += 1
    found.untold += row["reboot_pending"] is None
    # Of a VM that is known to miss what was asked for, or not to wait for a restart, nothing is open.
    is_settled = is_shown and wanted.missing is not None and not wanted.patches
    if is_settled or (wanted.reboot and row["reboot_pending"] is False):
        return
    if row["patch_count"] is None:
        found.unlisted += row["critical_and_security_count"] != 0 or row["other_count"] != 0
    else:
        found.cut += row["patches_complete"] is not True


def _line(row: Row, wanted: Wanted, reader: PatchReader | None) -> Line | None:
    if not wanted.takes_outcome(row) or (wanted.reboot and row["reboot_pending"] is not True):
        return None
    missing = reader.of(row) if reader is not None and row["outcome"] == "assessed" else []
    if wanted.missing is not None:
        missing = [patch for patch in missing if wanted.is_patch(patch)]
        if not missing:
            return None
    return Line(row=row, missing=missing)


def _no_machine(name: str, names: Iterable[str]) -> UsageError:
    meant = nearest(name, names)
    hint = f"did you mean {meant}?" if meant else "the names are in the table without {machine}"
    return UsageError(f"the run has no row of a VM {name!r:.300}", Remedy(hint, {"machine": None}))


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text is `pattern`, or matches it where it is one; the case of neither counts."""
    wanted = pattern.lower()
    if not WILD & set(wanted):
        return lambda text: text.lower() == wanted
    matches = re.compile(translate(wanted)).match
    return lambda text: matches(text.lower()) is not None


def _place(row: Row) -> tuple[str, str]:
    return row["name"].lower(), row["resource_id"].lower()


def _urgency(patch: Patch) -> tuple[bool, str, str]:
    return not patch.is_critical_or_security, patch.published_on or "", patch.key


def _sort_key(order: Order, value: Any) -> tuple[bool, Any]:
    """Numbers and yes before no, the largest first; texts from A; what is not known last, reversed or not."""
    if value is None:
        return True, 0
    if order.column.is_number or order.column.is_truth:
        return False, value if order.is_reversed else -value
    text = str(value).lower()
    return False, _FromZ(text) if order.is_reversed else text


@dataclass(frozen=True, slots=True)
class _FromZ:
    """A text that comes before those that it comes after."""

    text: str

    def __lt__(self, other: _FromZ) -> bool:
        return other.text < self.text


@dataclass(frozen=True)
class View:
    """What can be looked at, with the columns it has."""

    look: Callable[[Iterable[Row], Wanted, Sequence[Column], Order | None], Found]
    columns: Columns


MACHINES = View(machines_of, OF_VM)
PATCHES = View(patches_of, OF_PATCH)
MACHINE_PATCHES = View(machine_patches_of, OF_VM_PATCH)
