"""Whether an assessment that Resource Graph keeps is good enough to count as this scan's. Pure.

Only one that succeeded, with counts, and not too long ago by Azure's own clock. Anything that is not plainly
so is not fresh: its VM is assessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from fleetscan.azure_times import azure_time
from fleetscan.engine.latest_assessment import AHEAD_S, TELLING
from fleetscan.engine.replies import text_of
from fleetscan.engine.stale import is_stale
from fleetscan.model import Json, Source
from fleetscan.patch_counts import told_counts


class Standing(Enum):
    """What an earlier assessment is worth."""

    FRESH = "fresh"
    """It counts."""
    DEAD = "dead"
    """It says InProgress and began too long ago to run."""
    OTHER = "other"
    """It runs, failed, is too old, or does not tell enough."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """An assessment counts for `max_age_s`; what began more than `dead_after_s` ago is not running."""

    max_age_s: float
    dead_after_s: float

    def standing(self, summary: Mapping[str, Json], azure_now: datetime) -> Standing:
        """What the assessment is worth that a summary row's properties tell of, at `azure_now`."""
        status = (text_of(summary.get("status")) or "").lower()
        if status == "inprogress":
            times = summary.get("startDateTime"), summary.get("lastModifiedDateTime")
            return Standing.DEAD if is_stale(times, azure_now, self.dead_after_s) else Standing.OTHER
        at = _made_at(summary)
        if status not in TELLING or at is None or None in told_counts(summary, Source.GRAPH):
            return Standing.OTHER
        is_young = -AHEAD_S <= (azure_now - at).total_seconds() <= self.max_age_s
        return Standing.FRESH if is_young else Standing.OTHER


def _made_at(summary: Mapping[str, Json]) -> datetime | None:
    """When the assessment was made, as its row is going to tell."""
    return azure_time(summary.get("lastModifiedDateTime")) or azure_time(summary.get("startDateTime"))


def patches_told(summary: Mapping[str, Json]) -> int:
    """How many patches it counts, none where it does not say."""
    return sum(count or 0 for count in told_counts(summary, Source.GRAPH))


def with_patches(summary: Mapping[str, Json], patches: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """The assessment in the form of a row: a summary's properties, and those of its `patches`.

    A patch of which a newer assessment than the summary's told is left out: the list is not whole then.
    """
    at = _made_at(summary)
    listed: list[Json] = [{**patch} for patch in patches if not _is_later(patch, at)]
    return {**summary, "patches": listed}


def _is_later(patch: Mapping[str, Json], at: datetime | None) -> bool:
    told_at = azure_time(patch.get("lastModifiedDateTime"))
    return told_at is not None and at is not None and (told_at - at).total_seconds() > AHEAD_S
