"""What a definite answer of Azure's means for a VM: the outcome table of the records, as functions.

What each refusal means is a table, `refusal_codes`; code and message stay verbatim in the record. Azure's
exact words for a stopped VM or a missing agent are published nowhere: what is not in the table means what its
HTTP status means.
"""

from __future__ import annotations

import re
from dataclasses import replace

from fleetscan.engine.refusal_codes import BY_STATUS, CODES, MESSAGES, NOT_ALLOWED, PASSING, REFUSED, Refusal
from fleetscan.engine.replies import error_codes, innermost_error, parse_object, read_error
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
    Target,
)
from fleetscan.not_tried import not_tried_words
from fleetscan.patch_counts import told_counts

# The two statuses with which Azure says that a result's counts are whole.
GOOD_STATUSES = frozenset({"succeeded", "completedwithwarnings"})

# Names of VMs and groups, which may say anything. An apostrophe inside a word opens and closes nothing.
QUOTED = re.compile(r"(?<!\w)'(?:[^']|(?<=\w)'(?=\w))*'(?!\w)|\"[^\"]*\"|\u201c[^\u201d]*\u201d")
# No error says more than this; a longer text is no explanation.
SAID_MOST = 4096
# Under these Azure says in words what it means.
SPOKEN_STATUSES = frozenset({400, 409, 412, 422})
# The codes of an operation that a newer one of its VM ended: Azure's, and the guest extension's.
PREEMPTED = frozenset({"operationpreempted", "newer_operation_superseded"})


def refusal(reply: Reply, stage: Stage) -> Ending:
    """The end of a VM whose request Azure definitely refused."""
    error = read_error(reply, stage)
    meant = meaning(reply) if stage is Stage.START else BY_STATUS.get(reply.status, REFUSED)
    return Ending(meant.outcome, meant.reason, error=error)


def meaning(reply: Reply) -> Refusal:
    """What the refusal of a start means: by the innermost code that is known, by its words, by its status."""
    for code in error_codes(parse_object(reply.body) or {}):
        if (known := CODES.get(code.lower())) is not None:
            return known
    if reply.status in SPOKEN_STATUSES and (spoken := _spoken(reply)) is not None:
        return spoken
    return BY_STATUS.get(reply.status, REFUSED)


def _spoken(reply: Reply) -> Refusal | None:
    """What the words of a refusal mean, where they mean anything."""
    error = read_error(reply, Stage.START)
    said = QUOTED.sub("", f"{error.code}: {error.message}")[:SAID_MOST]
    for pattern, meant in MESSAGES:
        if pattern.search(said):
            return meant
    is_not_allowed = reply.status == 409 and (error.code or "").lower() == NOT_ALLOWED
    return REFUSED if is_not_allowed and not PASSING.search(said) else None


def is_preempted(body: dict[str, Json] | None, error_key: str = "error") -> bool:
    """Whether the error in `body` says that a newer operation of the VM ended this one."""
    error = (body or {}).get(error_key)
    codes = error_codes(error if isinstance(error, dict) else body or {})
    return any(code.lower() in PREEMPTED for code in codes)


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
    code = OwnCode.REPLY_TOO_LARGE if reply.detail == why else OwnCode.MALFORMED_REPLY
    error = Failure.of_fleetscan(code, why, stage, reply)
    return Ending(Outcome.FAILED, Reason.MALFORMED_REPLY, error=error)


def no_result(reply: Reply, stage: Stage, why: str) -> Ending:
    """The end of a VM whose operation ended without a result."""
    error = Failure.of_fleetscan(OwnCode.NO_RESULT, why, stage, reply)
    return Ending(Outcome.FAILED, Reason.NO_RESULT, error=error)


def timed_out(reply: Reply, stage: Stage, timeout_s: float) -> Ending:
    """The end of a VM whose operation was still running so long after its start."""
    why = f"the operation was still running {timeout_s:g} s after its start"
    error = Failure.of_fleetscan(OwnCode.OPERATION_TIMEOUT, why, stage, reply)
    return Ending(Outcome.TIMED_OUT, Reason.OPERATION_TIMEOUT, error=error)


def nothing_shown() -> Ending:
    """The end of a VM that another client's assessment held, where no result of one ever showed."""
    why = "another client's assessment held the VM, and no result of one showed in the operation's time"
    error = Failure.of_fleetscan(OwnCode.OPERATION_TIMEOUT, why, Stage.RESULT)
    return Ending(Outcome.TIMED_OUT, Reason.OPERATION_TIMEOUT, error=error)


def installing() -> Ending:
    """The end of a VM on which patches are being installed: an assessment might end that."""
    return Ending(Outcome.SKIPPED, Reason.BUSY)


def fate_unknown() -> Ending:
    """The end of a VM whose start left no trace, and that must not be started again."""
    why = "the assessment was started, its reply was lost, and no trace of it was found on the VM"
    return _unreachable(OwnCode.START_OF_UNKNOWN_FATE, why, Stage.START)


def given_up(stage: Stage, region: str | None, *, was_tried: bool) -> Ending:
    """The end of a VM in a region that gave no answer for so long that it is not asked any more."""
    where, code = f"region {region or 'unknown'}", OwnCode.REGION_UNREACHABLE
    silent = "no request of the VM's subscription was answered there for ten minutes"
    if was_tried:
        return _unreachable(code, f"{where} does not answer; the VM's result is unknown: {silent}", stage)
    return _unreachable(OwnCode.NOT_TRIED, not_tried_words(code.value, f"in {where}", silent), stage)


def _unreachable(code: OwnCode, why: str, stage: Stage) -> Ending:
    return Ending(Outcome.FAILED, Reason.UNREACHABLE, error=Failure.of_fleetscan(code, why, stage))


def operation_ended_badly(reply: Reply, body: dict[str, Json], *, canceled: bool) -> Ending:
    """The end of a VM whose operation says Failed or Canceled, in an HTTP 200."""
    reason = Reason.OPERATION_CANCELED if canceled else Reason.OPERATION_FAILED
    code, message = innermost_error({"error": body.get("error")})
    return Ending(Outcome.FAILED, reason, error=Failure.of_azure(reply, code, message, Stage.POLL))


def operation_of(target: Target) -> Source:
    """What kind of operation an assessment of `target` is: it decides the shape of its result."""
    return Source.ARC_OPERATION if target.is_arc else Source.OPERATION


def assessment(reply: Reply, result: dict[str, Json], source: Source = Source.OPERATION) -> Ending:
    """The end of a VM whose result came: judged by its own status, then by its counts.

    The error in a result is present on success too and decides nothing.
    """
    status = result.get("status")
    is_good = isinstance(status, str) and status.lower() in GOOD_STATUSES
    if is_good and None not in told_counts(result, source):
        return Ending(Outcome.ASSESSED, assessment=result, source=source)
    if is_good:
        ending = no_result(reply, Stage.RESULT, NO_COUNTS)
    else:
        code, message = innermost_error({"error": result.get(ERROR_KEYS[source])})
        error = Failure.of_azure(reply, code, message, Stage.RESULT)
        ending = Ending(Outcome.FAILED, Reason.ASSESSMENT_FAILED, error=error)
    return replace(ending, assessment=result, source=source)
