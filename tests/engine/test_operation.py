"""One assessment on ARM's long-running operation protocol: each rule as one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from fleetscan.addresses import Origin
from fleetscan.engine.operation import Operation
from fleetscan.engine.pacing import Pacing
from fleetscan.engine.retrying import Retrying
from fleetscan.engine.rules import OperationRules
from fleetscan.model import Ending, Fault, Json, Outcome, Reason, Reply, RequestKind, Stage, Target, Turn

ARM = "https://management.azure.com"
VM = "/subscriptions/S-1/resourceGroups/rg (blue)/providers/Microsoft.Compute/virtualMachines/vm-1"
STATUS_URL = (
    f"{ARM}/subscriptions/S-1/providers/Microsoft.Compute/locations/westeurope/operations/7?p=1&t=b%2fA&s=+x"
)
LOCATION_URL = f"{STATUS_URL}&monitor=true"
BOTH_URLS = {"azure-asyncoperation": STATUS_URL, "location": LOCATION_URL}
RESULT: dict[str, Json] = {
    "status": "Succeeded",
    "criticalAndSecurityPatchCount": 0,
    "otherPatchCount": 4,
    "error": {"code": "Success", "message": "0 error/s reported"},
}

RULES = OperationRules(
    endpoint=ARM,
    origin=Origin.of(ARM),
    api_version="2022-08-01",
    pacing=Pacing(lambda: 0.0, first_poll_s=75.0, poll_interval_s=30.0),
    retrying=Retrying(lambda: 0.0, attempts=4, throttled_attempts=5),
    timeout_s=1800.0,
)


class Course:
    """An operation driven by hand at literal times; `asked` is what it wants next."""

    def __init__(self) -> None:
        self.operation = Operation(Target(VM, "S-1", "rg (blue)", "vm-1", location="westeurope"), RULES)
        self.now = 1000.0
        self.asked: Turn | None = self.operation.begin(self.now)

    def gets(self, reply: Reply, *, after_s: float = 0.0) -> Course:
        """The outstanding request is sent after `after_s` and answered at once."""
        assert self.asked is not None, "it has ended already"
        self.now += after_s
        self.asked = self.operation.receive(reply, self.now, self.now)
        return self

    @property
    def ending(self) -> Ending:
        assert self.asked is None, "it goes on"
        return self.operation.ending

    @property
    def url(self) -> str:
        assert self.asked is not None, "it has ended"
        return self.operation.request().url

    @property
    def next(self) -> Turn:
        assert self.asked is not None, f"it ended: {self.operation.ending}"
        return self.asked


def reply(status: int, body: Json = None, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, b"" if body is None else json.dumps(body).encode())


def accepted(**headers: str) -> Course:
    return Course().gets(reply(202, headers=BOTH_URLS | headers))


def status(word: str, **more: Json) -> Reply:
    return reply(200, {"status": word, "startTime": "2026-01-01T00:00:00.1234567+00:00", **more})


def error(status_code: int, code: str, message: str = "said Azure") -> Reply:
    return reply(status_code, {"error": {"code": code, "message": message}})


# The start


def test_the_start_is_a_post_without_a_body_on_the_machines_own_id() -> None:
    request = Course().operation.request()
    assert (request.method, request.body) == ("POST", b"")
    assert request.url == (
        f"{ARM}/subscriptions/S-1/resourceGroups/rg%20(blue)/providers/Microsoft.Compute/virtualMachines/vm-1"
        "/assessPatches?api-version=2022-08-01"
    )


def test_a_start_draws_on_the_buckets_of_its_subscription_and_region() -> None:
    ask = Course().next
    assert (ask.kind, ask.subscription_id, ask.region) == (RequestKind.START, "s-1", "westeurope")


def test_a_200_ends_it_with_the_body_as_the_result() -> None:
    ending = Course().gets(reply(200, RESULT)).ending
    assert (ending.outcome, ending.assessment) == (Outcome.ASSESSED, RESULT)


def test_a_204_is_no_result() -> None:
    ending = Course().gets(reply(204)).ending
    assert (ending.outcome, ending.reason) == (Outcome.FAILED, Reason.NO_RESULT)


def test_a_silent_202_is_polled_after_the_first_poll_time() -> None:
    ask = accepted().next
    assert (ask.kind, ask.after_s) == (RequestKind.POLL, 75.0)


def test_retry_after_is_a_floor_for_the_first_poll() -> None:
    assert accepted(**{"retry-after": "200"}).next.after_s == 200.0
    assert accepted(**{"retry-after": "1"}).next.after_s == 75.0


def test_azure_async_operation_goes_before_location_byte_for_byte() -> None:
    assert accepted().url == STATUS_URL


def test_location_alone_is_followed() -> None:
    course = Course().gets(reply(202, headers={"location": LOCATION_URL}))
    assert course.url == LOCATION_URL


def test_a_202_without_any_url_is_an_error_and_no_silent_success() -> None:
    ending = Course().gets(reply(202)).ending
    assert (ending.outcome, ending.reason) == (Outcome.FAILED, Reason.MALFORMED_REPLY)
    assert ending.error is not None
    assert "no URL" in str(ending.error.message)


def test_a_relative_url_is_joined_to_the_endpoint() -> None:
    course = Course().gets(reply(202, headers={"location": "/subscriptions/S-1/operations/7?t=b%2fA"}))
    assert course.url == f"{ARM}/subscriptions/S-1/operations/7?t=b%2fA"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/operations/7",
        "http://management.azure.com/operations/7",
        "https://management.azure.com:8443/operations/7",
        "https://management.azure.com@evil.example/operations/7",
        "https://user:word@management.azure.com/operations/7",
        "https://evil.example\\@management.azure.com/operations/7",
        "//evil.example/operations/7",
        "https://management.azure.com/ope rations",
        "https:///operations/7",
        "file:///etc/passwd",
        "https://management.azure.com.evil.example/",
        "//[",
    ],
)
@pytest.mark.parametrize("header", ["azure-asyncoperation", "location"])
def test_an_url_that_leads_away_from_azure_is_refused(header: str, url: str) -> None:
    ending = Course().gets(reply(202, headers={header: url})).ending
    assert (ending.outcome, ending.reason) == (Outcome.FAILED, Reason.MALFORMED_REPLY)


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (error(400, "InvalidParameter"), Outcome.FAILED, Reason.REFUSED),
        (error(403, "AuthorizationFailed"), Outcome.FAILED, Reason.DENIED),
        (error(404, "ResourceNotFound"), Outcome.FAILED, Reason.GONE),
        (error(302, "Moved"), Outcome.FAILED, Reason.REFUSED),
        (
            error(409, "OperationNotAllowed", "Cannot assess: the VM is not running."),
            Outcome.SKIPPED,
            Reason.NOT_RUNNING,
        ),
        (error(400, "BadRequest", "The OS image is not supported."), Outcome.SKIPPED, Reason.UNSUPPORTED),
        (
            error(409, "VMAgentStatusCommunicationError", "VM agent is not running"),
            Outcome.FAILED,
            Reason.AGENT_NOT_READY,
        ),
    ],
)
def test_a_definite_no_ends_it_by_its_status_and_its_words(
    answer: Reply, outcome: Outcome, reason: Reason
) -> None:
    ending = Course().gets(answer).ending
    assert (ending.outcome, ending.reason) == (outcome, reason)
    assert ending.error is not None
    assert (ending.error.stage, ending.error.http_status) == (Stage.START, answer.status)


@pytest.mark.parametrize(
    ("status", "message", "outcome", "reason"),
    [
        (
            409,
            "Cannot do it on VM 'build-agent-01' since it is not running.",
            Outcome.SKIPPED,
            Reason.NOT_RUNNING,
        ),
        (400, "The api-version is not supported; those supported are ...", Outcome.FAILED, Reason.REFUSED),
        (400, "Assessment is not supported while the host is serviced", Outcome.FAILED, Reason.REFUSED),
        (400, "It is not supported: resource group rg-cosmos is locked", Outcome.FAILED, Reason.REFUSED),
        (400, "VM 'vm is not running' has a bad name", Outcome.FAILED, Reason.REFUSED),
    ],
)
def test_the_names_in_a_message_and_parts_of_words_are_no_reason(
    status: int, message: str, outcome: Outcome, reason: Reason
) -> None:
    ending = Course().gets(error(status, "OperationNotAllowed", message)).ending
    assert (ending.outcome, ending.reason) == (outcome, reason)


def test_a_machines_own_throttle_keeps_its_starts_half_a_minute_apart() -> None:
    own = {"code": "OperationNotAllowed", "details": [{"code": "TooManyRequests", "target": "XResource"}]}
    assert Course().gets(reply(429, own)).next.after_s == 30.0  # type: ignore[arg-type]


def test_retry_after_is_a_floor_for_conflicts_and_lost_polls_too() -> None:
    conflict = Reply(409, {"retry-after": "300"}, b'{"error": {"code": "Conflict", "message": "busy"}}')
    assert Course().gets(conflict).next.after_s == 300.0
    assert accepted().gets(Reply(404, {"retry-after": "120"})).next.after_s == 120.0


@pytest.mark.parametrize("code", [201, 202])
def test_a_status_that_says_succeeded_ends_it_whatever_its_http_code(code: int) -> None:
    done = reply(code, {"status": "Succeeded", "properties": {"output": RESULT}})
    assert accepted().gets(done).ending.outcome is Outcome.ASSESSED


def test_a_conflict_is_tried_again_half_a_minute_apart_and_then_kept() -> None:
    conflict = error(409, "Conflict", "another operation is in progress")
    course = Course().gets(conflict)
    assert (course.next.kind, course.next.after_s) == (RequestKind.START, 30.0)
    assert course.gets(conflict).gets(conflict).ending.reason is Reason.CONFLICT


@pytest.mark.parametrize("answer", [Reply(0, fault=Fault.NOT_SENT), Reply(503)])
def test_a_start_that_azure_cannot_have_taken_is_sent_again_soon(answer: Reply) -> None:
    ask = Course().gets(answer).next
    assert (ask.kind, ask.after_s, ask.is_retry) == (RequestKind.START, 0.5, True)


def test_starts_are_not_sent_again_for_ever() -> None:
    course = Course()
    for _ in range(4):
        course.gets(Reply(503))
    assert course.ending.reason is Reason.UNREACHABLE
    assert course.ending.trace is not None
    assert course.ending.trace.starts == 4


def test_a_throttled_start_waits_for_its_appointment_and_is_no_failure() -> None:
    course = Course()
    for _ in range(4):
        course.gets(Reply(429, {"retry-after": "17"}))
        assert course.next.after_s >= 17.0
    assert course.gets(Reply(429)).ending.reason is Reason.THROTTLED


# The polls


def test_a_poll_that_says_running_is_followed_by_another_after_the_interval() -> None:
    course = accepted().gets(status("InProgress"), after_s=75.0)
    assert (course.next.kind, course.next.after_s) == (RequestKind.POLL, 30.0)


@pytest.mark.parametrize("word", ["Running", "Updating", "Accepted", "succeeded!", ""])
def test_every_word_but_three_means_still_running(word: str) -> None:
    assert accepted().gets(status(word)).next.kind is RequestKind.POLL


def test_retry_after_is_a_floor_for_the_next_poll() -> None:
    course = accepted().gets(reply(200, {"status": "InProgress"}, {"retry-after": "300"}))
    assert course.next.after_s == 300.0


def test_a_retry_after_of_nothing_means_soon_and_not_at_once() -> None:
    course = accepted().gets(reply(200, {"status": "InProgress"}, {"retry-after": "0"}), after_s=75.0)
    assert course.next.after_s == 30.0


@pytest.mark.parametrize("word", ["Succeeded", "succeeded", "SUCCEEDED"])
def test_the_result_in_the_status_spares_the_read_of_location(word: str) -> None:
    course = accepted().gets(status(word, properties={"output": RESULT}))
    assert (course.ending.outcome, course.ending.assessment) == (Outcome.ASSESSED, RESULT)


def test_location_is_read_where_the_status_has_no_result() -> None:
    course = accepted().gets(status("Succeeded"))
    assert (course.next.kind, course.url) == (RequestKind.RESULT, LOCATION_URL)
    assert course.gets(reply(200, RESULT)).ending.outcome is Outcome.ASSESSED


def test_a_result_that_is_not_there_yet_is_read_again_soon() -> None:
    course = accepted().gets(status("Succeeded"), after_s=120.0).gets(reply(202), after_s=1.0)
    assert (course.next.kind, course.next.after_s) == (RequestKind.RESULT, 4.0)


def test_a_success_without_result_and_location_is_no_result() -> None:
    course = Course().gets(reply(202, headers={"azure-asyncoperation": STATUS_URL}))
    assert course.gets(status("Succeeded")).ending.reason is Reason.NO_RESULT


def test_a_failed_operation_is_an_http_200() -> None:
    failed = status("Failed", error={"code": "VMGuestPatchInternalError", "message": "please retry later"})
    ending = accepted().gets(failed).ending
    assert (ending.outcome, ending.reason) == (Outcome.FAILED, Reason.OPERATION_FAILED)
    assert ending.error is not None
    assert (ending.error.code, ending.error.http_status) == ("VMGuestPatchInternalError", 200)


@pytest.mark.parametrize("word", ["Canceled", "canceled", "Cancelled", "CANCELLED"])
def test_a_canceled_operation_is_told_apart(word: str) -> None:
    ending = accepted().gets(status(word, error={"code": "Canceled", "message": "by its owner"})).ending
    assert ending.reason is Reason.OPERATION_CANCELED


def test_a_running_location_is_followed_where_it_newly_points() -> None:
    course = Course().gets(reply(202, headers={"location": LOCATION_URL}))
    newer = {"location": f"{ARM}/newer?t=2", "retry-after": "60"}
    course.gets(reply(202, headers=newer), after_s=75.0)
    assert (course.url, course.next.after_s) == (f"{ARM}/newer?t=2", 60.0)
    assert course.gets(reply(200, RESULT)).ending.outcome is Outcome.ASSESSED


def test_a_location_that_ends_with_204_is_no_result() -> None:
    course = Course().gets(reply(202, headers={"location": LOCATION_URL}))
    assert course.gets(reply(204)).ending.reason is Reason.NO_RESULT


def test_404_on_a_poll_is_tolerated_a_few_times_and_then_the_machine_is_asked() -> None:
    course = accepted()
    for wait_s in (10.0, 20.0, 30.0):
        assert course.gets(Reply(404)).next.after_s == wait_s
    assert course.gets(Reply(404)).next.kind is RequestKind.VIEW


def test_a_poll_that_goes_through_forgives_the_404s_before_it() -> None:
    course = accepted()
    for _ in range(3):
        course.gets(Reply(404)).gets(status("InProgress"))
    assert course.next.kind is RequestKind.POLL


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Reply(500), Reason.UNREACHABLE),
        (Reply(0, fault=Fault.CUT), Reason.UNREACHABLE),
        (Reply(200, {}, b"<html>"), Reason.MALFORMED_REPLY),
        (Reply(200, {}, b""), Reason.MALFORMED_REPLY),
        (Reply(200, {}, b"[1]"), Reason.MALFORMED_REPLY),
        (Reply(200, {}, b'{"status": 7}'), Reason.MALFORMED_REPLY),
    ],
)
def test_a_status_read_that_fails_says_nothing_about_the_operation(bad: Reply, reason: Reason) -> None:
    course = accepted()
    for _ in range(3):
        assert course.gets(bad).next.is_retry
    assert course.gets(bad).ending.reason is reason


def test_polls_of_one_machine_keep_four_seconds_apart() -> None:
    assert accepted().gets(Reply(500)).next.after_s == 4.0


# The result's own status


@pytest.mark.parametrize("word", ["Succeeded", "CompletedWithWarnings", "completedwithwarnings"])
def test_two_words_of_the_result_are_good(word: str) -> None:
    ending = accepted().gets(status("Succeeded", properties={"output": RESULT | {"status": word}})).ending
    assert (ending.outcome, ending.error) == (Outcome.ASSESSED, None)


@pytest.mark.parametrize("word", ["Failed", "Unknown", "InProgress", "Nonsense", None, 3])
def test_any_other_word_of_the_result_is_a_failed_assessment_that_keeps_what_it_told(word: Json) -> None:
    result = RESULT | {
        "status": word,
        "error": {"code": "1", "message": "x", "details": [{"code": "UA_ESM_REQUIRED", "message": "pro"}]},
    }
    ending = accepted().gets(status("Succeeded", properties={"output": result})).ending
    assert (ending.outcome, ending.reason, ending.assessment) == (
        Outcome.FAILED,
        Reason.ASSESSMENT_FAILED,
        result,
    )
    assert ending.error is not None
    assert (ending.error.code, ending.error.message, ending.error.stage) == (
        "UA_ESM_REQUIRED",
        "pro",
        Stage.RESULT,
    )


@pytest.mark.parametrize("count", [None, "4", 4.0, True, -1])
def test_a_good_word_without_counts_is_no_result(count: Json) -> None:
    result = RESULT | {"otherPatchCount": count}
    ending = accepted().gets(status("Succeeded", properties={"output": result})).ending
    assert (ending.outcome, ending.reason) == (Outcome.FAILED, Reason.NO_RESULT)


# The operation's time


def test_a_poll_sent_after_its_time_that_still_says_running_times_it_out() -> None:
    ending = accepted().gets(status("InProgress"), after_s=1800.0).ending
    assert (ending.outcome, ending.reason) == (Outcome.TIMED_OUT, Reason.OPERATION_TIMEOUT)


def test_a_poll_sent_before_its_time_never_times_it_out() -> None:
    course = accepted().gets(status("InProgress"), after_s=1790.0)
    assert course.next.after_s == 10.0


def test_a_result_that_comes_after_its_time_is_still_a_result() -> None:
    course = accepted().gets(status("Succeeded", properties={"output": RESULT}), after_s=5000.0)
    assert course.ending.outcome is Outcome.ASSESSED


def test_three_failed_reads_after_its_time_time_it_out() -> None:
    course = accepted().gets(Reply(500), after_s=1801.0).gets(Reply(500), after_s=4.0)
    assert course.gets(Reply(500), after_s=4.0).ending.outcome is Outcome.TIMED_OUT


# The trace


def test_the_trace_counts_what_was_sent_and_keeps_azures_own_times() -> None:
    course = Course().gets(Reply(429)).gets(reply(202, headers=BOTH_URLS), after_s=10.0)
    course.gets(status("InProgress"), after_s=75.0)
    course.gets(status("Succeeded", endTime="2026-01-01T00:01:11.0000000+00:00"), after_s=30.0)
    trace = course.gets(reply(200, RESULT)).ending.trace
    assert trace is not None
    assert (trace.starts, trace.polls, trace.throttled) == (2, 3, 1)
    assert (trace.started_at, trace.finished_at) == (1010.0, 1115.0)
    assert trace.azure_start_time == "2026-01-01T00:00:00.1234567+00:00"
    assert trace.azure_end_time == "2026-01-01T00:01:11.0000000+00:00"
