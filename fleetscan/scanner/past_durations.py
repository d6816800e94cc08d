"""How long the assessments of an earlier run took, by Azure's own clock, from its results.jsonl."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from fleetscan.engine.operation_times import A_LITTLE_S
from fleetscan.model import Target
from fleetscan.records.row import Row
from fleetscan.records.times import moment_of
from fleetscan.runs.reader import Run

# Of a run that did not end, or whose clock was set back, only this is known.
LONGEST_S = 86_400.0


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


def durations_of(run: Run) -> PastDurations:
    """The durations by Azure's clock in `run`; times of our own clock include our own waiting.

    Raises CannotReadRunError where a row cannot be read.
    """
    past = PastDurations()
    longest_s = _longest_s(run)
    for row in run.rows():
        duration_s = _told_s(row)
        # No assessment took longer than its run: the clock that says so is wrong.
        if duration_s is not None and duration_s <= longest_s:
            past.by_machine[row["resource_id"].lower()] = duration_s
            past.by_os.setdefault(row["os_type"] or "", []).append(duration_s)
    return past


def _longest_s(run: Run) -> float:
    """How long an assessment of the run can have taken."""
    began, ended = moment_of(run.facts["started_at"]), moment_of(run.facts["finished_at"])
    if began is None or ended is None or ended < began:
        return LONGEST_S
    return min((ended - began).total_seconds() + A_LITTLE_S, LONGEST_S)


def _told_s(row: Row) -> float | None:
    """How long the row's operation took by Azure's own clock, None where Azure did not say."""
    operation = row["operation"]
    if operation is None or operation["duration_s"] is None or operation["duration_s"] <= 0:
        return None
    # If assessed_at is the operation's end, Azure gave both, and the duration is by Azure's clock.
    return operation["duration_s"] if row["assessed_at"] == operation["finished_at"] else None
