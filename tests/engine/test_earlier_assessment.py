"""Which earlier assessments count: by status, counts and age, and whose patches they have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fleetscan.engine.earlier_assessment import Freshness, Standing, with_patches, without_patches

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
A_DAY = Freshness(max_age_s=86_400.0, dead_after_s=21_600.0)
COUNTS = {"critical": 1, "security": 2, "other": 3}


def told(**more: Any) -> dict[str, Any]:
    """A summary of this morning's."""
    plain: dict[str, Any] = {
        "status": "Succeeded",
        "osType": "Linux",
        "startDateTime": "2026-11-27T08:00:00Z",
        "lastModifiedDateTime": "2026-11-27T08:02:00Z",
        "availablePatchCountByClassification": COUNTS,
    }
    return plain | more


@pytest.mark.parametrize(
    "summary",
    [
        told(),
        told(status="completedwithWarnings"),
        told(lastModifiedDateTime="2026-11-26T12:00:00Z"),
        told(lastModifiedDateTime="2026-11-27T12:04:59Z"),
        told(lastModifiedDateTime=None),
        told(lastModifiedDateTime="0001-01-01T00:00:00Z"),
        told(startDateTime=None),
        told(lastModifiedDateTime="2026-11-27T03:02:00.1234567-05:00"),
        told(availablePatchCountByClassification={"security": 0, "other": 0}),
    ],
)
def test_a_young_success_with_counts_is_fresh(summary: dict[str, Any]) -> None:
    assert A_DAY.standing(summary, NOW) is Standing.FRESH


@pytest.mark.parametrize(
    "summary",
    [
        {},
        told(status=None),
        told(status="Failed"),
        told(status="Unknown"),
        told(status="InProgress"),
        told(status=["Succeeded"]),
        told(lastModifiedDateTime="2026-11-26T11:59:59Z"),
        told(lastModifiedDateTime="2026-11-27T12:05:01Z"),
        told(lastModifiedDateTime="2099-01-01T00:00:00Z"),
        told(lastModifiedDateTime=None, startDateTime=None),
        told(lastModifiedDateTime="yesterday", startDateTime="today"),
        told(availablePatchCountByClassification=None),
        told(availablePatchCountByClassification={}),
        told(availablePatchCountByClassification={"security": 1}),
        told(availablePatchCountByClassification={"security": -1, "other": 1}),
        told(osType="Windows", availablePatchCountByClassification={"security": 1, "other": 1}),
    ],
)
def test_whatever_is_not_plainly_so_is_not_fresh(summary: dict[str, Any]) -> None:
    assert A_DAY.standing(summary, NOW) is not Standing.FRESH


def test_an_assessment_that_says_in_progress_for_days_is_dead() -> None:
    long_ago = told(status="InProgress", startDateTime="2026-11-24T08:00:00Z", lastModifiedDateTime=None)
    assert A_DAY.standing(long_ago, NOW) is Standing.DEAD
    assert A_DAY.standing(told(status="InProgress"), NOW) is Standing.OTHER


def test_a_patch_that_an_older_or_a_newer_assessment_told_of_is_not_in_the_list() -> None:
    old = {"patchName": "bash", "lastModifiedDateTime": "2026-11-27T08:02:01Z"}
    new = {"patchName": "curl", "lastModifiedDateTime": "2026-11-27T11:00:00Z"}
    untold = {"patchName": "gnupg2"}
    older = {"patchName": "sudo", "lastModifiedDateTime": "2026-11-23T08:02:01Z"}
    assessment = with_patches(told(), [old, new, untold, older])
    assert assessment == told() | {"patches": [old, untold]}


def test_a_summary_whose_list_was_not_asked_for_has_none() -> None:
    assert without_patches(told(patches=[{"patchName": "bash"}])) == told()
