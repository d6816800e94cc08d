"""Exchanges requests with a simulated cloud by plain calls in this process, on any clock.

It never waits by itself; the owner of the clock says how a silence passes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fleetscan.model import Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.faults import stall_of


class SimulatedTransport:
    """A transport to `cloud`, which it reaches at the times that `clock` gives.

    `hold` lets seconds pass on that clock where an exchange falls silent before it breaks; without it the
    exchange breaks at once.
    """

    def __init__(
        self,
        cloud: Cloud,
        clock: Callable[[], float],
        hold: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self._cloud = cloud
        self._clock = clock
        self._hold = hold

    async def exchange(self, request: Request) -> Reply:
        """The cloud's reply, at once but for a silence before a break."""
        reply = self._cloud.handle(request, self._clock())
        stall_s = stall_of(reply)
        if stall_s and self._hold is not None:
            await self._hold(stall_s)
        return reply

    async def aclose(self) -> None:
        """Nothing is held."""
