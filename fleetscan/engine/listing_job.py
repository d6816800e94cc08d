"""A job that reads a listing, driven by a generator that yields requests and is sent final replies.

It owns the retrying of weather, so that a listing is written as its pages alone.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, TypeVar

from fleetscan.engine.replies import is_weather, throttle_delay_s
from fleetscan.engine.retrying import Retrying, again
from fleetscan.model import ListRequest, Reply, Request, Turn

T = TypeVar("T")


class ListingJob(Generic[T]):
    """Asks what `pages` yields, one request at a time; `result` is what the generator returned.

    The generator is sent a reply that weather cannot improve: a 2xx, a definite refusal, or the last
    bad reply once the attempts, or the request's patience, are spent.
    """

    __slots__ = ("_failures", "_pages", "_retrying", "_throttled", "_wanted", "_wanted_at", "result")

    result: T
    _wanted: ListRequest

    def __init__(self, pages: Generator[ListRequest, Reply, T], retrying: Retrying) -> None:
        self._pages = pages
        self._retrying = retrying
        self._failures = 0
        self._throttled = 0

    @property
    def has_ended(self) -> bool:
        """Whether `result` is there."""
        return hasattr(self, "result")

    @property
    def expected_s(self) -> None:
        """Nothing: it starts nothing."""
        return None

    def begin(self, now: float) -> Turn:
        """The first page."""
        self._wanted, self._wanted_at = next(self._pages), now
        return self._turn()

    def request(self) -> Request:
        """The page that is wanted."""
        return self._wanted.request

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """Nothing: a page is wanted as soon as it may be asked for."""
        return 0.0

    def receive(self, reply: Reply, sent_at: float, now: float) -> Turn | None:
        """The same page again after weather, else the next, else None with `result` set."""
        if is_weather(reply) and self._may_repeat(reply):
            failures = self._failures + self._throttled
            delay_s = self._retrying.delay_s(failures, throttle_delay_s(reply))
            if self._is_worth(now + delay_s):
                return again(self._turn(), delay_s)
        self._failures = self._throttled = 0
        try:
            self._wanted, self._wanted_at = self._pages.send(reply), now
        except StopIteration as end:
            self.result = end.value
            return None
        return self._turn()

    def _turn(self) -> Turn:
        return Turn(self._wanted.kind, self._wanted.subscription_id)

    def _is_worth(self, again_at: float) -> bool:
        """Whether the request's patience lasts until then."""
        patience_s = self._wanted.patience_s
        return patience_s is None or again_at - self._wanted_at <= patience_s

    def _may_repeat(self, reply: Reply) -> bool:
        if reply.status == 429:
            self._throttled += 1
            return self._throttled < self._retrying.throttled_attempts
        self._failures += 1
        return self._failures < self._retrying.attempts
