"""Figures as people read them: durations and counts in a few words."""

from __future__ import annotations

from collections.abc import Iterable

MINUTE_S = 60
HOUR_S = 3600


def duration(span_s: float) -> str:
    """`span_s` seconds in at most two units: "41 s", "4 min 12 s", "2 h"."""
    seconds = max(0, round(span_s))
    if seconds < HOUR_S:
        large, small = (seconds // MINUTE_S, "min"), (seconds % MINUTE_S, "s")
    else:
        large, small = (seconds // HOUR_S, "h"), (seconds % HOUR_S // MINUTE_S, "min")
    told = [f"{number:,} {unit}" for number, unit in (large, small) if number]
    return " ".join(told) or "0 s"


def counted(number: int, one: str, many: str) -> str:
    """`number` with its noun: "1 VM", "1,204 VMs"."""
    return f"{number:,} {one if number == 1 else many}"


def parts_of(whole: int, parts: Iterable[tuple[str, int]]) -> str:
    """What makes up `whole`: "15 stopped, 3 unsupported"; a part that is all of it needs no number."""
    told = [word if number == whole else f"{number:,} {word}" for word, number in parts]
    return ", ".join(told)


def percent_words(share: float | None) -> str:
    """A percentage of a record, as every view shows it: "63.63 %"; empty where there is none."""
    return "" if share is None else f"{share:.2f} %"


def of_each(number: int, clause: str) -> str:
    """A clause that is about one VM, said of `number` of them: "has no agent", "each has no agent"."""
    return clause if number == 1 else f"each {clause}"


def to_do_label(number: int) -> str:
    """What stands before an imperative that is about one VM, for `number` of them."""
    return "To do" if number == 1 else "To do for each"
