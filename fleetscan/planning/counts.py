"""The VMs of a fleet, counted by the scope of Compute's buckets: how many are listed, how many are skipped.

To the buckets all VMs of one subscription, location and operating system are alike, so the first of each
stands for the others, and a million VMs cost a million references.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleetscan.inventory.selection import is_skipped
from fleetscan.model import InventoryError, Target
from fleetscan.records.totals import NotScanned


@dataclass(slots=True)
class Group:
    """The VMs of one subscription and location; `skipped` of the `listed` ones are not assessed."""

    subscription_id: str
    subscription_name: str | None
    location: str | None
    listed: int = 0
    skipped: int = 0


class Roster:
    """The groups of `targets`; `errors` and `not_scanned` say what is missing from them.

    `answering` are the VMs to assess, in their order, each represented by the one that stands for it.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        errors: Sequence[InventoryError] = (),
        not_scanned: Sequence[NotScanned] = (),
        uniform_scale_set_vms: int | None = None,
    ) -> None:
        self.errors = errors
        self.not_scanned = not_scanned
        self.uniform_scale_set_vms = uniform_scale_set_vms
        self.arc_listed = 0
        self._groups: dict[tuple[str, str | None], Group] = {}
        self.power_states: Counter[str] = Counter()
        self.answering: list[Target] = []
        stand_ins: dict[tuple[str, str | None, str | None, str], Target] = {}
        for target in targets:
            group = self.group_of(target)
            group.listed += 1
            self.arc_listed += target.is_arc
            if is_skipped(target):
                group.skipped += 1
                self.power_states[target.power_state or ""] += 1
            else:
                alike = target.subscription_id.lower(), target.location, target.os_type, target.kind
                self.answering.append(stand_ins.setdefault(alike, target))

    @property
    def groups(self) -> list[Group]:
        """All groups, by subscription and location."""
        return [self._groups[key] for key in sorted(self._groups, key=lambda key: (key[0], key[1] or ""))]

    @property
    def listed(self) -> int:
        """The number of VMs in the fleet."""
        return sum(group.listed for group in self._groups.values())

    def group_of(self, target: Target) -> Group:
        """The group `target` is counted in."""
        key = target.subscription_id.lower(), target.location
        if (group := self._groups.get(key)) is None:
            group = Group(target.subscription_id, target.subscription_name, target.location)
            self._groups[key] = group
        return group
