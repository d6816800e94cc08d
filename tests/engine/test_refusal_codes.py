"""What Azure's refusals of a start mean: asked once or again, skipped or failed, and of which VMs."""

from __future__ import annotations

import time

import pytest

from fleetscan.engine import outcomes
from fleetscan.model import Json, Outcome, Reason, RequestKind
from tests.engine.test_operation import Course, error, reply

NOT_ALLOWED = "OperationNotAllowed"


@pytest.mark.parametrize(
    ("status", "code", "message", "reason"),
    [
        (
            409,
            "ScopeLocked",
            "cannot perform write operation. Please remove the lock and try again.",
            "refused",
        ),
        (409, "ReadOnlyDisabledSubscription", "The subscription is disabled.", "refused"),
        (409, "readonlydisabledsubscription", "The subscription is disabled.", "refused"),
        (409, "MissingSubscriptionRegistration", "not registered to use 'Microsoft.Compute'", "refused"),
        (404, "SubscriptionNotFound", "The subscription could not be found.", "gone"),
        (409, "ResourceGroupBeingDeleted", "It is in deprovisioning state.", "gone"),
        (409, NOT_ALLOWED, "The VM 'a' is marked for deletion.", "gone"),
        (409, NOT_ALLOWED, "VM 'a': extension operations are disallowed.", "refused"),
        (409, NOT_ALLOWED, "This cannot be done to VM 'a' at all.", "refused"),
        (409, "Conflict", "The host's check failed: the VM agent isn't there.", "agent_not_ready"),
    ],
)
def test_a_definite_refusal_is_asked_for_once(status: int, code: str, message: str, reason: str) -> None:
    ending = Course().gets(error(status, code, message)).ending
    assert (ending.outcome, ending.reason) == (Outcome.FAILED, Reason(reason))
    assert ending.error is not None
    assert (ending.error.code, ending.error.message) == (code, message)
    assert ending.trace is not None
    assert ending.trace.starts == 1


@pytest.mark.parametrize(
    "message",
    [
        "the operation requires the VM to be running (or set to run).",
        "The VM 'a' is either deallocated or marked to be deallocated.",
        "The VM's power is off: it isn't running, says the host's agent.",
    ],
)
def test_words_that_say_that_the_vm_does_not_run_skip_it(message: str) -> None:
    ending = Course().gets(error(409, NOT_ALLOWED, message)).ending
    assert (ending.outcome, ending.reason) == (Outcome.SKIPPED, Reason.NOT_RUNNING)


def test_a_running_installation_is_not_asked_to_make_way() -> None:
    ending = Course().gets(error(409, "Conflict", "A patch installation is in progress on VM 'a'.")).ending
    assert (ending.outcome, ending.reason) == (Outcome.SKIPPED, Reason.BUSY)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (409, "Conflict", "The request failed due to conflict with a concurrent request."),
        (409, "AnotherOperationInProgress", "Try again later."),
        (409, "ANOTHEROPERATIONINPROGRESS", "Try again later."),
        (409, "RetryableErrorDueToAnotherOperation", "no"),
        (400, "RetryableErrorDueToAnotherOperation", "no"),
        (409, "NeverHeardOf", "no"),
        (409, NOT_ALLOWED, "Another operation is in progress on the VM; try again later."),
    ],
)
def test_a_conflict_with_another_operation_is_met_again_after_half_a_minute(
    status: int, code: str, message: str
) -> None:
    again = Course().gets(error(status, code, message)).next
    assert (again.kind, again.after_s) == (RequestKind.START, 30.0)


def test_a_code_inside_another_is_the_one_that_counts() -> None:
    inner: Json = [{"code": "ScopeLocked", "message": "locked"}]
    wrapped: Json = {"error": {"code": "Conflict", "message": "no", "details": inner}}
    assert Course().gets(reply(409, wrapped)).ending.reason is Reason.REFUSED
    outer: Json = {"error": {"code": "ScopeLocked", "message": "no", "details": [{"code": "Detail"}]}}
    assert Course().gets(reply(409, outer)).ending.reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("The Windows Update service is not running on the VM.", Reason.REFUSED),
        ("The patch extension isn't running", Reason.REFUSED),
        ("VM extension is not running", Reason.REFUSED),
        ("The agent on the VM is not running", Reason.AGENT_NOT_READY),
        ("WaAppAgent is not running", Reason.AGENT_NOT_READY),
        ("The VM is running but its agent is not running", Reason.AGENT_NOT_READY),
        ("Patch installation isn't running. Another operation is in progress.", Reason.CONFLICT),
        ("Virtual machine 'x' is deallocated.", Reason.NOT_RUNNING),
        ("VM is currently deallocated", Reason.NOT_RUNNING),
        ("The VM is in a stopped state", Reason.NOT_RUNNING),
    ],
)
def test_what_runs_on_a_vm_is_not_the_vm(message: str, reason: Reason) -> None:
    assert outcomes.meaning(error(409, "OperationNotAllowed", message)).reason is reason


@pytest.mark.parametrize("words", ["VM agent ", "patch installation ", "scope ", "try ", "assessment "])
def test_a_message_of_any_length_is_read_at_once(words: str) -> None:
    began = time.process_time()
    outcomes.meaning(error(409, "Conflict", words * 20_000))
    assert time.process_time() - began < 0.5
