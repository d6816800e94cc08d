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

PATCHES = "patches"


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

    A patch of which an older or a newer assessment told is left out: the list is not whole then.
    """
    began, at = azure_time(summary.get("startDateTime")), _made_at(summary)
    listed: list[Json] = [{**patch} for patch in patches if _is_within(patch, began or at, at)]
    return {**summary, PATCHES: listed}


def without_patches(summary: Mapping[str, Json]) -> dict[str, Json]:
    """The assessment where no list was asked for: what a summary has under that name is none."""
    return {name: value for name, value in summary.items() if name != PATCHES}


def _is_within(patch: Mapping[str, Json], began: datetime | None, at: datetime | None) -> bool:
    """Whether the patch was told of between these moments; so is one that tells no time."""
    told_at = azure_time(patch.get("lastModifiedDateTime"))
    if told_at is None or began is None or at is None:
        return True
    return (told_at - began).total_seconds() >= -AHEAD_S and (told_at - at).total_seconds() <= AHEAD_S
