"""The in-process skin: exchanges requests with a pretend cloud by plain calls, on any clock."""

from __future__ import annotations

from collections.abc import Callable

from fleetscan.model import Reply, Request
from fleetscan.simulator.cloud import Cloud


class SimulatedWire:
    """A wire to `cloud`, as seen at the times that `clock` gives."""

    def __init__(self, cloud: Cloud, clock: Callable[[], float]) -> None:
        self._cloud = cloud
        self._clock = clock

    async def exchange(self, request: Request) -> Reply:
        """The cloud's reply, at once."""
        return self._cloud.handle(request, self._clock())

    async def aclose(self) -> None:
        """Nothing is held."""
