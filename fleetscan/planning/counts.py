"""The VMs of a fleet, counted by the scope of Compute's buckets: how many are listed, how many are skipped.

To the buckets all VMs of one subscription, location and operating system are alike, so the first of each
stands for the others, and a million VMs cost a million references.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleetscan.inventory.selection import is_skipped
from fleetscan.model import InventoryError, Reason, Target
from fleetscan.planning.earlier_reads import Earlier
from fleetscan.records.totals import NotScanned


@dataclass(slots=True)
class Group:
    """The VMs of one subscription and location.

    Of the `listed` ones the `fresh` need no assessment, and the `skipped` get none.
    """

    subscription_id: str
    subscription_name: str | None
    location: str | None
    listed: int = 0
    fresh: int = 0
    skipped: int = 0


class Roster:
    """The groups of `targets`; `errors` and `not_scanned` say what is missing from them.

    `answering` are the VMs to assess, in their order, each represented by the one that stands for it.
    `earlier` tells which VMs need no assessment, None where earlier ones do not count.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        errors: Sequence[InventoryError] = (),
        not_scanned: Sequence[NotScanned] = (),
        uniform_scale_set_vms: int | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self.errors = errors
        self.not_scanned = not_scanned
        self.uniform_scale_set_vms = uniform_scale_set_vms
        self.earlier = earlier
        # Of a token that is never renewed, in seconds since the epoch.
        self.token_expires_at: float | None = None
        self.arc_listed = 0
        self._groups: dict[tuple[str, str | None], Group] = {}
        self.power_states: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.answering: list[Target] = []
        stand_ins: dict[tuple[str, str | None, str | None, str], Target] = {}
        for target in targets:
            group = self.group_of(target)
            group.listed += 1
            self.arc_listed += target.is_arc
            if earlier is not None and target.key in earlier.patches:
                group.fresh += 1
            elif (reason := self._why_skipped(target)) is not None:
                group.skipped += 1
                self.skipped[reason.value] += 1
            else:
                alike = target.subscription_id.lower(), target.location, target.os_type, target.kind
                self.answering.append(stand_ins.setdefault(alike, target))

    def _why_skipped(self, target: Target) -> Reason | None:
        if is_skipped(target):
            self.power_states[target.power_state or ""] += 1
            return Reason.NOT_RUNNING
        return Reason.NOT_CACHED if self.earlier is not None and self.earlier.is_all else None

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
