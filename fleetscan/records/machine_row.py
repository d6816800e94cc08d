"""One listed machine as one line of results.jsonl, schema fleetscan.result/1.

Keys are always there and in the contract's order. Azure's result object goes in verbatim; what is lifted
out of it is null wherever Azure did not plainly say it, because unknown is never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import cast

from fleetscan import json_text
from fleetscan.azure_times import azure_time
from fleetscan.model import (
    ERROR_KEYS,
    Ending,
    Failure,
    Json,
    OperationTrace,
    Outcome,
    OwnCode,
    Reason,
    Source,
    Stage,
    Target,
)
from fleetscan.patch_counts import told_counts
from fleetscan.records.azure_window import can_be, of_assessment
from fleetscan.records.machine_facts import NOT_TOLD
from fleetscan.records.row import (
    SCHEMA,
    CountedRow,
    Findings,
    MachineFacts,
    MachineIdentity,
    OsType,
    OutcomeWord,
    Row,
    RowError,
    RowOperation,
    SourceWord,
)
from fleetscan.records.times import WallClock, utc_text

TRUNCATED = "PACKAGE_LIST_TRUNCATED"
# What Azure calls the list in its result and in Resource Graph; an instance view has none.
PATCHES = {Source.OPERATION: "availablePatches", Source.GRAPH: "patches"}

# Both kinds of operations have one word: the row's `kind` tells them apart.
SOURCE_WORDS: Mapping[Source, SourceWord] = {
    Source.OPERATION: "operation",
    Source.ARC_OPERATION: "operation",
    Source.GRAPH: "graph",
    Source.INSTANCE_VIEW: "instance_view",
}
# Azure's names for when an assessment was made, the best first; those without "Date"
# are of a VM's own summary.
TIMES = ("lastModifiedDateTime", "lastModifiedTime", "startDateTime", "startTime")

# The keys whose values are the scan's and the listing's, whatever became of the VM.
BEFORE_OUTCOME = (
    *MachineIdentity.__annotations__,
    *MachineFacts.__annotations__,
    "power_state",
    "tags",
)

NOTHING_TOLD: Findings = {
    "source": None,
    "status": None,
    "assessed_at": None,
    "critical_and_security_count": None,
    "other_count": None,
    "reboot_pending": None,
    "patch_count": None,
    "patches_complete": None,
}


def row(scan_id: str, target: Target, ending: Ending, clock: WallClock) -> Row:
    """The record of `target`, which ended as `ending`. Shares Azure's result object, does not copy it."""
    trace = ending.trace if ending.trace is not None and ending.trace.starts else None
    return {
        "schema": SCHEMA,
        "scan_id": scan_id,
        "resource_id": target.resource_id,
        "kind": target.kind,
        "subscription_id": target.subscription_id,
        "subscription_name": target.subscription_name,
        "resource_group": target.resource_group,
        "name": target.name,
        "location": target.location,
        "os_type": cast("OsType | None", target.os_type),
        **cast(MachineFacts, target.facts or NOT_TOLD),
        "power_state": target.power_state,
        "tags": dict(target.tags),
        "outcome": cast("OutcomeWord", ending.outcome.value),
        "reason": None if ending.reason is None else ending.reason.value,
        **(NOTHING_TOLD if ending.assessment is None else _findings(ending.assessment, ending, clock)),
        "assessment": ending.assessment,
        "error": None if ending.error is None else _error(ending.error),
        "operation": None if trace is None else _operation(trace, clock),
    }


def counted(row: CountedRow) -> CountedRow:
    """Of `row` what the totals count."""
    return {
        "outcome": row["outcome"],
        "reason": row["reason"],
        "status": row["status"],
        "critical_and_security_count": row["critical_and_security_count"],
        "other_count": row["other_count"],
        "reboot_pending": row["reboot_pending"],
        "patches_complete": row["patches_complete"],
    }


def target_of(row: Row) -> Target:
    """Of a row what the sums group by."""
    return Target(
        resource_id=row["resource_id"],
        subscription_id=row["subscription_id"],
        resource_group=row["resource_group"],
        name=row["name"],
        location=row["location"],
        subscription_name=row["subscription_name"],
        os_type=row["os_type"],
        tags=row["tags"],
    )


def encode(record: Mapping[str, object]) -> bytes:
    """`record` as one whole line of UTF-8 JSON, newline and all; ValueError where it nests too deeply."""
    return json_text.encode_line(record)


def without_assessment(ending: Ending) -> Ending:
    """What `ending` is told as where its assessment nests too deeply to be written."""
    why = "the assessment's result nests too deeply to be written"
    error = Failure.of_fleetscan(OwnCode.MALFORMED_REPLY, why, Stage.RESULT)
    return replace(
        ending, outcome=Outcome.FAILED, reason=Reason.MALFORMED_REPLY, assessment=None, error=error
    )


def _findings(result: dict[str, Json], ending: Ending, clock: WallClock) -> Findings:
    status, reboot = result.get("status"), result.get("rebootPending")
    critical, other = told_counts(result, ending.source)
    patches = result.get(PATCHES.get(ending.source, ""))
    patch_count = len(patches) if isinstance(patches, list) else None
    return {
        "source": SOURCE_WORDS[ending.source],
        "status": status if isinstance(status, str) else None,
        "assessed_at": _assessed_at(result, ending, clock),
        "critical_and_security_count": critical,
        "other_count": other,
        "reboot_pending": reboot if isinstance(reboot, bool) else None,
        "patch_count": patch_count,
        "patches_complete": _is_complete(result, ending, critical, other),
    }


def _is_complete(
    result: dict[str, Json], ending: Ending, critical: int | None, other: int | None
) -> bool | None:
    """Whether the list has every patch that was counted; None where nothing says how many there should be."""
    # 1. No sound counts, or none that this outcome stands by.
    if ending.outcome is not Outcome.ASSESSED or critical is None or other is None:
        return None
    # 2. A source that has no list, or whose list was not asked for. An operation's result always has one:
    #    where it is missing it is a list of nothing.
    key = PATCHES.get(ending.source)
    if key is None or (key not in result and ending.source is not Source.OPERATION):
        return None
    patches = result.get(key)
    is_shorter = (len(patches) if isinstance(patches, list) else 0) < critical + other
    return not is_shorter and not _is_marked_truncated(result.get(ERROR_KEYS[ending.source]))


def _is_marked_truncated(error: Json) -> bool:
    """Whether any code inside Azure's nested `error` says so: Linux lists are cut at 126 KiB of status."""
    unread = [error]
    while unread:
        match unread.pop():
            case dict() as fields:
                code = fields.get("code")
                if isinstance(code, str) and code.upper() == TRUNCATED:
                    return True
                unread.extend(fields.values())
            case list() as items:
                unread.extend(items)
            case _:
                pass
    return False


def _assessed_at(result: dict[str, Json], ending: Ending, clock: WallClock) -> str | None:
    """The first of Azure's times for the assessment that can be true."""
    ended = None if ending.trace is None else azure_time(ending.trace.azure_end_time)
    if ending.trace is not None and can_be(ended, ending.trace, clock):
        return utc_text(ended)
    window = of_assessment(ending, clock)
    told = (azure_time(result.get(name)) for name in TIMES)
    return next((utc_text(moment) for moment in told if moment is not None and window.has(moment)), None)


def _error(error: Failure) -> RowError:
    return {
        "code": error.code,
        "message": error.message,
        "http_status": error.http_status,
        "stage": error.stage.value,
        "correlation_id": error.correlation_id,
        "origin": error.origin.value,
    }


def _operation(trace: OperationTrace, clock: WallClock) -> RowOperation:
    started, finished = _span(trace, clock)
    duration_s = None
    if started is not None and finished is not None:
        duration_s = round((finished - started).total_seconds(), 3)
    return {
        "started_at": None if started is None else utc_text(started),
        "finished_at": None if finished is None else utc_text(finished),
        "duration_s": duration_s,
        "starts": trace.starts,
        "polls": trace.polls,
        "throttled": trace.throttled,
    }


def _span(trace: OperationTrace, clock: WallClock) -> tuple[datetime | None, datetime | None]:
    """When the operation ran: Azure's own two times or our own two, because mixed clocks measure nothing."""
    started, finished = azure_time(trace.azure_start_time), azure_time(trace.azure_end_time)
    are_both_there = started is not None and finished is not None and started < finished
    if are_both_there and can_be(started, trace, clock) and can_be(finished, trace, clock):
        return started, finished
    return (
        None if trace.started_at is None else clock.moment(trace.started_at),
        None if trace.finished_at is None else clock.moment(trace.finished_at),
    )
