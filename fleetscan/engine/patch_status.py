"""What a VM's instance view tells of its patch operations: the newest assessment and the newest installation.

Facts: Microsoft's documents on `patchStatus` of the instance view.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.azure_times import azure_time
from fleetscan.engine.outcomes import is_preempted
from fleetscan.engine.replies import dated, parse_object, text_of, value_at
from fleetscan.engine.stale import is_stale
from fleetscan.model import Json, Reply

PATCH_STATUS = "properties.instanceView.patchStatus"
# An installation has a window of four hours at most: one that began earlier lost its agent.
INSTALLATION_MOST_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class PatchStatus:
    """`status` is the assessment's word in lower case, "" where there is none.

    `changed` is when its status last changed, or where Azure does not tell that when it began; `has_error`
    whether it tells an error, `is_preempted` whether a newer operation ended it.
    """

    status: str
    started: str | None
    changed: str | None
    has_error: bool
    is_preempted: bool
    is_assessing: bool
    is_installing: bool


def patch_status(reply: Reply, most_s: float) -> PatchStatus:
    """What the instance view in `reply` tells; nothing where it tells nothing.

    What says InProgress and began more than `most_s` ago died: it neither runs nor is over.
    """
    found = value_at(parse_object(reply.body), PATCH_STATUS)
    status = found if isinstance(found, dict) else {}
    summary = _summary(status, "availablePatchSummary")
    started, changed = text_of(summary.get("startTime")), text_of(summary.get("lastModifiedTime"))
    return PatchStatus(
        status=(text_of(summary.get("status")) or "").lower(),
        started=started,
        changed=started if azure_time(changed) is None else changed,
        has_error=summary.get("error") is not None,
        is_preempted=is_preempted(summary),
        is_assessing=_is_in_progress(summary) and not is_stale((started, changed), dated(reply), most_s),
        is_installing=_is_installing(_summary(status, "lastPatchInstallationSummary"), reply),
    )


def _summary(status: dict[str, Json], name: str) -> dict[str, Json]:
    found = status.get(name)
    return found if isinstance(found, dict) else {}


def assessment_summary(reply: Reply) -> dict[str, Json]:
    """What the instance view in `reply` tells of the newest assessment, as Azure has it."""
    found = value_at(parse_object(reply.body), f"{PATCH_STATUS}.availablePatchSummary")
    return found if isinstance(found, dict) else {}


def _is_in_progress(summary: dict[str, Json]) -> bool:
    return (text_of(summary.get("status")) or "").lower() == "inprogress"


def _is_installing(summary: dict[str, Json], reply: Reply) -> bool:
    """Whether an installation runs, by its word and its age."""
    times = (summary.get("startTime"), summary.get("lastModifiedTime"))
    return _is_in_progress(summary) and not is_stale(times, dated(reply), INSTALLATION_MOST_S)
