"""How long the assessments of an earlier run took, by Azure's own clock, from its results.jsonl."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from fleetscan import json_text
from fleetscan.model import Target
from fleetscan.runs.directory import RESULTS


@dataclass(frozen=True, slots=True)
class PastDurations:
    """Durations in seconds, by a VM's `key` and by OS type ("" for unknown)."""

    by_machine: dict[str, float] = field(default_factory=dict)
    by_os: dict[str, list[float]] = field(default_factory=dict)

    def medians(self) -> dict[str, float]:
        """The median duration of each OS type."""
        return {os_type: median(durations_s) for os_type, durations_s in self.by_os.items()}

    def of(self, target: Target) -> float | None:
        """How long this VM took, or None if it is new or had no result."""
        return self.by_machine.get(target.key)


def durations_of(run: Path) -> PastDurations:
    """The durations by Azure's clock in the run at `run`.

    Ignores lines that are not rows, and rows with times of our own clock, which include our own waiting.
    Raises OSError where there is nothing to read.
    """
    past = PastDurations()
    with open(run / RESULTS, "rb") as lines:
        for line in lines:
            if (told := _told(line)) is not None:
                key, os_type, duration_s = told
                past.by_machine[key] = duration_s
                past.by_os.setdefault(os_type, []).append(duration_s)
    return past


def _told(line: bytes) -> tuple[str, str, float] | None:
    try:
        row = json_text.parse(line)
    except ValueError:
        return None
    match row:
        # If assessed_at is the operation's end, Azure gave both, and the duration is by Azure's clock.
        case {
            "resource_id": str(resource_id),
            "os_type": os_type,
            "assessed_at": assessed_at,
            "operation": {"duration_s": int() | float() as duration_s, "finished_at": finished_at},
        } if assessed_at == finished_at and duration_s > 0:
            return resource_id.lower(), os_type if isinstance(os_type, str) else "", float(duration_s)
    return None
