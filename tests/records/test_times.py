"""Times: whatever Azure writes becomes UTC with Z, or nothing at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fleetscan.records.times import WallClock, azure_time, utc_text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2023-02-22T04:03:05.5192303+00:00", "2023-02-22T04:03:05.519230Z"),
        ("2023-02-21T23:03:05.5192303-05:00", "2023-02-22T04:03:05.519230Z"),
        ("2023-02-22T04:03:05Z", "2023-02-22T04:03:05.000000Z"),
        ("2023-02-22T04:03:05.5", "2023-02-22T04:03:05.500000Z"),
    ],
)
def test_seven_decimals_and_offsets_become_utc_with_microseconds(written: str, read: str) -> None:
    moment = azure_time(written)
    assert moment is not None
    assert utc_text(moment) == read


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "soon",
        "2023-02-22",
        1677038585,
        "2023-02-30T04:03:05Z",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00.0000000+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_moment_is_none(written: str | int | None) -> None:
    assert azure_time(written) is None


def test_monotonic_seconds_become_times_of_day() -> None:
    clock = WallClock(datetime(2026, 11, 23, 2, 0, 0, 123456, UTC), 1000.0)
    assert clock.iso(1000.0) == "2026-11-23T02:00:00.123456Z"
    assert clock.iso(1061.5) == "2026-11-23T02:01:01.623456Z"
    assert clock.iso(999.0) == "2026-11-23T01:59:59.123456Z"
