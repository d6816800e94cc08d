"""How each VM's last patch installation ended, of the rows that Resource Graph keeps for 30 days. Pure.

What says InProgress has not ended, however old: its agent may have died. A VM has many rows; one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from sys import intern

from fleetscan.azure_times import azure_time
from fleetscan.engine.replies import text_at, value_at
from fleetscan.model import Json
from fleetscan.records.times import utc_text

ENDED = frozenset({"succeeded", "failed", "completedwithwarnings"})
# Clocks differ; a time beyond that cannot be true.
MOST_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation that has ended; all of it None where there was none."""

    status: str | None = None
    at: str | None = None
    failed: int | None = None
    pending: int | None = None
    window_exceeded: bool | None = None
    reboot: str | None = None


class Newest:
    """Call `take` for each row; `ended` is the newest installation of each VM that has ended."""

    def __init__(self, now: datetime) -> None:
        """`now` stands in for a reply without a Date."""
        self.ended: dict[str, Installation] = {}
        self._now = now
        self._began: dict[str, tuple[float, str]] = {}

    def take(self, key: str, row: Json, sent_at: datetime | None) -> None:
        """Take in a row of the VM with the lower-case id `key`, in any order, also twice."""
        status = text_at(row, "status")
        if status is None or status.lower() not in ENDED:
            return
        latest = (sent_at or self._now) + MOST_AHEAD
        began, ended = (
            moment if (moment := azure_time(value_at(row, name))) and moment <= latest else None
            for name in ("startDateTime", "lastModifiedDateTime")
        )
        known = began or ended
        # Of two without a time the one with the greater id is kept, whatever the order of the rows.
        place = (known.timestamp() if known else 0.0, text_at(row, "id") or "")
        if place < self._began.get(key, (0.0, "")):
            return
        self._began[key] = place
        reboot = text_at(row, "rebootStatus")
        self.ended[key] = Installation(
            intern(status),
            None if ended is None else utc_text(ended),
            _count(row, "failedPatchCount"),
            _count(row, "pendingPatchCount"),
            exceeded if isinstance(exceeded := value_at(row, "maintenanceWindowExceeded"), bool) else None,
            None if reboot is None else intern(reboot),
        )


def _count(row: Json, name: str) -> int | None:
    value = value_at(row, name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
