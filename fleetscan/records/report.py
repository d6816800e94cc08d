"""What `fleetscan report` prints as JSON, schema fleetscan.report/1, declared: what people look at.

It is made of a run's rows and totals, and every view of it shows this record and nothing else. Lists of VMs
and patches hold the first few; a count beside each says how many there are. Unknown is null, never 0.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypedDict

from fleetscan.model import Json
from fleetscan.records.history import Night
from fleetscan.records.judged import Judged
from fleetscan.records.reported_vm import MOST_PATCHES, MOST_VMS, ReportedVm
from fleetscan.records.row import OutcomeWord, ReasonWord
from fleetscan.records.shapes import Count, HttpStatus, Seconds, UtcTime
from fleetscan.records.totals import GroupTotals, NotListed, NotScanned, Requests

Schema: TypeAlias = Literal["fleetscan.report/1"]
SCHEMA: Schema = "fleetscan.report/1"

# Codes of one reason that are told apart: Azure may answer with any.
MOST_CODES = 50
StateWord: TypeAlias = Literal["complete", "stopped", "unfinished"]


class WorstVm(ReportedVm):
    """An assessed VM that needs mending."""

    critical_and_security_count: Annotated[
        Count | None, "Missing critical and security patches; null if not reported."
    ]
    other_count: Annotated[Count | None, "Other missing patches; null if not reported."]
    reboot_pending: Annotated[bool | None, "Whether a restart is due; null if not reported."]


class UnassessedVm(ReportedVm):
    """A VM that was not assessed: what it misses is unknown."""

    code: Annotated[str | None, "The innermost error code; Azure's is verbatim."]
    message: Annotated[str | None, "The innermost message; Azure's is verbatim."]
    http_status: HttpStatus


class UnassessedReason(TypedDict):
    """The VMs that were not assessed for one reason, with one error code."""

    outcome: Annotated[OutcomeWord, "How they ended: failed, timed_out or skipped."]
    reason: Annotated[ReasonWord, "Why."]
    code: Annotated[
        str | None,
        "The error code that they share; of VMs that were not tried, that of the cause. Null where there is "
        f"none, for VMs beyond the first {MOST_CODES} codes of a reason, and where the rows were not read.",
    ]
    count: Annotated[Count, "VMs that ended so."]
    what: Annotated[str, "What happened, as a clause that follows a VM's name."]
    to_do: Annotated[str, "What to do about it."]
    vms: Annotated[list[UnassessedVm], f"The first {MOST_VMS} of them by name."]


class MissedPatch(TypedDict):
    """A patch that assessed VMs miss: a KB on Windows, a package on Linux."""

    patch: Annotated[str, "The KB (KB5034441), or the package's name."]
    name: Annotated[str | None, "Its newest title, as Azure says it."]
    classifications: Annotated[list[str], "Azure's words for its kind."]
    is_critical_or_security: Annotated[bool, "Whether Azure counts it among those."]
    vms: Annotated[Count, "Assessed VMs whose list has it: at least so many miss it."]


class EarlierAssessments(TypedDict):
    """VMs whose row tells an assessment that was made before the scan."""

    vms: Annotated[Count, "Assessed VMs with the reason fresh."]
    oldest_at: Annotated[UtcTime | None, "When the oldest was made; null where the rows were not read."]


class Report(TypedDict):
    """A run, as people look at it."""

    schema: Schema
    scan_id: Annotated[str, "The scan that is reported."]
    directory: Annotated[str | None, "Where the run is kept."]
    started_at: Annotated[UtcTime | None, "When the scan began."]
    finished_at: Annotated[UtcTime | None, "When the scan ended; null while it has not."]
    duration_s: Annotated[Seconds | None, "How long the scan ran, in seconds; null while it has not ended."]
    state: Annotated[StateWord, "Whether every VM listed has ended."]
    partial: Annotated[
        list[str],
        "Why every figure is partial, a sentence each; empty where the run is complete and undamaged.",
    ]
    is_whole_fleet: Annotated[
        bool,
        "Whether nothing is known to be missing among the VMs listed: no limit, refusal or passing over.",
    ]
    selection: Annotated[dict[str, Json], "What was asked for: every setting that selects, as it was set."]
    endpoint: Annotated[str | None, "The endpoint that was asked; null where it is one of Azure's clouds."]
    not_scanned: Annotated[
        list[NotScanned], "Subscriptions passed over because of their state: no VM of theirs is listed."
    ]
    uniform_scale_set_vms: Annotated[
        Count | None, "VMs in scale sets of uniform mode, which Azure cannot assess; null if not told."
    ]
    inventory_errors: Annotated[
        list[NotListed] | None, "What could not be listed; null if that is not known."
    ]
    warnings: Annotated[list[str], "What the scan warned of, as in run.json."]
    requests: Requests | None
    fleet: Annotated[
        GroupTotals, "The sums over the fleet, as in totals.jsonl, less what `judged.left_out` says."
    ]
    groups: Annotated[
        list[GroupTotals], "The sums of each subscription, location, OS type and asked-for tag, as there."
    ]
    earlier: Annotated[
        EarlierAssessments | None, "Assessments that the scan did not make itself; null where there are none."
    ]
    not_assessed: Annotated[
        list[UnassessedReason],
        "VMs that failed, timed out or were skipped, by reason and code, the most frequent first.",
    ]
    worst: Annotated[
        list[WorstVm] | None,
        f"The {MOST_VMS} VMs with the most missing critical and security patches, then those where a restart "
        "is due, then those with the most other patches; null where the rows were not read.",
    ]
    patches: Annotated[
        list[MissedPatch] | None,
        f"The {MOST_PATCHES} patches that most VMs miss, critical and security ones first; null where the "
        "rows were not read.",
    ]
    distinct_patches: Annotated[Count | None, "How many different patches are missing."]
    judged: Annotated[
        Judged | None, "Ages, what does not count, and service levels; null where the rows were not read."
    ]
    gates: Annotated[list[str] | None, "The gates of `fail_on` that were judged; null where none was."]
    breaches: Annotated[
        list[str] | None,
        "A sentence for each gate of `fail_on` that the run does not pass; null where none was judged.",
    ]
    trend: Annotated[
        list[Night] | None,
        "The complete runs of the same selection up to this one, as the history has them; null without one.",
    ]
    vms_unknown: Annotated[Count, "VMs listed and not assessed: which patches they miss is unknown."]
