"""Another client's assessment is as good as ours: it is read, and one more start is left at most."""

from __future__ import annotations

import json

import pytest

from fleetscan.engine.operation import Operation
from fleetscan.model import Json, Outcome, Reason, Reply, RequestKind, Source
from tests.engine.test_operation import RESULT, RULES, Course, accepted, error, reply, status
from tests.engine.test_recovery import NOON, graph, resumed, view

PREEMPTED = status("Canceled", error={"code": "OperationPreempted", "message": "newer"})
SAYS_SO = error(409, "OperationNotAllowed", "A patch assessment is in progress on VM 'vm-1'.")


def over(ended: str, word: str = "Succeeded", counts: dict[str, Json] | None = None, **more: Json) -> Reply:
    """The instance view at noon of a VM whose newest assessment began at 03:00 and ended at `ended`."""
    summary: dict[str, Json] = {"status": word, "startTime": "2026-11-24T03:00:00Z"}
    summary |= {"lastModifiedTime": f"2026-11-24T{ended}Z"} | (counts or {})
    return viewed({"availablePatchSummary": summary, **more})


def viewed(patch_status: Json) -> Reply:
    body = {"properties": {"instanceView": {"patchStatus": patch_status}}}
    return Reply(200, NOON, json.dumps(body).encode())


def beside() -> Course:
    """A VM that Resource Graph saw being assessed as the scan began, at 1000."""
    course = Course()
    return resumed(Operation.beside(course.operation.target, RULES, 7, since=1000.0))


def adopted(course: Course) -> None:
    """The course goes on to Resource Graph's row and ends with it."""
    assert course.next.kind is RequestKind.QUERY_PATCHES
    ending = course.gets(graph("03:00:00")).ending
    assert (ending.outcome, ending.reason, ending.source) == (Outcome.ASSESSED, None, Source.GRAPH)


@pytest.mark.parametrize(
    "answer",
    [
        PREEMPTED,
        status("Cancelled", error={"code": "operationpreempted"}),
        status("Failed", error={"code": "X", "details": [{"code": "OperationPreempted"}]}),
        error(409, "OperationPreempted"),
        status(
            "Succeeded",
            properties={
                "output": RESULT | {"status": "Failed", "error": {"code": "NEWER_OPERATION_SUPERSEDED"}}
            },
        ),
    ],
)
def test_a_preempted_operation_is_followed_by_reading_and_the_newer_result_adopted(answer: Reply) -> None:
    course = accepted().gets(answer, after_s=75.0)
    assert course.next.kind is RequestKind.VIEW
    course.gets(view("11:59:00"), after_s=course.next.after_s)
    assert course.next.kind is RequestKind.VIEW
    adopted(course.gets(over("11:59:50"), after_s=course.next.after_s))
    trace = course.ending.trace
    assert trace is not None
    assert trace.starts == 1


def test_what_is_left_of_our_own_preempted_assessment_is_no_result() -> None:
    course = accepted().gets(PREEMPTED, after_s=75.0)
    course.gets(over("11:59:59", "Failed"), after_s=75.0)
    assert course.next.kind is RequestKind.VIEW


def test_where_no_result_shows_in_the_operations_time_it_is_started_once_more_and_only_once() -> None:
    course, starts = accepted(), 0
    for _ in range(2):
        course.gets(PREEMPTED, after_s=75.0)
        began_at, reads = course.now, 0
        while course.asked is not None and course.next.kind is RequestKind.VIEW:
            reads += 1
            course.gets(over("02:00:00"), after_s=course.next.after_s)
        assert course.now - began_at >= 1800.0
        assert reads < 25
        if course.asked is not None:
            assert course.next.kind is RequestKind.START
            starts += 1
            course.gets(reply(202, headers={"azure-asyncoperation": "https://management.azure.com/o?t=1"}))
    assert starts == 1
    assert course.ending.reason is Reason.OPERATION_CANCELED
    assert course.ending.trace is not None
    assert course.ending.trace.starts == 2


def test_a_vm_that_is_assessed_already_is_read_and_not_started() -> None:
    course = beside()
    assert course.next.kind is RequestKind.VIEW
    course.gets(view("11:58:00"), after_s=75.0)
    adopted(course.gets(over("11:59:59"), after_s=30.0))
    assert course.ending.trace is not None
    assert course.ending.trace.starts == 0


def test_a_result_from_before_the_scan_began_is_none_and_a_vm_that_is_free_is_started() -> None:
    # Read at 1075, noon by Azure's clock: the scan began at 11:58:45.
    assert beside().gets(over("11:58:44"), after_s=75.0).next.kind is RequestKind.START
    assert beside().gets(over("11:58:47"), after_s=75.0).next.kind is RequestKind.QUERY_PATCHES


def test_a_result_that_one_date_makes_new_is_not_old_by_the_next_which_is_a_second_later() -> None:
    course = beside().gets(over("11:58:46"), after_s=75.0)
    assert course.next.kind is RequestKind.QUERY_PATCHES
    row = graph("03:00:00", lastModifiedDateTime="2026-11-24T11:58:46Z")
    a_second_later = {"date": "Tue, 24 Nov 2026 12:00:01 GMT"}
    ending = course.gets(Reply(200, a_second_later, row.body)).ending
    assert (ending.outcome, ending.source) == (Outcome.ASSESSED, Source.GRAPH)


def test_a_result_that_resource_graph_does_not_show_is_taken_from_the_vm_after_its_waits() -> None:
    course = beside().gets(
        over("11:59:59", counts={"criticalAndSecurityPatchCount": 2, "otherPatchCount": 1}), after_s=75.0
    )
    began_at = course.now
    while course.asked is not None and course.next.kind is RequestKind.QUERY_PATCHES:
        course.gets(
            graph("03:00:00", lastModifiedDateTime="2026-11-23T00:00:00Z"), after_s=course.next.after_s
        )
    assert course.now - began_at < 90.0
    assert (course.asked, course.ending.source) == (None, Source.INSTANCE_VIEW)


def test_a_time_that_azure_cannot_have_meant_makes_no_result_new() -> None:
    assert beside().gets(over("23:59:59"), after_s=75.0).next.kind is RequestKind.START


def test_a_refusal_that_names_a_running_assessment_is_followed_too() -> None:
    course = Course().gets(SAYS_SO)
    assert course.next.kind is RequestKind.VIEW
    course.gets(view("11:59:00"), after_s=75.0)
    adopted(course.gets(over("11:59:50"), after_s=30.0))


def test_a_conflict_that_names_nothing_may_be_an_assessment_and_the_vm_is_read_before_the_last_start() -> (
    None
):
    conflict = error(409, "Conflict", "concurrent request")
    course = Course().gets(conflict).gets(conflict, after_s=30.0)
    assert course.next.kind is RequestKind.VIEW
    course.gets(view("11:59:00"), after_s=15.0)
    assert course.next.kind is RequestKind.VIEW
    adopted(course.gets(over("11:59:59"), after_s=75.0))


def test_a_conflict_beside_which_nothing_runs_is_tried_a_third_time_and_kept() -> None:
    conflict = error(409, "Conflict", "concurrent request")
    course = Course().gets(conflict).gets(conflict, after_s=30.0)
    course.gets(over("03:00:00"), after_s=15.0)
    assert (course.next.kind, course.next.after_s) == (RequestKind.START, 30.0)
    assert course.gets(conflict, after_s=30.0).ending.reason is Reason.CONFLICT


@pytest.mark.parametrize(("began", "outcome"), [("11:00:00", Outcome.SKIPPED), ("03:00:00", None)])
def test_an_installation_that_took_over_is_left_alone_unless_it_is_older_than_any_can_be(
    began: str, outcome: Outcome | None
) -> None:
    installation: Json = {"status": "InProgress", "startTime": f"2026-11-24T{began}Z"}
    course = accepted().gets(PREEMPTED, after_s=75.0)
    course.gets(over("02:00:00", lastPatchInstallationSummary=installation), after_s=75.0)
    if outcome is None:
        assert course.next.kind is RequestKind.VIEW
    else:
        assert (course.ending.outcome, course.ending.reason) == (outcome, Reason.BUSY)
