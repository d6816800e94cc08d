"""Starts of unknown fate and operations that cannot be followed: read, adopted, or started once more."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fleetscan.engine.operation import Before, Operation
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.model import Fault, Json, Outcome, Reason, Reply, RequestKind, Source, Stage
from tests.engine.test_operation import ARM, BOTH_URLS, RULES, VM, Course, accepted, error

# The course's own clock says 1000 at this moment of Azure's.
NOON = {"date": "Tue, 24 Nov 2026 12:00:00 GMT"}
BROKEN = Reply(0, fault=Fault.CUT)
UNKNOWN_FATES = [BROKEN, Reply(408), Reply(500), Reply(502), Reply(504)]


def view(started: str | None, status: str = "InProgress", **more: Json) -> Reply:
    """The instance view at noon, of a machine whose newest assessment began at `started`."""
    summary = None if started is None else {"status": status, "startTime": f"2026-11-24T{started}Z", **more}
    patch_status = {"availablePatchSummary": summary}
    body = {"properties": {"instanceView": {"statuses": [], "patchStatus": patch_status}}}
    return Reply(200, NOON, json.dumps(body).encode())


def graph(started: str, status: str = "Succeeded", **more: Json) -> Reply:
    """Resource Graph's rows at noon: a summary and one patch."""
    counts = {"security": 2, "critical": 1, "other": 0, "updates": 4}
    properties = {
        "status": status,
        "startDateTime": f"2026-11-24T{started}Z",
        "lastModifiedDateTime": "2026-11-24T11:59:59Z",
        "rebootPending": False,
        "availablePatchCountByClassification": counts,
    }
    latest = f"{VM}/patchAssessmentResults/latest"
    kind = "microsoft.compute/virtualmachines/patchassessmentresults"
    rows = [
        {"id": latest, "type": kind, "properties": properties | more},
        {"id": f"{latest}/softwarePatches/1", "type": f"{kind}/softwarepatches", "properties": {"kbId": "1"}},
    ]
    return Reply(200, NOON, json.dumps({"totalRecords": 2, "count": 2, "data": rows}).encode())


@pytest.mark.parametrize("answer", UNKNOWN_FATES)
def test_a_start_that_may_have_been_taken_is_read_after_and_not_sent_again(answer: Reply) -> None:
    course = Course().gets(answer)
    assert (course.next.kind, course.next.after_s) == (RequestKind.VIEW, 15.0)
    assert course.url == f"{ARM}{VM.replace(' ', '%20')}?$expand=instanceView&api-version=2022-08-01"


def test_an_assessment_that_runs_is_not_ended_by_the_one_more_start_though_it_is_hours_old() -> None:
    course = Course().gets(BROKEN)
    for _ in range(20):
        course.gets(view("07:00:00"), after_s=15.0)
        assert course.next.kind is RequestKind.VIEW
    course.gets(view("07:00:00", "Succeeded"), after_s=15.0)
    assert course.next.kind is RequestKind.START


def test_an_operation_that_has_been_in_progress_for_days_is_not_waited_for() -> None:
    course = Course().gets(BROKEN)
    for _ in range(4):
        assert course.next.kind is RequestKind.VIEW
        course.gets(view("05:59:00"), after_s=course.next.after_s)
    assert (course.now, course.next.kind) == (1060.0, RequestKind.START)


def test_an_operation_of_less_than_six_hours_is_waited_for_until_it_is_older() -> None:
    course = Course().gets(BROKEN)
    for _ in range(10):
        course.gets(view("06:00:01"), after_s=15.0)
        assert course.next.kind is RequestKind.VIEW
    course.gets(view("05:59:59"), after_s=15.0)
    assert course.next.kind is RequestKind.START


def test_without_azures_clock_nothing_is_too_old() -> None:
    course = Course().gets(BROKEN)
    for _ in range(10):
        course.gets(replace(view("01:00:00"), headers={}), after_s=15.0)
        assert course.next.kind is RequestKind.VIEW


def test_a_view_that_is_refused_does_not_make_a_running_assessment_forgotten() -> None:
    course = Course().gets(BROKEN)
    course.gets(view("11:59:59"), after_s=15.0)
    for _ in range(3):
        assert course.next.kind is RequestKind.VIEW
        course.gets(Reply(302), after_s=15.0)
    assert course.ending.reason is Reason.UNREACHABLE


def test_where_no_look_succeeds_nothing_is_started_blindly() -> None:
    course = Course().gets(BROKEN)
    for _ in range(3):
        assert course.next.kind is RequestKind.VIEW
        course.gets(Reply(403), after_s=15.0)
    course.gets(Reply(403), after_s=15.0)
    assert course.ending.reason is Reason.UNREACHABLE


def test_where_nothing_shows_for_a_minute_it_is_started_once_more_and_never_again() -> None:
    course = Course().gets(BROKEN)
    for _ in range(4):
        assert course.next.kind is RequestKind.VIEW
        course.gets(view(None), after_s=course.next.after_s)
    assert course.now == 1060.0
    assert (course.next.kind, course.next.is_retry) == (RequestKind.START, True)
    course.gets(BROKEN)
    for _ in range(5):
        course.gets(view("11:00:00", "Succeeded"), after_s=course.next.after_s)
        if course.asked is None:
            break
    assert course.ending.reason is Reason.UNREACHABLE
    assert course.ending.trace is not None
    assert course.ending.trace.starts == 2


def test_an_assessment_newer_than_the_start_is_waited_for_and_adopted() -> None:
    course = Course().gets(BROKEN).gets(view("11:59:58"), after_s=15.0)
    assert (course.next.kind, course.next.after_s) == (RequestKind.VIEW, 15.0)
    course.gets(view("11:59:30", "Succeeded"), after_s=15.0)
    assert (course.next.kind, course.next.after_s) == (RequestKind.QUERY_PATCHES, 0.0)
    ending = course.gets(graph("11:59:30")).ending
    assert (ending.outcome, ending.reason, ending.source) == (Outcome.ASSESSED, None, Source.GRAPH)
    assert ending.assessment is not None
    assert ending.assessment["patches"] == [{"kbId": "1"}]
    assert ending.trace is not None
    assert (ending.trace.starts, ending.trace.polls) == (1, 0)


def test_an_assessment_older_than_the_start_is_not_ours() -> None:
    # Sent at 1000 and read at 1015, noon by Azure's clock: it was sent at 11:59:45.
    course = Course().gets(BROKEN).gets(view("11:59:39", "Succeeded"), after_s=15.0)
    assert course.next.kind is RequestKind.VIEW
    course = Course().gets(BROKEN).gets(view("11:59:41", "Succeeded"), after_s=15.0)
    assert course.next.kind is RequestKind.QUERY_PATCHES


def test_resource_graph_may_be_late() -> None:
    course = Course().gets(BROKEN).gets(view("11:59:50", "Succeeded"), after_s=15.0)
    for wait_s in (5.0, 10.0):
        course.gets(graph("03:00:00"))
        assert (course.next.kind, course.next.after_s) == (RequestKind.QUERY_PATCHES, wait_s)
    assert course.gets(graph("11:59:50")).ending.outcome is Outcome.ASSESSED


COUNTS: dict[str, Json] = {"criticalAndSecurityPatchCount": 3, "otherPatchCount": 4}


@pytest.mark.parametrize(
    "silence",
    [
        error(403, "AuthorizationFailed"),
        Reply(200, NOON, b'{"totalRecords": 0, "count": 0, "data": []}'),
        Reply(503),
    ],
)
def test_where_graph_shows_nothing_the_assessment_ends_by_the_machines_own_word(silence: Reply) -> None:
    course = Course().gets(BROKEN).gets(view("11:59:50", "Succeeded", **COUNTS), after_s=15.0)
    while course.asked is not None:
        assert course.next.kind is RequestKind.QUERY_PATCHES
        course.gets(silence)
    ending = course.ending
    assert (ending.outcome, ending.source) == (Outcome.ASSESSED, Source.INSTANCE_VIEW)
    assert ending.assessment == {"status": "Succeeded", "startTime": "2026-11-24T11:59:50Z", **COUNTS}
    assert ending.trace is not None
    assert ending.trace.starts == 1


def test_an_assessment_that_failed_by_the_machines_own_word_has_failed() -> None:
    told: Json = {"code": "X", "message": "no"}
    course = Course().gets(BROKEN).gets(view("11:59:50", "Failed", error=told), after_s=15.0)
    while course.asked is not None:
        course.gets(error(403, "AuthorizationFailed"))
    assert (course.ending.reason, course.ending.source) == (Reason.ASSESSMENT_FAILED, Source.INSTANCE_VIEW)
    assert course.ending.error is not None
    assert course.ending.error.code == "X"


def test_an_assessment_that_is_shown_nowhere_with_counts_is_made_once_more() -> None:
    course = Course().gets(BROKEN).gets(view("11:59:50", "Succeeded"), after_s=15.0)
    for _ in range(5):
        course.gets(error(403, "AuthorizationFailed"))
    assert course.next.kind is RequestKind.START


def test_a_failed_assessment_in_graph_is_a_failed_assessment() -> None:
    course = Course().gets(BROKEN).gets(view("11:59:50", "Failed"), after_s=15.0)
    ending = course.gets(graph("11:59:50", "Failed", errorDetails={"code": "X", "message": "no"})).ending
    assert (ending.reason, ending.source) == (Reason.ASSESSMENT_FAILED, Source.GRAPH)
    assert ending.error is not None
    assert ending.error.code == "X"


def test_counts_that_graph_does_not_tell_are_not_zero() -> None:
    course = Course().gets(BROKEN).gets(view("11:59:50", "Succeeded"), after_s=15.0)
    ending = course.gets(graph("11:59:50", availablePatchCountByClassification={"security": 1})).ending
    assert ending.reason is Reason.NO_RESULT


def test_a_machine_that_is_gone_is_gone() -> None:
    assert Course().gets(BROKEN).gets(error(404, "ResourceNotFound")).ending.reason is Reason.GONE


@pytest.mark.parametrize("body", [b"", b"[]", b'{"properties": {', b"<html></html>"])
def test_a_garbled_view_of_a_running_assessment_starts_nothing(body: bytes) -> None:
    course = Course().gets(BROKEN)
    for _ in range(6):
        course.gets(view("11:59:58"), after_s=15.0)
    course.gets(Reply(200, NOON, body), after_s=15.0)
    assert (course.next.kind, course.next.is_retry) == (RequestKind.VIEW, True)


def test_weather_while_settling_is_waited_out() -> None:
    course = Course().gets(BROKEN).gets(Reply(503)).gets(Reply(429))
    assert (course.next.kind, course.next.is_retry) == (RequestKind.VIEW, True)


def test_a_conflict_after_a_start_of_unknown_fate_may_be_our_own_and_is_read_after() -> None:
    course = Course().gets(BROKEN)
    while course.next.kind is RequestKind.VIEW:
        course.gets(view(None), after_s=course.next.after_s)
    asked = course.gets(error(409, "Conflict")).next.kind
    assert asked is RequestKind.VIEW
    asked = course.gets(view("11:59:10", "Succeeded"), after_s=15.0).next.kind
    assert asked is RequestKind.QUERY_PATCHES


def test_a_poll_that_is_denied_is_settled_through_the_machine_and_graph() -> None:
    course = accepted().gets(error(403, "AuthorizationFailed"))
    assert course.next.kind is RequestKind.VIEW
    course.gets(view("11:59:59", "Succeeded"), after_s=15.0)
    assert course.gets(graph("11:59:59")).ending.outcome is Outcome.ASSESSED


def test_a_poll_that_is_denied_where_nothing_shows_is_denied_at_the_poll() -> None:
    course = accepted().gets(error(403, "AuthorizationFailed"))
    while course.asked is not None:
        course.gets(view(None), after_s=course.next.after_s)
    assert course.ending.reason is Reason.DENIED
    assert course.ending.error is not None
    assert course.ending.error.stage is Stage.POLL


def resumed(operation: Operation) -> Course:
    course = Course()
    course.operation = operation
    course.asked = operation.begin(course.now)
    return course


def test_an_operation_accepted_by_an_earlier_process_is_looked_at_and_not_started() -> None:
    target, urls = Course().operation.target, OperationUrls()
    urls.take(Reply(202, BOTH_URLS), ARM, RULES.origin)
    before = Before(starts=1, starts_in_doubt=0, posted_at=899.0, accepted_at=900.0)
    course = resumed(Operation.attached(target, RULES, 7, before, urls))
    assert (course.next.kind, course.next.after_s) == (RequestKind.POLL, 0.0)
    assert course.url == BOTH_URLS["azure-asyncoperation"]
    assert course.operation.number == 7


@pytest.mark.parametrize(
    ("in_doubt", "accepted_at", "starts_again"), [(1, None, 1), (2, None, 0), (0, 900.0, 0)]
)
def test_after_a_kill_a_doubtful_start_is_made_once_more_at_most(
    in_doubt: int, accepted_at: float | None, starts_again: int
) -> None:
    target = Course().operation.target
    before = Before(starts=2, starts_in_doubt=in_doubt, posted_at=899.0, accepted_at=accepted_at)
    course = resumed(Operation.in_doubt(target, RULES, 7, before))
    started = 0
    while course.asked is not None:
        if course.next.kind is RequestKind.START:
            started += 1
            course.gets(BROKEN)
        else:
            course.gets(view(None), after_s=max(course.next.after_s, 1.0))
    assert started == starts_again
    assert course.ending.reason is Reason.UNREACHABLE
