"""One line of results.jsonl, schema fleetscan.result/1, declared: a machine and how its assessment ended.

The keys stand in the contract's order. Words that no scan writes yet ("arc") are there already, so that
readers made today go on working.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, TypedDict, get_args

from fleetscan.model import Json
from fleetscan.records.known_facts import KnownFacts
from fleetscan.records.shapes import Count, HttpStatus, Seconds, UtcTime

Schema: TypeAlias = Literal["fleetscan.result/1"]
SCHEMA: Schema = "fleetscan.result/1"

OutcomeWord: TypeAlias = Literal["assessed", "skipped", "timed_out", "failed"]
AssessedReason: TypeAlias = Literal[None, "fresh"]
SkippedReason: TypeAlias = Literal["not_running", "unsupported", "busy", "not_cached"]
TimedOutReason: TypeAlias = Literal["operation_timeout"]
FailedReason: TypeAlias = Literal[
    "denied",
    "gone",
    "conflict",
    "agent_not_ready",
    "refused",
    "throttled",
    "unreachable",
    "malformed_reply",
    "no_result",
    "assessment_failed",
    "operation_failed",
    "operation_canceled",
    "internal_error",
]
ReasonWord: TypeAlias = Literal[AssessedReason, SkippedReason, TimedOutReason, FailedReason]
OsType: TypeAlias = Literal["Windows", "Linux"]
SourceWord: TypeAlias = Literal["operation", "graph", "instance_view"]
StageWord: TypeAlias = Literal["inventory", "start", "poll", "result"]
OriginWord: TypeAlias = Literal["azure", "fleetscan"]

# Which reasons go with which outcome. None stands for no reason.
REASONS: Mapping[OutcomeWord, tuple[ReasonWord, ...]] = {
    "assessed": get_args(AssessedReason),
    "skipped": get_args(SkippedReason),
    "timed_out": get_args(TimedOutReason),
    "failed": get_args(FailedReason),
}


class MachineIdentity(TypedDict):
    """Whose row it is."""

    schema: Schema
    scan_id: Annotated[str, "The scan that wrote this row."]
    resource_id: Annotated[str, "The VM's id as Azure wrote it; unique without regard to case."]
    kind: Annotated[Literal["vm", "arc"], "An Azure VM or an Arc server."]
    subscription_id: Annotated[str, "Compared without case."]
    subscription_name: Annotated[str | None, "The subscription's display name."]
    resource_group: Annotated[str, "Compared without case."]
    name: Annotated[str, "The VM's own name; unique in its resource group alone."]
    location: Annotated[str | None, "The region, lower case without spaces."]
    os_type: Annotated[OsType | None, "What the VM runs."]


class MachineFacts(TypedDict):
    """What an inventory tells of a machine that only its row repeats: no scan decides anything by it."""

    os_name: Annotated[str | None, "The operating system's name as the guest told it."]
    os_version: Annotated[str | None, "The operating system's version as the guest told it."]
    image: Annotated[str | None, "The image the VM was made from."]
    patch_mode: Annotated[str | None, "How the VM is set to be patched."]
    assessment_mode: Annotated[str | None, "How the VM is set to be assessed."]
    esu_status: Annotated[
        str | None,
        "An Arc server's state of extended security updates: Ineligible or Unknown, else Assigned or "
        "NotAssigned for its license.",
    ]
    hotpatch_status: Annotated[
        str | None, "Whether an Arc server is patched without restarts: Enabled, Disabled and others."
    ]


class MachineEnd(TypedDict):
    """How the VM was found, and how it ended."""

    power_state: Annotated[str | None, "Lower-case word: running, stopped, deallocated and others."]
    tags: Annotated[dict[str, str], "The VM's tags. Names compare without case, values with it."]
    outcome: Annotated[OutcomeWord, "How the VM ended."]
    reason: Annotated[ReasonWord, "Why; the outcome decides which words there are."]


class Findings(TypedDict):
    """What is lifted out of an assessment; all of it null without one."""

    source: Annotated[SourceWord | None, "Where the assessment was read."]
    status: Annotated[str | None, "The assessment's own status word, verbatim."]
    assessed_at: Annotated[UtcTime | None, "When Azure made the assessment."]
    critical_and_security_count: Annotated[
        Count | None, "Missing critical and security patches; null if not reported."
    ]
    other_count: Annotated[Count | None, "Other missing patches; null if not reported."]
    reboot_pending: Annotated[bool | None, "Whether a restart is due; null if not reported."]
    patch_count: Annotated[Count | None, "Patches in the list that came; null when none came."]
    patches_complete: Annotated[
        bool | None,
        "False when the list is shorter than the counts or marked as cut; null where there are no counts to "
        "compare it with, or no list was asked for.",
    ]


class RowError(TypedDict):
    """What went wrong."""

    code: Annotated[str | None, "The innermost error code; Azure's is verbatim."]
    message: Annotated[str | None, "The innermost message; Azure's is verbatim."]
    http_status: HttpStatus
    stage: Annotated[StageWord, "Where on its way it happened."]
    correlation_id: Annotated[str | None, "Azure's id of the request, for its support."]
    origin: Annotated[OriginWord, "Whose word the code is."]


class RowOperation(TypedDict):
    """The operation's course; null when no start was sent."""

    started_at: Annotated[UtcTime | None, "Azure's own time, else ours."]
    finished_at: Annotated[UtcTime | None, "Azure's own time, else ours."]
    duration_s: Annotated[Seconds | None, "From start to finish, in seconds."]
    starts: Annotated[Count, "Start requests sent."]
    polls: Annotated[Count, "Reads sent, those of the result too."]
    throttled: Annotated[Count, "Replies with HTTP status 429 among them."]


class Row(MachineIdentity, MachineFacts, MachineEnd, Findings, KnownFacts):
    """One listed VM and how its assessment ended."""

    assessment: Annotated[
        dict[str, Json] | None, "Azure's result object, verbatim, with whatever fields it has."
    ]
    error: RowError | None
    operation: RowOperation | None


class CountedRow(TypedDict):
    """Of a row what the totals count, so that a resume need not read the rows again."""

    outcome: OutcomeWord
    reason: ReasonWord
    status: str | None
    critical_and_security_count: int | None
    other_count: int | None
    reboot_pending: bool | None
    patches_complete: bool | None
