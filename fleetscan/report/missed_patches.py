"""How many VMs miss each patch: counted over assessed VMs, and once for a VM that lists a patch twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from operator import attrgetter

from fleetscan.records.foremost import Foremost
from fleetscan.records.patches import Patch
from fleetscan.records.report import MissedPatch

# What every view calls them, and their order.
HEADING = "Most missed patches, critical and security first"


def most_missed(vms: Mapping[str, int], pressing: Collection[str], most: int | None = None) -> list[str]:
    """The keys of patches in the order of every view: the `pressing` first, which are critical or security,
    then those that most `vms` miss, then by key. `most` is how many are wanted.
    """
    first: Foremost[str] = Foremost(max(1, len(vms)) if most is None else most)
    for key, missing in vms.items():
        first.add((key not in pressing, -missing, key), key)
    return first.in_order()


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
        """Each patch, whether it is critical or of security, and how many VMs miss it; see `most_missed`."""
        pressing = {patch.key for patch in self._patches if patch.is_critical_or_security}
        shown = most_missed(self._vms, pressing, most)
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


def newest_of(
    patches: Iterable[Patch], keys: Collection[str], key_of: Callable[[Patch], str] = attrgetter("key")
) -> dict[str, Patch]:
    """Of the descriptions of each patch the newest: one KB has many titles."""
    found: dict[str, Patch] = {}
    for patch in patches:
        key = key_of(patch)
        if key in keys and (key not in found or _newness(found[key]) < _newness(patch)):
            found[key] = patch
    return found


def title_beside(key: str, name: str | None) -> str:
    """What a patch's name tells beside its key: "" where that is all; a KB's title repeats it."""
    title = (name or "").replace(f"({key})", "").strip()
    return "" if title == key else title


def _newness(patch: Patch) -> tuple[bool, str, str, tuple[str, ...]]:
    """By this the description of a patch is chosen, whatever the order of the rows."""
    return patch.is_critical_or_security, patch.published_on or "", patch.name or "", patch.classifications
