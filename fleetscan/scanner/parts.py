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

    `subscription_ids` are those that Resource Graph is asked about, `taken` all VMs that were handed on, each
    once: a reading that begins anew brings the same pages. Of these `begun` were taken out.
    """

    def __init__(self) -> None:
        self.subscription_ids: list[str] = []
        self.taken: list[Target] = []
        self.begun = 0
        self._known = Known()
        self._is_over = False
        self._came = anyio.Event()

    def take(self, targets: Sequence[Target]) -> None:
        """Some of the selected VMs."""
        self.taken.extend(each_once(targets, self._known))
        if len(self.taken) >= ENOUGH:
            self._came.set()

    def joined_by(self, targets: Sequence[Target]) -> list[Target]:
        """The VMs that were handed on, and then those of `targets` that were not."""
        return [*self.taken, *each_once(targets, self._known)]

    def close(self) -> None:
        """The listing is over, well or badly: what was not taken out is in the fleet."""
        self._is_over = True
        self._came.set()

    async def wait(self) -> bool:
        """Whether VMs came; False once the listing is over."""
        await self._came.wait()
        return not self._is_over

    def take_out(self) -> list[Target]:
        """The VMs that came since the last time."""
        part = self.taken[self.begun :]
        self.begun = len(self.taken)
        if not self._is_over:
            self._came = anyio.Event()
        return part
