"""The error codes that are fleetscan's own: with which reasons each stands in a row, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fleetscan.model import Fault, OwnCode, Reason

# Azure's HTTP status decides the reason, and the reply has nothing else that could be read.
BY_STATUS = (
    Reason.DENIED,
    Reason.GONE,
    Reason.CONFLICT,
    Reason.REFUSED,
    Reason.THROTTLED,
    Reason.UNREACHABLE,
    Reason.MALFORMED_REPLY,
)
# A refusal that can hold for VMs that are not asked: of a subscription, of a resource group.
SPREADING = (Reason.DENIED, Reason.GONE, Reason.REFUSED, Reason.UNREACHABLE)


class Told(NamedTuple):
    """The reasons that a code goes with, and what has happened, as a sentence without its end."""

    reasons: tuple[Reason, ...]
    what: str


OWN_CODES: Mapping[OwnCode | Fault, Told] = {
    Fault.NOT_SENT: Told((Reason.UNREACHABLE,), "no connection could be made, so Azure saw no request"),
    Fault.CUT: Told((Reason.UNREACHABLE,), "the connection broke before a reply was complete"),
    OwnCode.REGION_UNREACHABLE: Told(
        (Reason.UNREACHABLE,),
        "the assessment was started, then the VM's region stopped answering: its result is unknown",
    ),
    OwnCode.START_OF_UNKNOWN_FATE: Told(
        (Reason.UNREACHABLE,),
        "the reply to the start was lost, and no trace of an assessment was found on the VM",
    ),
    OwnCode.NOT_TRIED: Told(
        SPREADING,
        "nothing was sent for the VM: the message begins with the code of a refusal that holds for it too, "
        "or with RegionUnreachable",
    ),
    OwnCode.REPLY_TOO_LARGE: Told(
        BY_STATUS, "the reply was too large to be read; its HTTP status decides the reason"
    ),
    OwnCode.MALFORMED_REPLY: Told(
        (Reason.MALFORMED_REPLY,),
        "the reply has the right HTTP status and makes no sense, as the message says",
    ),
    OwnCode.NO_RESULT: Told((Reason.NO_RESULT,), "the operation succeeded and told no counts of patches"),
    OwnCode.OPERATION_TIMEOUT: Told(
        (Reason.OPERATION_TIMEOUT,), "the assessment was still running after --operation-timeout"
    ),
    OwnCode.INTERNAL_ERROR: Told((Reason.INTERNAL_ERROR,), "a bug in fleetscan; the message names it"),
}
