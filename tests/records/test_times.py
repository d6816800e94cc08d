"""Times in records: UTC with microseconds and Z, and monotonic seconds as times of day."""

from __future__ import annotations

from datetime import UTC, datetime

from fleetscan.records.times import WallClock


def test_monotonic_seconds_become_times_of_day() -> None:
    clock = WallClock(datetime(2026, 11, 23, 2, 0, 0, 123456, UTC), 1000.0)
    assert clock.iso(1000.0) == "2026-11-23T02:00:00.123456Z"
    assert clock.iso(1061.5) == "2026-11-23T02:01:01.623456Z"
    assert clock.iso(999.0) == "2026-11-23T01:59:59.123456Z"
