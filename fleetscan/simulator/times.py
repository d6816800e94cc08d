"""Azure's ways of writing a time, for seconds on the cloud's own clock.

Pure: the only clock is the `now` that a caller gives, 0.0 being the epoch.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

# .NET counts 100 ns ticks since the year 1; `t=` of a signed URL is such a count.
UNIX_EPOCH_TICKS = 621_355_968_000_000_000
TICKS_PER_SECOND = 10_000_000

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REMEMBERED_SECONDS = 4096


class Calendar:
    """Turns seconds since `epoch` into the texts found in Azure's bodies, headers and URLs."""

    def __init__(self, epoch: datetime) -> None:
        self.begin(epoch)

    def begin(self, epoch: datetime) -> None:
        """Have second 0 be `epoch`; ValueError where that has no time zone."""
        if epoch.tzinfo is None:
            raise ValueError("the epoch of a simulated cloud needs a time zone")
        self._epoch = epoch.astimezone(UTC)
        # In whole numbers: a float of this size is a tick or two off.
        self._epoch_ticks = (self._epoch - UNIX_EPOCH) // timedelta(microseconds=1) * 10
        self._stamped_second: int | None = None
        self._stamped = ("", "")

    def iso(self, now: float, utc_offset_h: int = 0) -> str:
        """`2026-11-22T02:00:04.3947308+00:00`: seven decimals and a numeric offset."""
        second, ticks = divmod(self._epoch_ticks + round(now * TICKS_PER_SECOND), TICKS_PER_SECOND)
        return f"{_clock_face(second + utc_offset_h * 3600)}.{ticks:07d}{utc_offset_h:+03d}:00"

    def seconds_at(self, moment: datetime) -> float:
        """`moment`, which knows its zone, on the cloud's own clock."""
        return (moment - self._epoch).total_seconds()

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


@lru_cache(REMEMBERED_SECONDS)
def _clock_face(second: int) -> str:
    """Date and time of a Unix second; an ended operation has five times, and many share their seconds."""
    return (UNIX_EPOCH + timedelta(seconds=second)).isoformat()[:19]
