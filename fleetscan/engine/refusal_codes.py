"""Azure's refusals of a start as data: what each code means, whether it may pass, and for which VMs it holds.

Codes compare without case. Words of a message are read only where the code is unknown or says little. The
facts are from Microsoft's documents and public reports; what is not here falls back to the HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from fleetscan.model import Outcome, Reason


class Reach(Enum):
    """Which VMs a refusal is about."""

    VM = "vm"
    GROUP = "group"
    SUBSCRIPTION = "subscription"
    NAMED = "named"
    """Those in the scope that the message names as locked."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal means. One that `may_pass` is met again later; a definite one is asked for once.

    Where `is_assessing`, another assessment of the VM is running, and its result is as good as ours.
    """

    outcome: Outcome
    reason: Reason
    may_pass: bool = False
    reach: Reach = Reach.VM
    is_assessing: bool = False


NOT_RUNNING = Refusal(Outcome.SKIPPED, Reason.NOT_RUNNING)
UNSUPPORTED = Refusal(Outcome.SKIPPED, Reason.UNSUPPORTED)
INSTALLING = Refusal(Outcome.SKIPPED, Reason.BUSY)
AGENT_NOT_READY = Refusal(Outcome.FAILED, Reason.AGENT_NOT_READY)
REFUSED = Refusal(Outcome.FAILED, Reason.REFUSED)
DENIED = Refusal(Outcome.FAILED, Reason.DENIED)
GONE = Refusal(Outcome.FAILED, Reason.GONE)
CONFLICT = Refusal(Outcome.FAILED, Reason.CONFLICT, may_pass=True)
ASSESSING = Refusal(Outcome.FAILED, Reason.CONFLICT, may_pass=True, is_assessing=True)
LOCKED = Refusal(Outcome.FAILED, Reason.REFUSED, reach=Reach.NAMED)
GROUP_GONE = Refusal(Outcome.FAILED, Reason.GONE, reach=Reach.GROUP)
SUBSCRIPTION_GONE = Refusal(Outcome.FAILED, Reason.GONE, reach=Reach.SUBSCRIPTION)
SUBSCRIPTION_REFUSED = Refusal(Outcome.FAILED, Reason.REFUSED, reach=Reach.SUBSCRIPTION)

_CODES = {
    # About the whole subscription, or about every request to it.
    "ReadOnlyDisabledSubscription": SUBSCRIPTION_REFUSED,
    "SubscriptionDisabled": SUBSCRIPTION_REFUSED,
    "DisabledSubscription": SUBSCRIPTION_REFUSED,
    "MissingSubscriptionRegistration": SUBSCRIPTION_REFUSED,
    "SubscriptionNotRegistered": SUBSCRIPTION_REFUSED,
    "DisallowedOperation": SUBSCRIPTION_REFUSED,
    "InvalidApiVersionParameter": SUBSCRIPTION_REFUSED,
    "SubscriptionNotFound": SUBSCRIPTION_GONE,
    "InvalidSubscriptionId": SUBSCRIPTION_GONE,
    # About a resource group.
    "ResourceGroupBeingDeleted": GROUP_GONE,
    "ResourceGroupNotFound": GROUP_GONE,
    # A lock is on the scope that its message names.
    "ScopeLocked": LOCKED,
    # About one VM.
    "AuthorizationFailed": DENIED,
    "LinkedAuthorizationFailed": DENIED,
    "RequestDisallowedByPolicy": DENIED,
    "DeniedByPolicy": DENIED,
    "ResourceNotFound": GONE,
    "ParentResourceNotFound": GONE,
    "VMMarkedForDeletion": GONE,
    "VMNotRunning": NOT_RUNNING,
    "VMAgentStatusCommunicationError": AGENT_NOT_READY,
    "VMAgentNotReady": AGENT_NOT_READY,
    "GuestAgentNotReady": AGENT_NOT_READY,
    "UnsupportedOS": UNSUPPORTED,
    "UnsupportedImage": UNSUPPORTED,
    "MissingRegistrationForLocation": REFUSED,
    "NoRegisteredProviderFound": REFUSED,
    "VMExtensionManagementNotAllowed": REFUSED,
    "PropertyChangeNotAllowed": REFUSED,
    # Another operation holds the VM.
    "RetryableErrorDueToAnotherOperation": CONFLICT,
    "AnotherOperationInProgress": CONFLICT,
    "ConflictingConcurrentWriteNotAllowed": CONFLICT,
    "OperationPreempted": CONFLICT,
    "ResourceBusy": CONFLICT,
}

CODES: Mapping[str, Refusal] = MappingProxyType({code.lower(): refusal for code, refusal in _CODES.items()})
"""What each known code means, by the code in lower case."""

# That an operation is at work.
RUNNING = r"\b(in progress|(already|currently) running|(is|are) running|under way|ongoing)\b"


# The VM itself, by any name: what is on it may not run while it does.
THE_VM = (
    r"(?<!\bon the )(?<!\bof the )(?<!\bin the )\b(VM|virtual machine)\s+"
    r"((?!extension|service|is)[\w-]+\s+)?"
)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# An installation is told before an assessment: a start must not end it.
MESSAGES: tuple[tuple[re.Pattern[str], Refusal], ...] = (
    (
        _words(
            r"agent\b[^.]{0,500}\b(not|isn't|hasn't|unable|unavailable|missing)\b"
            r"|AgentNotReady|AgentStatus"
        ),
        AGENT_NOT_READY,
    ),
    (_words(r"\bmarked for deletion\b|\bis being deleted\b"), GONE),
    (
        _words(
            r"\brequires the VM to be running\b|\bdeallocated or marked to be deallocated\b|VMNotRunning"
            rf"|{THE_VM}(is not|isn't) (currently )?running\b|\bnot in a running state\b"
            r"|\b(VM|virtual machine)\b[^.]{0,500}\bit (is not|isn't) running\b"
            rf"|{THE_VM}(is|has been) (currently )?(in (a|the) )?(stopped|deallocated)\b"
        ),
        NOT_RUNNING,
    ),
    (_words(r"\bextension operations are (disallowed|not allowed)\b"), REFUSED),
    (_words(r"\bscope\b[^.]{0,500}\blocked\b"), LOCKED),
    (
        _words(
            rf"\b(patch(es)? installation|installation of patches|install ?patches)\b[^.]{{0,500}}{RUNNING}"
        ),
        INSTALLING,
    ),
    (
        _words(
            rf"\b(assessments?|assess ?patches)\b[^.]{{0,500}}{RUNNING}"
            r"|\b(running|ongoing) (patch )?assessment\b"
        ),
        ASSESSING,
    ),
    # With case: `OS` is a word, and `os` a part of many.
    (
        re.compile(
            r"UnsupportedOS|UnsupportedImage"
            r"|\b(OS|operating system|image)\b[^.]{0,500}\b(not supported|unsupported)\b"
        ),
        UNSUPPORTED,
    ),
)
"""What messages say where the code is unknown or generic, in the order in which they are tried.

Names in quotes are not part of what they say.
"""

PASSING = _words(
    r"\b(another|concurrent|conflicting)\b|\bconflict\b|\bin progress\b|\bis being\b|\bcurrently\b"
    r"|\b(try|retry)\b.{0,500}\b(again|later)\b"
)
"""What tells an operation that is refused for now from one that is not allowed."""

# Says that something is not allowed now or at all; only its message says which.
NOT_ALLOWED = "operationnotallowed"

BY_STATUS: Mapping[int, Refusal] = MappingProxyType(
    {401: DENIED, 403: DENIED, 404: GONE, 410: GONE, 409: CONFLICT}
)
"""What a refusal means of which only the status is known; any other is a definite no."""
