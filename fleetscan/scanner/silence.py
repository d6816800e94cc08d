"""Whether Azure has ever answered this process. Where it never did, no region is out of order: none is there.

A region that stops answering while others do, or after it did, is the scheduler's to judge.
"""

from __future__ import annotations

from math import inf

from fleetscan.addresses import Origin
from fleetscan.errors import CannotScanError, Remedy
from fleetscan.model import Reply, Request

# As often, and at least as long, as a listing tries before it says the same.
LEAST_UNANSWERED = 4
LEAST_S = 3.5


class Silence:
    """Hears every reply until the first one that came."""

    def __init__(self) -> None:
        self._has_answered = False
        self._unanswered = 0
        self._since = inf
        self._where = self._why = ""

    def heard(self, request: Request, reply: Reply, sent_at: float) -> None:
        """A request that was sent at `sent_at` has ended so."""
        if self._has_answered or reply.fault is None:
            self._has_answered = True
            return
        self._unanswered += 1
        self._since = min(self._since, sent_at)
        self._where, self._why = Origin.of(request.url).url, reply.detail

    def refuse(self) -> None:
        """Raise CannotScanError where requests were sent, and none was answered."""
        if self._unanswered and not self._has_answered:
            why = f" ({self._why})" if self._why else ""
            raise CannotScanError(
                f"{self._where} cannot be reached: no request was answered{why}",
                to_reach(self._why),
            )

    def refuse_long(self, now: float) -> None:
        """The same once it has been tried for long enough."""
        if self._unanswered >= LEAST_UNANSWERED and now - self._since >= LEAST_S:
            self.refuse()


def to_reach(detail: str) -> Remedy:
    """What mends a connection that failed; `detail` is the transport's own sentence."""
    if "the proxy " in detail:
        remedy = "check the proxy: {proxy} or HTTPS_PROXY, and NO_PROXY for what needs none"
        return Remedy(remedy, {"proxy": None})
    return Remedy(
        "check {endpoint}, and that a firewall or proxy lets this computer through", {"endpoint": None}
    )
