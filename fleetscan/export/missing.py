"""The patches that a VM misses, each once and with its age, as the tables have them.

A patch is what `patches` reads, an age what `judgement.ages` tells. Of a patch that a list has twice the
first entry is shown, with the age of the older one: as in reports, the oldest counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import TypeAlias

from fleetscan.export.known_things import KnownThings
from fleetscan.judgement.ages import Age, Ager
from fleetscan.judgement.judging import FirstSights
from fleetscan.records.ages import bucket_of
from fleetscan.records.flat_tables import Cell, patch_cells
from fleetscan.records.patches import Patch, PatchReader
from fleetscan.records.row import Row

Entry: TypeAlias = tuple[Patch, Patch, date | None]
"""The patch that is shown, the one whose age counts, the day of the first sight or None without a history."""


@dataclass(frozen=True, slots=True, eq=False)
class MissingPatch:
    """A patch that some VMs have missed for as long; one object for all. By `order` the oldest are first."""

    patch: Patch
    age: Age | None
    first_seen_on: date | None
    order: tuple[int, bool, str]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """A row of `vm_patch` behind the VM's number."""
        seen = None if self.first_seen_on is None else self.first_seen_on.isoformat()
        return (*patch_cells(self.patch), *_cells(self.age), seen)


class MissingPatches:
    """Reads the rows of one run, which began on the day `on`; `history` is None without one."""

    def __init__(self, on: date, history: FirstSights | None = None) -> None:
        self._on = on
        self._history = history
        self._reader = PatchReader()
        self._ager = Ager(on)
        self._known: KnownThings[Entry, MissingPatch] = KnownThings(self._made)

    def of(self, row: Row) -> list[MissingPatch]:
        """What an assessed VM misses, in Azure's order; nothing of any other, which is unknown."""
        if row["outcome"] != "assessed":
            return []
        patches = self._reader.of(row)
        seen = None if self._history is None else self._history.first_seen(row["resource_id"])
        found: dict[str, MissingPatch] = {}
        for patch in patches:
            first = None if seen is None else seen.get(patch.key, self._on)
            missing = self._known[patch, patch, first]
            other = found.setdefault(patch.key, missing)
            if other is not missing and missing.order[0] < other.order[0]:
                found[patch.key] = self._known[other.patch, patch, first]
        return [*found.values()]

    def _made(self, entry: Entry) -> MissingPatch:
        shown, dated, first = entry
        [(_, age)] = self._ager.of([dated], None if first is None else {dated.key: first})
        days = -1 if age is None else age.days
        return MissingPatch(shown, age, first, (-days, not shown.is_critical_or_security, shown.key))


def oldest_cells(missing: Iterable[MissingPatch]) -> tuple[Cell, ...]:
    """The age of the patch that a VM has missed longest, null where none is known."""
    oldest = min(missing, key=attrgetter("order"), default=None)
    return _cells(None if oldest is None else oldest.age)


def _cells(age: Age | None) -> tuple[Cell, ...]:
    return (None, None, None) if age is None else (age.days, age.basis, bucket_of(age.days))
