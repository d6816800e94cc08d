"""What a listing has brought while it goes on: the VMs that may be started before all are known."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from fleetscan.model import Target

# A listing of fewer VMs is over in a second: all are known before the first start, and nothing is lost by it.
ENOUGH = 500


class Parts:
    """Filled by a listing, and emptied by the one who starts VMs meanwhile.

    `subscription_ids` are those that Resource Graph is asked about, `taken` all VMs that were handed on, some
    of them perhaps twice: a reading that begins anew brings the same pages.
    """

    def __init__(self) -> None:
        self.subscription_ids: list[str] = []
        self.taken: list[Target] = []
        self._begun = 0
        self._is_over = False
        self._came = anyio.Event()

    def take(self, targets: Sequence[Target]) -> None:
        """Some of the selected VMs."""
        self.taken.extend(targets)
        if len(self.taken) >= ENOUGH:
            self._came.set()

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
        part = self.taken[self._begun :]
        self._begun = len(self.taken)
        if not self._is_over:
            self._came = anyio.Event()
        return part
