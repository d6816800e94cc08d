"""What a client's lines came to: results, lines without, and how late after its operation's end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from benchmarks.process import RowWatch

GOOD = ("Succeeded", "CompletedWithWarnings")


@dataclass(frozen=True, slots=True)
class Rows:
    """The lines of one run. `delays_s` has one figure for each result whose operation's end is known."""

    results: int
    without: int
    last_at: float | None
    delays_s: tuple[float, ...]


def read_rows(watch: RowWatch, ends_at: Mapping[str, float]) -> Rows:
    """Reads a client's file, line by line; a last line that was cut off is none."""
    results, lines, end = 0, 0, 0
    last_at: float | None = None
    delays_s: list[float] = []
    if not watch.path.exists():
        return Rows(0, 0, None, ())
    with watch.path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            lines += 1
            last_at = watch.seen_at(end)
            resource_id, is_result = read_row(line)
            results += is_result
            if is_result and (ended_at := ends_at.get(resource_id.lower())) is not None:
                delays_s.append(last_at - ended_at)
    return Rows(results, lines - results, last_at, tuple(delays_s))


def read_row(line: bytes) -> tuple[str, bool]:
    """The machine of a line, and whether Azure's result is in it: a good status and a count."""
    row = orjson.loads(line)
    result = row["assessment"] if "assessment" in row else row["result"]
    is_result = (
        isinstance(result, dict)
        and result.get("status") in GOOD
        and isinstance(result.get("criticalAndSecurityPatchCount"), int)
    )
    return str(row["resource_id"] if "resource_id" in row else row["id"]), is_result
