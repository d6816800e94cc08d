"""Every time in a record is UTC, ISO 8601, with microseconds and `Z`: the one place that writes them so.

The scan itself counts monotonic seconds, which only a wall clock read once at its start turns into times of
day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def utc_text(moment: datetime) -> str:
    """`moment`, which knows its zone, as "2026-11-23T02:00:00.123456Z"."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def moment_of(text: str | None) -> datetime | None:
    """The moment that a record tells as `text`; None where it tells none."""
    try:
        return datetime.fromisoformat(text or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class WallClock:
    """One moment on both clocks: at `utc`, which knows its zone, the other read `monotonic` seconds."""

    utc: datetime
    monotonic: float

    @classmethod
    def at_zero(cls) -> WallClock:
        """A clock that is right about nothing: for those whose moments no other process reads."""
        return cls(datetime.fromtimestamp(0, UTC), 0.0)

    @classmethod
    def of(cls, utc: datetime, monotonic: float) -> WallClock:
        """`utc` to the millisecond: what a journal keeps of it reads back the same."""
        return cls(utc.replace(microsecond=utc.microsecond // 1000 * 1000), monotonic)

    def moment(self, at: float) -> datetime:
        """The time of day of the monotonic second `at`."""
        return self.utc + timedelta(seconds=at - self.monotonic)

    def epoch(self, at: float) -> float:
        """The monotonic second `at` in seconds since 1970, which other processes understand; to the ms."""
        return round(self.utc.timestamp() + at - self.monotonic, 3)

    def since_epoch(self, seconds: float) -> float:
        """The monotonic second of a moment in seconds since 1970."""
        return self.monotonic + seconds - self.utc.timestamp()

    def iso(self, at: float) -> str:
        """The time of day of the monotonic second `at`, as records write it."""
        return utc_text(self.moment(at))
