"""Every time in a record is UTC, ISO 8601, with microseconds and `Z`: the one place that writes them so.

Azure writes seven decimals and local offsets ("2023-02-22T04:01:54.3947308-05:00"); the scan itself
counts monotonic seconds, which only a wall clock read once at its start turns into times of day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fleetscan.model import Json

# "2023-02-22T04:01:54": anything shorter is no moment but a date or a scrap.
SHORTEST_TIME_CHARS = 19


def utc_text(moment: datetime) -> str:
    """`moment`, which knows its zone, as "2026-11-23T02:00:00.123456Z"."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def azure_time(text: Json) -> datetime | None:
    """`text` as a moment in UTC, or None where Azure wrote no usable time.

    Decimals past the sixth are cut; a time without an offset is UTC, as everywhere in ARM. The year 1
    is .NET's word for a time that was never set.
    """
    if not isinstance(text, str) or len(text) < SHORTEST_TIME_CHARS:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1 else None


@dataclass(frozen=True, slots=True)
class WallClock:
    """One moment on both clocks: at `utc`, which knows its zone, the other read `monotonic` seconds."""

    utc: datetime
    monotonic: float

    @classmethod
    def at_zero(cls) -> WallClock:
        """A clock that is right about nothing: for those whose moments no other process reads."""
        return cls(datetime.fromtimestamp(0, UTC), 0.0)

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
