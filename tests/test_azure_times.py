"""Times as Azure writes them: whatever is a moment becomes UTC, and all else is nothing."""

from __future__ import annotations

import time

import pytest

from fleetscan.azure_times import azure_time, http_time
from fleetscan.model import Json
from fleetscan.records.times import utc_text

MOMENTS = {
    # Seven decimals are cut to six, with any offset.
    "2023-02-22T04:03:05.5192303+00:00": "2023-02-22T04:03:05.519230Z",
    "2023-02-21T23:03:05.5192303-05:00": "2023-02-22T04:03:05.519230Z",
    "2023-02-22T04:03:05.9999999Z": "2023-02-22T04:03:05.999999Z",
    "2023-02-22T04:03:05.5Z": "2023-02-22T04:03:05.500000Z",
    "2023-02-22T04:03:05Z": "2023-02-22T04:03:05.000000Z",
    # No offset is UTC.
    "2023-02-22T04:03:05.5": "2023-02-22T04:03:05.500000Z",
    "2023-02-22T04:03:05": "2023-02-22T04:03:05.000000Z",
    # RFC 3339 allows lower case and a blank.
    "2023-02-22t04:03:05.5192303z": "2023-02-22T04:03:05.519230Z",
    "2023-02-22 04:03:05z": "2023-02-22T04:03:05.000000Z",
    "0002-01-01T00:00:00Z": "0002-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59Z": "9999-12-31T23:59:59.000000Z",
}
NO_MOMENTS: tuple[Json, ...] = (
    None,
    "",
    "soon",
    True,
    1677038585,
    ["2023-02-22T04:03:05Z"],
    # A date without a time of day, and a time without its second.
    "2023-02-22",
    "2023-02-22Z",
    "2023-02-22T04:03Z",
    # What Python reads and Azure never writes.
    "20230222T040305.123",
    "2023-W08-3T04:03:05",
    "2023-02-22x04:03:05",
    # No such day, hour or second.
    "2023-02-30T04:03:05Z",
    "2023-02-22T24:00:00Z",
    "2023-02-22T04:03:60Z",
    "2023-02-22T04:03:05zz",
    # The year 1, as written or in UTC: a time that was never set.
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00-05:00",
    "0001-12-31T23:00:00-05:00",
    "0002-01-01T00:00:00+05:00",
    # Out of the calendar in UTC.
    "0001-01-01T00:00:00.0000000+14:00",
    "9999-12-31T23:59:59-14:00",
)


@pytest.mark.parametrize(("written", "read"), MOMENTS.items())
def test_a_moment_becomes_utc_to_the_microsecond(written: str, read: str) -> None:
    moment = azure_time(written)
    assert moment is not None
    assert utc_text(moment) == read


@pytest.mark.parametrize("written", NO_MOMENTS)
def test_what_is_no_usable_moment_is_none(written: Json) -> None:
    assert azure_time(written) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Wed, 22 Feb 2023 04:03:05 GMT", "2023-02-22T04:03:05.000000Z"),
        ("Tue, 21 Feb 2023 23:03:05 -0500", "2023-02-22T04:03:05.000000Z"),
        ("Wed, 22 Feb 2023 04:03:05 -0000", "2023-02-22T04:03:05.000000Z"),
        ("Wed, 22 Feb 2023 04:03:05", "2023-02-22T04:03:05.000000Z"),
    ],
)
def test_an_http_date_becomes_utc(written: str, read: str) -> None:
    moment = http_time(written)
    assert moment is not None
    assert utc_text(moment) == read


@pytest.mark.parametrize("written", [None, "", "soon", "5", "Fri, 31 Dec 9999 23:59:59 -1400", "2023-02-22"])
def test_what_is_no_http_date_is_none(written: str | None) -> None:
    assert http_time(written) is None


def test_a_time_without_an_offset_is_utc_whatever_this_computers_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        for moment in (azure_time("2026-01-01T00:00:00"), http_time("Thu, 01 Jan 2026 00:00:00 -0000")):
            assert moment is not None
            assert moment.timestamp() == 1767225600.0
    finally:
        monkeypatch.undo()
        time.tzset()
