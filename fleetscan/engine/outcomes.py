"""What a definite answer of Azure's means for a machine: the outcome table of the records, as functions.

Status codes decide; words are looked at only to tell apart what Azure answers under one code, and code and
message stay verbatim in the record. The exact words for a stopped machine or a missing agent are published
nowhere, so the patterns are wide and fall back to the status code.
"""

from __future__ import annotations

import re
from dataclasses import replace

from fleetscan.engine.replies import innermost_error, read_error
from fleetscan.model import AzureError, Ending, Json, Outcome, Reason, Reply, Source, Stage, told_counts

# The two words under which Azure vouches for a result's counts.
GOOD_STATUSES = frozenset({"succeeded", "completedwithwarnings"})

# Names of machines and groups, which may say anything.
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")

# What Azure's code and message may say, in the order in which they are asked.
SPOKEN_REASONS: tuple[tuple[re.Pattern[str], Outcome, Reason], ...] = (
    (
        re.compile(
            r"\b(VM|guest) ?agent\b[^.]*\b(not|unable|unavailable|missing)\b|AgentNotReady|AgentStatus", re.I
        ),
        Outcome.FAILED,
        Reason.AGENT_NOT_READY,
    ),
    (
        re.compile(
            r"VMNotRunning|\bis not running\b|\bnot in a running state\b|\bVM is (stopped|deallocated)\b",
            re.I,
        ),
        Outcome.SKIPPED,
        Reason.NOT_RUNNING,
    ),
    (
        re.compile(
            r"UnsupportedOS|UnsupportedImage"
            r"|\b(OS|operating system|image)\b[^.]*\b(not supported|unsupported)\b"
        ),
        Outcome.SKIPPED,
        Reason.UNSUPPORTED,
    ),
)

STATUS_REASONS = {
    401: Reason.DENIED,
    403: Reason.DENIED,
    404: Reason.GONE,
    410: Reason.GONE,
    409: Reason.CONFLICT,
}


def refusal(reply: Reply, stage: Stage) -> Ending:
    """The end of a machine to whose request Azure said a definite no."""
    error = read_error(reply, stage)
    if stage is Stage.START and reply.status in (400, 409, 412, 422):
        said = QUOTED.sub("", f"{error.code}: {error.message}")
        for pattern, outcome, reason in SPOKEN_REASONS:
            if pattern.search(said):
                return Ending(outcome, reason, error=error)
    return Ending(Outcome.FAILED, STATUS_REASONS.get(reply.status, Reason.REFUSED), error=error)


def exhausted(reply: Reply, stage: Stage) -> Ending:
    """The end of a machine whose last reply, after every attempt, is still no answer."""
    if reply.status == 429:
        reason = Reason.THROTTLED
    elif reply.fault is not None or reply.status == 408 or reply.status >= 500:
        reason = Reason.UNREACHABLE
    else:
        reason = Reason.MALFORMED_REPLY
    return Ending(Outcome.FAILED, reason, error=read_error(reply, stage))


NO_URL = "Azure accepted the start and returned no URL to poll"
NO_OBJECT = "the assessment's result is not a JSON object"


def malformed(reply: Reply, stage: Stage, why: str) -> Ending:
    """The end of a machine whose reply has the right status and makes no sense."""
    correlation_id = reply.headers.get("x-ms-correlation-request-id")
    error = AzureError("MalformedReply", why, reply.status or None, stage, correlation_id)
    return Ending(Outcome.FAILED, Reason.MALFORMED_REPLY, error=error)


def no_result(reply: Reply, stage: Stage, why: str) -> Ending:
    """The end of a machine whose operation succeeded and told nothing."""
    return replace(malformed(reply, stage, why), reason=Reason.NO_RESULT)


def timed_out(reply: Reply, stage: Stage, timeout_s: float) -> Ending:
    """The end of a machine whose operation was still unfinished so long after its start."""
    why = f"the operation was still running {timeout_s:g} s after its start"
    correlation_id = reply.headers.get("x-ms-correlation-request-id")
    error = AzureError("OperationTimeout", why, reply.status or None, stage, correlation_id)
    return Ending(Outcome.TIMED_OUT, Reason.OPERATION_TIMEOUT, error=error)


def fate_unknown() -> Ending:
    """The end of a machine whose start left no trace, and that may not be started again."""
    why = "a start was sent, it is unknown whether Azure accepted it, and no trace of it was found"
    return Ending(
        Outcome.FAILED, Reason.UNREACHABLE, error=AzureError("StartOfUnknownFate", why, None, Stage.START)
    )


def given_up(stage: Stage, *, was_tried: bool) -> Ending:
    """The end of a machine in a region that answered nobody for so long that it is not asked any more."""
    if was_tried:
        code, told = "RegionUnreachable", "the result of the assessment is unknown"
    else:
        code, told = "NotTried", "no assessment was started"
    why = f"the VM's region did not answer requests for its subscription for ten minutes: {told}"
    return Ending(Outcome.FAILED, Reason.UNREACHABLE, error=AzureError(code, why, None, stage))


def operation_ended_badly(reply: Reply, body: dict[str, Json], *, canceled: bool) -> Ending:
    """The end of a machine whose operation says Failed or Canceled, in an HTTP 200."""
    reason = Reason.OPERATION_CANCELED if canceled else Reason.OPERATION_FAILED
    code, message = innermost_error({"error": body.get("error")})
    correlation_id = reply.headers.get("x-ms-correlation-request-id")
    return Ending(
        Outcome.FAILED, reason, error=AzureError(code, message, reply.status, Stage.POLL, correlation_id)
    )


def assessment(reply: Reply, result: dict[str, Json]) -> Ending:
    """The end of a machine whose result came: judged by its own status, then by its counts.

    `error` in a result is present on success too and decides nothing.
    """
    correlation_id = reply.headers.get("x-ms-correlation-request-id")
    status = result.get("status")
    if not isinstance(status, str) or status.lower() not in GOOD_STATUSES:
        code, message = innermost_error({"error": result.get("error")})
        error = AzureError(code, message, reply.status, Stage.RESULT, correlation_id)
        return Ending(Outcome.FAILED, Reason.ASSESSMENT_FAILED, assessment=result, error=error)
    if None in told_counts(result, Source.OPERATION):
        return replace(no_result(reply, Stage.RESULT, NO_COUNTS), assessment=result)
    return Ending(Outcome.ASSESSED, assessment=result)


NO_COUNTS = "the assessment succeeded but its result has no patch counts"


def graph_assessment(reply: Reply, result: dict[str, Json]) -> Ending:
    """The end of a machine whose assessment was found in Resource Graph: judged as an operation's result."""
    status = result.get("status")
    if not isinstance(status, str) or status.lower() not in GOOD_STATUSES:
        code, message = innermost_error({"error": result.get("errorDetails")})
        error = AzureError(code, message, reply.status, Stage.RESULT)
        ending = Ending(Outcome.FAILED, Reason.ASSESSMENT_FAILED, assessment=result, error=error)
    elif None in told_counts(result, Source.GRAPH):
        ending = replace(no_result(reply, Stage.RESULT, NO_COUNTS), assessment=result)
    else:
        ending = Ending(Outcome.ASSESSED, assessment=result)
    return replace(ending, source=Source.GRAPH)
