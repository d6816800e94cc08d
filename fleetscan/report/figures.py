"""Figures as people read them: durations and counts in a few words."""

from __future__ import annotations

MINUTE_S = 60
HOUR_S = 3600


def duration(span_s: float) -> str:
    """`span_s` seconds in at most two units: "41 s", "4 min 12 s", "2 h"."""
    seconds = max(0, round(span_s))
    if seconds < HOUR_S:
        large, small = (seconds // MINUTE_S, "min"), (seconds % MINUTE_S, "s")
    else:
        large, small = (seconds // HOUR_S, "h"), (seconds % HOUR_S // MINUTE_S, "min")
    told = [f"{number} {unit}" for number, unit in (large, small) if number]
    return " ".join(told) or "0 s"


def counted(number: int, one: str, many: str) -> str:
    """`number` with its noun: "1 VM", "1,204 VMs"."""
    return f"{number:,} {one if number == 1 else many}"
