"""How long the assessments of an earlier run took, out of its results.jsonl."""

from __future__ import annotations

from pathlib import Path

import orjson

from fleetscan.results.run_directory import RESULTS

# Enough to know a distribution by, from a file of any size.
MOST_DURATIONS = 5000


def durations_of(run: Path) -> dict[str, list[float]]:
    """Durations in seconds by OS type ("" for unknown), of the first operations in the run at `run`.

    Lines that are no rows are passed over. Raises OSError where there is nothing to read.
    """
    durations: dict[str, list[float]] = {}
    found = 0
    with open(run / RESULTS, "rb") as lines:
        for line in lines:
            if (told := _told(line)) is not None:
                kind, duration_s = told
                durations.setdefault(kind, []).append(duration_s)
                found += 1
            if found >= MOST_DURATIONS:
                break
    return durations


def _told(line: bytes) -> tuple[str, float] | None:
    try:
        row = orjson.loads(line)
        duration_s, os_type = row["operation"]["duration_s"], row["os_type"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(duration_s, (int, float)) or duration_s <= 0:
        return None
    return os_type if isinstance(os_type, str) else "", float(duration_s)
