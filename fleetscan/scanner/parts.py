"""What a listing has brought while it goes on: the VMs that may be started before all are known."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from fleetscan.inventory.selection import Known, each_once
from fleetscan.model import Target

# A listing of fewer VMs is over in a second: all are known before the first start, and nothing is lost by it.
ENOUGH = 500


class Parts:
    """Filled by a listing, and emptied by the one who starts VMs meanwhile.

    `subscription_ids` are those that are listed. Of the VMs that were handed on, each once though a reading
    that begins anew brings the same pages, `begun` were taken out; the first of these were `listed` before.
    """

    def __init__(self, listed: Sequence[Target] = ()) -> None:
        self.subscription_ids: list[str] = []
        self.begun = len(listed)
        self._taken = list(listed)
        self._known = Known(listed)
        self._is_over = False
        self._came = anyio.Event()
        if listed:
            self._came.set()

    def take(self, targets: Sequence[Target]) -> None:
        """Some of the selected VMs."""
        self._taken.extend(each_once(targets, self._known))
        if self.begun < len(self._taken) >= ENOUGH:
            self._came.set()

    def joined_by(self, targets: Sequence[Target]) -> list[Target]:
        """The fleet, now that all `targets` are known: the VMs that were taken out, and then the others."""
        self.close()
        begun = self._taken[: self.begun]
        return [*begun, *each_once(targets, Known(begun))] if begun else list(targets)

    def close(self) -> None:
        """No more VMs come: what was not taken out is in the fleet."""
        self._is_over = True
        self._came.set()

    async def have_come(self) -> bool:
        """Whether there are VMs to take out; False once all are known."""
        await self._came.wait()
        return not self._is_over

    def take_out(self) -> list[Target]:
        """The VMs that came since the last time; none once all are known."""
        if self._is_over:
            return []
        part = self._taken[self.begun :]
        self.begun = len(self._taken)
        self._came = anyio.Event()
        return part
