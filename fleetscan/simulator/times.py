"""Azure's ways of writing a time, for seconds on the cloud's own clock.

Pure: the only clock is the `now` that a caller gives, 0.0 being the epoch.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

# .NET counts 100 ns ticks since the year 1; `t=` of a signed URL is such a count.
UNIX_EPOCH_TICKS = 621_355_968_000_000_000
TICKS_PER_SECOND = 10_000_000


class Calendar:
    """Turns seconds since `epoch` into the texts found in Azure's bodies, headers and URLs."""

    def __init__(self, epoch: datetime) -> None:
        if epoch.tzinfo is None:
            raise ValueError("the epoch of a pretend cloud needs a time zone")
        self._epoch = epoch.astimezone(UTC)
        self._epoch_ticks = round(epoch.timestamp() * TICKS_PER_SECOND)
        self._stamped_second: int | None = None
        self._stamped = ("", "")

    def iso(self, now: float, utc_offset_h: int = 0) -> str:
        """`2026-11-22T02:00:04.3947308+00:00`: seven decimals and a numeric offset."""
        micros, tenth = divmod(round(now * TICKS_PER_SECOND), 10)
        at = self._epoch + timedelta(microseconds=micros)
        if utc_offset_h:
            at = at.astimezone(timezone(timedelta(hours=utc_offset_h)))
        text = at.isoformat(timespec="microseconds")
        return f"{text[:26]}{tenth}{text[26:]}"

    def http_date(self, now: float) -> str:
        """`Wed, 22 Feb 2023 04:01:54 GMT`."""
        return self._stamps(int(now))[0]

    def route_stamp(self, now: float) -> str:
        """`20230222T040154Z`, the time in a routing request id."""
        return self._stamps(int(now))[1]

    def _stamps(self, second: int) -> tuple[str, str]:
        """Both are written once a second, since every reply carries them."""
        if second != self._stamped_second:
            at = self._epoch + timedelta(seconds=second)
            self._stamped = (format_datetime(at, usegmt=True), at.strftime("%Y%m%dT%H%M%SZ"))
            self._stamped_second = second
        return self._stamped

    def ticks(self, now: float) -> int:
        """100 ns ticks since the year 1."""
        return UNIX_EPOCH_TICKS + self._epoch_ticks + round(now * TICKS_PER_SECOND)
