"""The oldest missing patch of a fleet, and how many patches there are whose age is unknown.

VMs that were not assessed have no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fleetscan.judgement.ages import Age
from fleetscan.judgement.listed import AgedPatch, unlisted
from fleetscan.records.row import Row


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest missing patch that counts: its age, key and VM; None without any of known age.

    `undated_patches` have no known age, on so many VMs; of the lists of `unlisted_vms` are missing at least
    `unlisted_patches`. A patch counts once for each VM that misses it.
    """

    age: Age | None = None
    patch: str | None = None
    resource_id: str | None = None
    undated_patches: int = 0
    undated_vms: int = 0
    unlisted_patches: int = 0
    unlisted_vms: int = 0


class OldestPatch:
    """Call `add` for each row, then `told`."""

    def __init__(self) -> None:
        self._oldest: tuple[int, str, str, Age] | None = None
        self._undated_patches = self._undated_vms = 0
        self._unlisted_patches = self._unlisted_vms = 0

    def add(self, row: Row, aged_patches: Sequence[AgedPatch]) -> None:
        """Take up a row with its patches, both after what does not count was left out."""
        if row["outcome"] != "assessed":
            return
        self._add_known(row, aged_patches)
        undated = len({patch.key for patch, age in aged_patches if age is None})
        self._undated_patches += undated
        self._undated_vms += undated > 0
        missing = unlisted(row, aged_patches)
        if missing is not None:
            # A list that is marked as cut lacks one at least, whatever the counts say.
            self._unlisted_patches += max(1, sum(filter(None, missing)))
            self._unlisted_vms += 1

    def _add_known(self, row: Row, aged_patches: Sequence[AgedPatch]) -> None:
        known = [(-age.days, patch.key, age) for patch, age in aged_patches if age is not None]
        if not known:
            return
        days, key, age = min(known)
        found = days, key, row["resource_id"], age
        # Of several that are as old the choice does not depend on the order of the rows.
        if self._oldest is None or found < self._oldest:
            self._oldest = found

    def told(self) -> Oldest:
        """The oldest of all rows so far."""
        _, patch, resource_id, age = self._oldest or (0, None, None, None)
        return Oldest(
            age,
            patch,
            resource_id,
            self._undated_patches,
            self._undated_vms,
            self._unlisted_patches,
            self._unlisted_vms,
        )
