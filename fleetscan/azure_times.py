"""The one reader of the times Azure writes: ISO 8601 in bodies, HTTP dates in headers.

Azure writes seven decimals and local offsets ("2023-02-22T04:01:54.3947308-05:00"). Every time is UTC here,
and one that is not usable is None: nothing raises on what Azure wrote.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from fleetscan.model import Json

# Azure has assessed the patches of VMs since then: an earlier time is of a clock that was not set.
FIRST_EVER = datetime(2020, 1, 1, tzinfo=UTC)
# RFC 3339, with or without an offset. A date alone, or a time to the minute, is no moment but a scrap.
SHAPE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)


def azure_time(text: Json) -> datetime | None:
    """`text` as a moment in UTC, or None where Azure wrote no usable time.

    Decimals past the sixth are cut; a time without an offset is UTC, as everywhere in ARM. The year 1, as
    written or in UTC, is .NET's word for a time that was never set.
    """
    return _azure_time(text) if isinstance(text, str) else None


# A time is read where it is checked and where it is written, and a second has many replies.
@lru_cache(maxsize=1024)
def _azure_time(text: str) -> datetime | None:
    if SHAPE.fullmatch(text) is None:
        return None
    try:
        # Python's reader knows no lower-case z.
        written = datetime.fromisoformat(text.upper())
        moment = _in_utc(written)
    except (ValueError, OverflowError):
        return None
    return None if 1 in (written.year, moment.year) else moment


@lru_cache(maxsize=1024)
def http_time(text: str | None) -> datetime | None:
    """The moment of an HTTP date such as "Wed, 22 Feb 2023 09:01:54 GMT", or None where it is none."""
    try:
        return _in_utc(parsedate_to_datetime(text or ""))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _in_utc(moment: datetime) -> datetime:
    """`moment` in UTC, which it is without an offset too, and never in this computer's own zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
