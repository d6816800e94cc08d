"""How many VMs miss each patch: counted over assessed VMs, and once for a VM that lists a patch twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from fleetscan.records.patches import Patch
from fleetscan.records.report import MissedPatch
from fleetscan.report.foremost import Foremost


class MissedPatches:
    """Call `add` with the patches of each assessed VM."""

    def __init__(self) -> None:
        self._vms: Counter[str] = Counter()
        self._patches: set[Patch] = set()

    def __len__(self) -> int:
        return len(self._vms)

    def add(self, patches: Collection[Patch]) -> None:
        """Take up one VM's."""
        self._vms.update({patch.key for patch in patches})
        self._patches.update(patches)

    def foremost(self, most: int | None = None) -> list[tuple[Patch, bool, int]]:
        """Each patch, whether it is critical or of security, and how many VMs miss it.

        Critical and security ones come first, then what most VMs miss. `most` is how many are wanted.
        """
        pressing = {patch.key for patch in self._patches if patch.is_critical_or_security}
        first: Foremost[str] = Foremost(max(1, len(self)) if most is None else most)
        for key, vms in self._vms.items():
            first.add((key not in pressing, -vms, key), key)
        shown = first.in_order()
        titles = newest_of(self._patches, set(shown))
        return [(titles[key], key in pressing, self._vms[key]) for key in shown]


def missed(patch: Patch, is_pressing: bool, vms: int) -> MissedPatch:
    """A patch as a report has it."""
    return {
        "patch": patch.key,
        "name": patch.name,
        "classifications": [*patch.classifications],
        "is_critical_or_security": is_pressing,
        "vms": vms,
    }


def newest_of(patches: Iterable[Patch], keys: Collection[str]) -> dict[str, Patch]:
    """Of the descriptions of each patch the newest: one KB has many titles."""
    found: dict[str, Patch] = {}
    for patch in patches:
        if patch.key in keys and (patch.key not in found or _newness(found[patch.key]) < _newness(patch)):
            found[patch.key] = patch
    return found


def _newness(patch: Patch) -> tuple[bool, str, str, tuple[str, ...]]:
    """By this the description of a patch is chosen, whatever the order of the rows."""
    return patch.is_critical_or_security, patch.published_on or "", patch.name or "", patch.classifications
