"""How long the assessments of an earlier run took, by Azure's own clock, out of its results.jsonl."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from fleetscan.model import Target
from fleetscan.records.row import Row
from fleetscan.runs.reader import Run


@dataclass(frozen=True, slots=True)
class PastDurations:
    """Durations in seconds, by a machine's `key` and by OS type ("" for unknown)."""

    by_machine: dict[str, float] = field(default_factory=dict)
    by_os: dict[str, list[float]] = field(default_factory=dict)

    def medians(self) -> dict[str, float]:
        """The middle duration of each OS type."""
        return {os_type: median(durations_s) for os_type, durations_s in self.by_os.items()}

    def of(self, target: Target) -> float | None:
        """How long this very machine took, or None where it is new or brought no result."""
        return self.by_machine.get(target.key)


def durations_of(run: Run) -> PastDurations:
    """The durations that Azure told in `run`; where the times are our own, they hold our queueing.

    Raises CannotReadRunError where a row cannot be read.
    """
    past = PastDurations()
    for row in run.rows():
        if (duration_s := _told_s(row)) is not None:
            past.by_machine[row["resource_id"].lower()] = duration_s
            past.by_os.setdefault(row["os_type"] or "", []).append(duration_s)
    return past


def _told_s(row: Row) -> float | None:
    """How long the row's operation took by Azure's own clock, None where Azure did not say."""
    operation = row["operation"]
    if operation is None or operation["duration_s"] is None or operation["duration_s"] <= 0:
        return None
    # An assessment is dated by its operation's end, where Azure told that; then the times are Azure's.
    return operation["duration_s"] if row["assessed_at"] == operation["finished_at"] else None
