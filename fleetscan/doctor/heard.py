"""What replies tell beside what was asked: how far our clock is off, and how many requests are left.

`Listening` hands requests on and listens. A reply's Date has whole seconds, and Azure wrote it between our
sending and receiving: each reply bounds the difference, and many together bound it well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fleetscan.engine.replies import GRAPH_REMAINING, REMAINING, dated
from fleetscan.model import Reply, Request
from fleetscan.scanner.dispatcher import Exchanger

DATE_STEP_S = 1.0
# Azure's replies have three or four counts each. More than these are no counts of ours.
MOST_COUNTS = 50
LONGEST_NAME = 100


class Clock:
    """How far our clock is ahead of Azure's: between two bounds, which replies narrow."""

    def __init__(self) -> None:
        self._bounds: tuple[float, float] | None = None

    @property
    def ahead_s(self) -> float | None:
        """The least difference that explains all replies, below 0 where our clock is behind; None untold."""
        if self._bounds is None:
            return None
        low, high = self._bounds
        return 0.0 if low <= 0.0 <= high else min(low, high, key=abs)

    def heard(self, reply: Reply, sent_at: float, received_at: float) -> None:
        """`reply` to a request that was sent and received at these seconds of our clock since 1970."""
        if (date := dated(reply)) is None:
            return
        written_at = date.timestamp()
        low, high = sent_at - written_at - DATE_STEP_S, received_at - written_at
        if self._bounds is not None and max(low, self._bounds[0]) <= min(high, self._bounds[1]):
            low, high = max(low, self._bounds[0]), min(high, self._bounds[1])
        # Where two replies contradict each other a clock was set meanwhile: the newer one counts.
        self._bounds = (low, high)


class Quotas:
    """The fewest requests that were left, by the name of the count, as replies told them."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take up the counts of one reply."""
        for name, text in headers.items():
            if name.startswith(REMAINING) or name == GRAPH_REMAINING:
                for part in text.split(","):
                    policy, _, number = part.rpartition(";")
                    self._count(policy.strip() or name, number.strip())

    def _count(self, name: str, number: str) -> None:
        if not (number.isascii() and number.isdigit() and len(number) < 10 and len(name) <= LONGEST_NAME):
            return
        if name in self.left or len(self.left) < MOST_COUNTS:
            self.left[name] = min(int(number), self.left.get(name, int(number)))


class Listening:
    """An exchanger that hands requests on to another; `wall` reads our clock in seconds since 1970."""

    def __init__(self, transport: Exchanger, clock: Clock, quotas: Quotas, wall: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self._quotas = quotas
        self._wall = wall

    async def exchange(self, request: Request) -> Reply:
        """See `Exchanger.exchange`."""
        sent_at = self._wall()
        reply = await self._transport.exchange(request)
        self._clock.heard(reply, sent_at, self._wall())
        self._quotas.heard(reply.headers)
        return reply
