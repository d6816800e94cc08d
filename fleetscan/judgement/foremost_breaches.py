"""The VMs that are furthest beyond a service level: a few of many, kept as rows come."""

from __future__ import annotations

from typing import TypeAlias

from fleetscan.records.judged import BreachingVm
from fleetscan.records.reported_vm import MOST_VMS

Key: TypeAlias = tuple[int, int, str, str]


class ForemostBreaches:
    """Keeps the VMs with the smallest keys among those that it is given, `MOST_VMS` of them."""

    def __init__(self) -> None:
        self._found: list[tuple[Key, BreachingVm]] = []
        self._bound: Key | None = None

    def takes(self, key: Key) -> bool:
        """Whether a VM with `key` is among them so far: others need not be made."""
        return self._bound is None or key < self._bound

    def add(self, key: Key, vm: BreachingVm) -> None:
        """Give it a VM."""
        self._found.append((key, vm))
        if len(self._found) >= 2 * MOST_VMS:
            self._cut()

    def in_order(self) -> list[BreachingVm]:
        """Those with the smallest keys, the smallest first."""
        self._cut()
        return [vm for _, vm in self._found]

    def _cut(self) -> None:
        self._found.sort(key=lambda found: found[0])
        del self._found[MOST_VMS:]
        if len(self._found) == MOST_VMS:
            self._bound = self._found[-1][0]
