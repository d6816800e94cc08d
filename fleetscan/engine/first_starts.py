"""The first starts of a subscription: a few at a time, until Azure has answered one of them, if so wanted.

A subscription that refuses every start is so asked a few times, and not as often as requests fit in flight.
"""

from __future__ import annotations

from math import inf

AT_FIRST = 8


class FirstStarts:
    """Lets `at_first` starts be on their way until one has brought a verdict; from then on every one."""

    __slots__ = ("_limit", "_on_the_way")

    def __init__(self, at_first: float) -> None:
        self._limit = at_first
        self._on_the_way = 0

    @property
    def ready_at(self) -> float:
        """Infinity while a start waits for those before it, else long ago."""
        return -inf if self._on_the_way < self._limit else inf

    def sent(self) -> None:
        """A start has left."""
        self._on_the_way += 1

    def came_back(self, *, is_verdict: bool) -> None:
        """A start is not on its way any more; `is_verdict` where Azure accepted or refused it."""
        self._on_the_way -= 1
        if is_verdict:
            self._limit = inf
