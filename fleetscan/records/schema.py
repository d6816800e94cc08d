"""The JSON Schemas (draft 2020-12) of results.jsonl and totals.jsonl: the outward contract, word by word.

They also hold the contract's words that no scan writes yet ("fresh", "busy", "graph", "arc"), so that readers
made today go on working. Our own objects are closed; Azure's are open.
"""

from __future__ import annotations

from fleetscan.model import CodeOrigin, Json, Outcome, Reason, Stage
from fleetscan.records import machine_row, sums
from fleetscan.records.schema_shapes import (
    closed_object,
    count,
    flag,
    http_status,
    percent,
    seconds,
    tally,
    text,
    utc_time,
    words,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# The contract's table: which reasons go with which outcome. None stands for no reason.
REASONS: dict[Outcome, tuple[str | None, ...]] = {
    Outcome.ASSESSED: (None, "fresh"),
    Outcome.SKIPPED: (Reason.NOT_RUNNING.value, Reason.UNSUPPORTED.value, "busy"),
    Outcome.TIMED_OUT: (Reason.OPERATION_TIMEOUT.value,),
    Outcome.FAILED: (
        Reason.DENIED.value,
        Reason.GONE.value,
        Reason.CONFLICT.value,
        Reason.AGENT_NOT_READY.value,
        Reason.REFUSED.value,
        Reason.THROTTLED.value,
        Reason.UNREACHABLE.value,
        Reason.MALFORMED_REPLY.value,
        Reason.NO_RESULT.value,
        Reason.ASSESSMENT_FAILED.value,
        Reason.OPERATION_FAILED.value,
        Reason.OPERATION_CANCELED.value,
        Reason.INTERNAL_ERROR.value,
    ),
}


def result_schema() -> dict[str, Json]:
    """The schema of one line of results.jsonl."""
    schema = closed_object("One listed machine and how its assessment ended.", _result_properties())
    return {
        "$schema": DIALECT,
        "$id": f"urn:{machine_row.SCHEMA.replace('/', ':')}",
        "title": machine_row.SCHEMA,
        **schema,
        "oneOf": [_rows_of(outcome, reasons) for outcome, reasons in REASONS.items()],
        "if": {"properties": {"assessment": {"type": "null"}}},
        "then": {"properties": {name: {"type": "null"} for name in machine_row.NOTHING_TOLD}},
        "else": {"properties": {"source": {"type": "string"}, "patches_complete": {"type": "boolean"}}},
    }


def totals_schema() -> dict[str, Json]:
    """The schema of one line of totals.jsonl."""
    every, fleet_only = _sum_properties(), _fleet_properties()
    forbidden: dict[str, Json] = dict.fromkeys(fleet_only, False)
    properties: dict[str, Json] = {**every, **fleet_only}
    schema = closed_object("Sums over the fleet or one group of it.", properties)
    return {
        "$schema": DIALECT,
        "$id": f"urn:{sums.SCHEMA.replace('/', ':')}",
        "title": sums.SCHEMA,
        **schema,
        "required": [*every],
        "if": {"properties": {"scope": {"const": "fleet"}}},
        "then": {"properties": {"key": {"type": "null"}}, "required": [*fleet_only]},
        "else": {"properties": {"key": {"type": "string"}, **forbidden}},
    }


def fleet_keys() -> set[str]:
    """The keys of the fleet's line of totals.jsonl."""
    return {*_sum_properties(), *_fleet_properties()}


def _rows_of(outcome: Outcome, reasons: tuple[str | None, ...]) -> dict[str, Json]:
    """What holds for every row of one outcome."""
    properties: dict[str, Json] = {
        "outcome": {"const": outcome.value},
        "reason": {"enum": [*reasons]},
    }
    match outcome:
        case Outcome.ASSESSED:
            properties["error"] = {"type": "null"}
            properties["assessment"] = {"type": "object"}
            properties["critical_and_security_count"] = properties["other_count"] = {"type": "integer"}
        case Outcome.FAILED | Outcome.TIMED_OUT:
            properties["error"] = {"type": "object"}
        case _:
            properties["assessment"] = {"type": "null"}
    return {"properties": properties}


def _result_properties() -> dict[str, Json]:
    return {**_machine_properties(), **_ending_properties()}


def _machine_properties() -> dict[str, Json]:
    return {
        "schema": {"const": machine_row.SCHEMA},
        "scan_id": text("The scan that wrote this row."),
        "resource_id": text("The machine's id as Azure wrote it; unique without regard to case."),
        "kind": words("An Azure virtual machine or an Arc machine.", ["vm", "arc"]),
        "subscription_id": text("Compared without case."),
        "subscription_name": text("The subscription's display name.", or_null=True),
        "resource_group": text("Compared without case."),
        "name": text("The machine's own name; unique in its resource group alone."),
        "location": text("The region, lower case without spaces.", or_null=True),
        "os_type": words("What the machine runs.", ["Windows", "Linux", None]),
        "os_name": text("The operating system's name as the guest told it.", or_null=True),
        "os_version": text("The operating system's version as the guest told it.", or_null=True),
        "image": text("The image the machine was made from.", or_null=True),
        "patch_mode": text("How the machine is set to be patched.", or_null=True),
        "assessment_mode": text("How the machine is set to be assessed.", or_null=True),
        "power_state": text("Lower-case word: running, stopped, deallocated and others.", or_null=True),
        "tags": {
            "description": "The machine's tags. Names compare without case, values with it.",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    }


def _ending_properties() -> dict[str, Json]:
    reasons: list[Json] = [reason for group in REASONS.values() for reason in group]
    return {
        "outcome": words("How the machine ended.", [outcome.value for outcome in REASONS]),
        "reason": words("Why; the outcome decides which words there are.", reasons),
        "source": words("Where the assessment was read.", ["operation", "graph", None]),
        "status": text("The assessment's own status word, verbatim.", or_null=True),
        "assessed_at": utc_time("When Azure made the assessment.", or_null=True),
        "critical_and_security_count": count(
            "Missing critical and security patches; null when not told.", or_null=True
        ),
        "other_count": count("Other patches missing; null when untold.", or_null=True),
        "reboot_pending": flag("Whether a restart is due; null when untold."),
        "patch_count": count("Patches in the list that came; null when none came.", or_null=True),
        "patches_complete": flag("False when the list is shorter than the counts or marked as cut."),
        "assessment": {
            "description": "Azure's result object, verbatim, with whatever fields it has.",
            "type": ["object", "null"],
        },
        "error": closed_object("What went wrong.", _error_properties(), or_null=True),
        "operation": closed_object(
            "The operation's course; null when no start was sent.", _operation_properties(), or_null=True
        ),
    }


def _error_properties() -> dict[str, Json]:
    return {
        "code": text("The innermost error code; Azure's is verbatim.", or_null=True),
        "message": text("The innermost message; Azure's is verbatim.", or_null=True),
        "http_status": http_status(),
        "stage": words("Where on its way it happened.", [stage.value for stage in Stage]),
        "correlation_id": text("Azure's id of the request, for its support.", or_null=True),
        "origin": words("Whose words code and message are.", [origin.value for origin in CodeOrigin]),
    }


def _operation_properties() -> dict[str, Json]:
    return {
        "started_at": utc_time("Azure's own time, else ours.", or_null=True),
        "finished_at": utc_time("Azure's own time, else ours.", or_null=True),
        "duration_s": seconds("From start to finish, in seconds.", or_null=True),
        "starts": count("Start requests sent."),
        "polls": count("Reads sent, those of the result too."),
        "throttled": count("Replies with HTTP status 429 among them."),
    }


def _sum_properties() -> dict[str, Json]:
    outcomes: dict[str, Json] = {outcome.value: count("Machines that ended so.") for outcome in sums.OUTCOMES}
    return {
        "schema": {"const": sums.SCHEMA},
        "scan_id": text("The scan these sums are of."),
        "scope": {
            "description": "What the machines of this line have in common.",
            "type": "string",
            "pattern": "^(fleet|subscription|location|os_type|tag:.+)$",
        },
        "key": text(
            "The group's subscription id (lower case), location, OS type or tag value; "
            "'unknown' for machines without one; null for the fleet.",
            or_null=True,
        ),
        "listed": count("Machines that were selected."),
        "outcomes": closed_object("Their sum is listed. Interrupted machines have no row.", outcomes),
        "statuses": tally("Rows for each status word of the assessment."),
        "reasons": tally("Rows for each reason."),
        "critical_and_security_count": count("Critical and security patches missing on assessed machines."),
        "other_count": count("Other patches missing on assessed machines."),
        "reboot_pending": count("Assessed machines where a restart is due."),
        "vms_with_critical_or_security": count("Assessed machines that miss a critical or security patch."),
        "patches_incomplete": count("Assessed machines whose list of patches is not complete."),
        "coverage_pct": percent("Assessed machines, of those listed, %."),
        "compliance_pct": percent(
            "Assessed machines that miss no critical or security patch, of those listed, %."
        ),
    }


def _fleet_properties() -> dict[str, Json]:
    requests: dict[str, Json] = {
        "list": count("Requests sent to list the fleet."),
        "start": count("Requests sent to start assessments."),
        "poll": count("Requests sent to read operations and their results."),
        "other": count("All other requests sent."),
        "throttled": count("Replies with HTTP status 429, among all of these."),
        "retried": count("Requests sent again, among all of these."),
    }
    error: dict[str, Json] = {
        "subscription_id": text("The subscription, or null where all are meant.", or_null=True),
        "code": text("The innermost error code; Azure's is verbatim.", or_null=True),
        "message": text("The innermost message; Azure's is verbatim.", or_null=True),
        "http_status": http_status(),
    }
    return {
        "started_at": utc_time("When the scan began."),
        "finished_at": utc_time("When the scan ended."),
        "duration_s": seconds("How long the scan ran, in seconds; resumed scans add up."),
        "requests": closed_object("Requests sent to Azure, retries too.", requests),
        "inventory_errors": {
            "description": "What could not be listed, so that nobody takes it for empty.",
            "type": "array",
            "items": closed_object("One part of the fleet that could not be listed.", error),
        },
    }
