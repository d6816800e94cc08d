"""What a definite answer of Azure's means for a VM: the outcome table of the records, as functions.

Status codes decide; words only tell apart what Azure answers under one code, and code and
message stay verbatim in the record. The exact words for a stopped VM or a missing agent are published
nowhere, so the patterns are wide and fall back to the status code.
"""

from __future__ import annotations

import re
from dataclasses import replace

from fleetscan.engine.replies import innermost_error, read_error
from fleetscan.model import (
    ERROR_KEYS,
    Ending,
    Failure,
    Json,
    Outcome,
    OwnCode,
    Reason,
    Reply,
    Source,
    Stage,
)
from fleetscan.patch_counts import told_counts

# The two statuses with which Azure says that a result's counts are whole.
GOOD_STATUSES = frozenset({"succeeded", "completedwithwarnings"})

# Names of VMs and groups, which may say anything.
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")

# What Azure's code and message may say, in the order in which they are tried.
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
    """The end of a VM whose request Azure definitely refused."""
    error = read_error(reply, stage)
    if stage is Stage.START and reply.status in (400, 409, 412, 422):
        said = QUOTED.sub("", f"{error.code}: {error.message}")
        for pattern, outcome, reason in SPOKEN_REASONS:
            if pattern.search(said):
                return Ending(outcome, reason, error=error)
    return Ending(Outcome.FAILED, STATUS_REASONS.get(reply.status, Reason.REFUSED), error=error)


def exhausted(reply: Reply, stage: Stage) -> Ending:
    """The end of a VM that got no answer in any attempt; `reply` is the last."""
    if reply.status == 429:
        reason = Reason.THROTTLED
    elif reply.fault is not None or reply.status == 408 or reply.status >= 500:
        reason = Reason.UNREACHABLE
    else:
        reason = Reason.MALFORMED_REPLY
    return Ending(Outcome.FAILED, reason, error=read_error(reply, stage))


NO_URL = "Azure accepted the start and gave no URL under which to follow it"
NO_OBJECT = "the assessment's result is not a JSON object"
NO_COUNTS = "the assessment succeeded but does not say how many patches are missing"


def malformed(reply: Reply, stage: Stage, why: str) -> Ending:
    """The end of a VM whose reply has the right status and makes no sense."""
    error = Failure.of_fleetscan(OwnCode.MALFORMED_REPLY, why, stage, reply)
    return Ending(Outcome.FAILED, Reason.MALFORMED_REPLY, error=error)


def no_result(reply: Reply, stage: Stage, why: str) -> Ending:
    """The end of a VM whose operation ended without a result."""
    return replace(malformed(reply, stage, why), reason=Reason.NO_RESULT)


def timed_out(reply: Reply, stage: Stage, timeout_s: float) -> Ending:
    """The end of a VM whose operation was still running so long after its start."""
    why = f"the operation was still running {timeout_s:g} s after its start"
    error = Failure.of_fleetscan(OwnCode.OPERATION_TIMEOUT, why, stage, reply)
    return Ending(Outcome.TIMED_OUT, Reason.OPERATION_TIMEOUT, error=error)


def fate_unknown() -> Ending:
    """The end of a VM whose start left no trace, and that must not be started again."""
    why = "the assessment was started, its reply was lost, and no trace of it was found on the VM"
    return _unreachable(OwnCode.START_OF_UNKNOWN_FATE, why, Stage.START)


def given_up(stage: Stage, *, was_tried: bool) -> Ending:
    """The end of a VM in a region that gave no answer for so long that it is not asked any more."""
    if was_tried:
        code, told = OwnCode.REGION_UNREACHABLE, "the result of the assessment is unknown"
    else:
        code, told = OwnCode.NOT_TRIED, "the assessment was not tried"
    why = f"the VM's region answered no request of its subscription for ten minutes: {told}"
    return _unreachable(code, why, stage)


def _unreachable(code: OwnCode, why: str, stage: Stage) -> Ending:
    return Ending(Outcome.FAILED, Reason.UNREACHABLE, error=Failure.of_fleetscan(code, why, stage))


def operation_ended_badly(reply: Reply, body: dict[str, Json], *, canceled: bool) -> Ending:
    """The end of a VM whose operation says Failed or Canceled, in an HTTP 200."""
    reason = Reason.OPERATION_CANCELED if canceled else Reason.OPERATION_FAILED
    code, message = innermost_error({"error": body.get("error")})
    return Ending(Outcome.FAILED, reason, error=Failure.of_azure(reply, code, message, Stage.POLL))


def assessment(reply: Reply, result: dict[str, Json], source: Source = Source.OPERATION) -> Ending:
    """The end of a VM whose result came: judged by its own status, then by its counts.

    The error in a result is present on success too and decides nothing.
    """
    status = result.get("status")
    if not isinstance(status, str) or status.lower() not in GOOD_STATUSES:
        code, message = innermost_error({"error": result.get(ERROR_KEYS[source])})
        error = Failure.of_azure(reply, code, message, Stage.RESULT)
        ending = Ending(Outcome.FAILED, Reason.ASSESSMENT_FAILED, error=error)
    elif None in told_counts(result, source):
        ending = no_result(reply, Stage.RESULT, NO_COUNTS)
    else:
        ending = Ending(Outcome.ASSESSED)
    return replace(ending, assessment=result, source=source)
