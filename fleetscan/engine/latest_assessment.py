"""One machine's newest assessment as Resource Graph keeps it: a summary row, and a row for each patch.

Kept for seven days, and late by some seconds. Facts: Microsoft's documents on `patchassessmentresources`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fleetscan.azure_times import azure_time
from fleetscan.engine.graph_request import graph_request
from fleetscan.engine.replies import parse_object, text_of
from fleetscan.model import Json, Reply, Request, Target

ASSESSMENTS = "microsoft.compute/virtualmachines/patchassessmentresults"
ARC_ASSESSMENTS = "microsoft.hybridcompute/machines/patchassessmentresults"
# One that failed says when it gave up, and not how long it takes.
TELLING = frozenset({"succeeded", "completedwithwarnings"})
# Seven days, and what an hour's change of clocks adds.
KEPT_S = 7 * 86_400.0 + 3600.0
# Clocks inside Azure differ by little.
AHEAD_S = 300.0
# No assessment's two times are so near together or so far apart.
LEAST_S, MOST_S = 1.0, 14_400.0


@dataclass(frozen=True, slots=True)
class LatestAssessment:
    """`assessment` is the summary's properties with `patches`; `started` is when it began.

    `changed` is when its status last changed, or where Azure does not tell that when it began.
    """

    started: str | None
    changed: str | None
    status: str
    assessment: dict[str, Json]


def latest_assessment_query(endpoint: str, target: Target) -> Request:
    """Asks for the newest assessment of one VM or Arc server."""
    machine = target.resource_id.replace("\\", "\\\\").replace("'", "\\'")
    query = (
        f"patchassessmentresources | where id startswith '{machine}/patchassessmentresults/latest' "
        "| project id, type, properties | order by id asc"
    )
    return graph_request(endpoint, query, [target.subscription_id])


def latest_assessment(reply: Reply) -> LatestAssessment | None:
    """The assessment in a reply to `latest_assessment_query`; None where it cannot be read."""
    data = (parse_object(reply.body) or {}).get("data") if reply.status == 200 else None
    rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
    kinds = (ASSESSMENTS, ARC_ASSESSMENTS)
    summaries = [row for row in rows if (text_of(row.get("type")) or "").lower() in kinds]
    if not summaries or not isinstance(properties := summaries[0].get("properties"), dict):
        return None
    patches: list[Json] = [row.get("properties") for row in rows if row is not summaries[0]]
    status = text_of(properties.get("status")) or ""
    started, changed = (
        text_of(properties.get("startDateTime")),
        text_of(properties.get("lastModifiedDateTime")),
    )
    changed = started if azure_time(changed) is None else changed
    return LatestAssessment(started, changed, status.lower(), {**properties, "patches": patches})


def span_of(status: str | None, began: str | None, changed: str | None, azure_now: datetime) -> float | None:
    """The seconds from its start to its last change; None where they tell nothing or cannot be."""
    began_at, changed_at = azure_time(began), azure_time(changed)
    if (status or "").lower() not in TELLING or began_at is None or changed_at is None:
        return None
    began_ago_s, changed_ago_s = ((azure_now - at).total_seconds() for at in (began_at, changed_at))
    is_kept = began_ago_s <= KEPT_S and changed_ago_s >= -AHEAD_S
    span_s = began_ago_s - changed_ago_s
    return span_s if is_kept and LEAST_S <= span_s <= MOST_S else None
