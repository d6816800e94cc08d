"""Whether a token that is never renewed lives as long as the scan: said as soon as the end is foretold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fleetscan.azure.credentials import TokenSource, last_moment
from fleetscan.errors import Remedy
from fleetscan.outlook import Outlook
from fleetscan.records.times import WallClock

RENEWED = Remedy(
    "use a credential that renews its token, such as with {auth}, or resume the scan with a fresh one",
    {"auth": "cli"},
)


class TokenEnd:
    """Says once, through `warn`, that the scan outlives the token of `tokens`.

    `deadline_at` is when the scan stops by itself, in monotonic seconds of `clock`.
    """

    def __init__(
        self,
        tokens: TokenSource | None,
        deadline_at: float | None,
        clock: WallClock,
        warn: Callable[[str, Remedy | None], None],
    ) -> None:
        self._expires_at = None if tokens is None else expires_for_good(tokens)
        self._deadline_at = deadline_at
        self._clock = clock
        self._warn = warn

    def look(self, outlook: Outlook | None) -> None:
        """What is left of the scan is foretold anew."""
        if self._expires_at is None or outlook is None or outlook.ends_at is None:
            return
        ends_at = outlook.ends_at if self._deadline_at is None else min(outlook.ends_at, self._deadline_at)
        if self._clock.epoch(ends_at) > self._expires_at:
            self._warn(outlived(self._expires_at, self._clock.epoch(ends_at)), RENEWED)
            self._expires_at = None


def expires_for_good(tokens: TokenSource) -> float | None:
    """When the token expires, in seconds since the epoch, if it is never renewed and says so; else None."""
    return last_moment(tokens)


def outlived(expires_at: float, ends_at: float) -> str:
    """The sentence on a token that expires before the scan ends, both in seconds since the epoch."""
    expires, ends = (datetime.fromtimestamp(each, UTC) for each in (expires_at, ends_at))
    return (
        f"the token expires at {expires:%F %T} UTC, and the scan is expected to end at {ends:%F %T} UTC: "
        "it would stop before that"
    )
