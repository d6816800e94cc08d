"""What a VM's instance view tells of its patch operations: the newest assessment and the newest installation.

Facts: Microsoft's documents on `patchStatus` of the instance view.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.azure_times import azure_time, http_time
from fleetscan.engine.outcomes import is_preempted
from fleetscan.engine.replies import parse_object, text_of, value_at
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
    is_installing: bool

    @property
    def is_assessing(self) -> bool:
        """Whether an assessment runs."""
        return self.status == "inprogress"


def patch_status(reply: Reply) -> PatchStatus:
    """What the instance view in `reply` tells; nothing where it tells nothing."""
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
        is_installing=_is_installing(_summary(status, "lastPatchInstallationSummary"), reply),
    )


def _summary(status: dict[str, Json], name: str) -> dict[str, Json]:
    found = status.get(name)
    return found if isinstance(found, dict) else {}


def _is_installing(summary: dict[str, Json], reply: Reply) -> bool:
    """Whether an installation runs, by its word and its age."""
    if (text_of(summary.get("status")) or "").lower() != "inprogress":
        return False
    began, now = azure_time(summary.get("startTime")), http_time(reply.headers.get("date"))
    return began is None or now is None or (now - began).total_seconds() <= INSTALLATION_MOST_S
