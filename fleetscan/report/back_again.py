"""Patches that are back again: newly missing in a comparison, and installed on the VM before, by a history.

Before is before the new run began. Most ended so at or before the old run; one that came and was installed
between the two runs counts as well. A patch that both runs have is not newly missing, whatever happened
between them. A patch whose VM was gone was not installed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from fleetscan.history.installed_before import InstalledBefore
from fleetscan.history.seen import Seen
from fleetscan.records.diff import BackAgain, VmBackAgain
from fleetscan.records.foremost import Foremost
from fleetscan.records.reported_vm import MOST_PATCHES, MOST_VMS, ReportedVm


class BackAgainSums:
    """Call `add` with what VMs newly miss, then `told`, while the history is open."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._before = InstalledBefore(seen)
        self._vms: list[ReportedVm] = []

    def add(self, vm: ReportedVm, keys: Iterable[str]) -> None:
        """Take in the keys of patches that a VM newly misses."""
        self._before.ask(len(self._vms), vm["resource_id"], keys)
        self._vms.append(vm)

    def told(self, pressing: Collection[str]) -> BackAgain:
        """What of it is back; `pressing` are the keys of critical and security patches."""
        first: Foremost[VmBackAgain] = Foremost(MOST_VMS)
        count = vm_count = 0
        for place, keys in self._before.answers():
            vm = self._vms[place]
            count, vm_count = count + len(keys), vm_count + 1
            order = vm["name"].lower(), vm["resource_id"].lower()
            if first.takes(order):
                shown = sorted(keys, key=lambda key: (key not in pressing, key))[:MOST_PATCHES]
                first.add(order, {**vm, "count": len(keys), "patches": shown})
        return {
            "history_since": None if self._seen.since is None else self._seen.since.isoformat(),
            "count": count,
            "vm_count": vm_count,
            "vms": first.in_order(),
        }
