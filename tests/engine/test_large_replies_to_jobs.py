"""What a reply that came without its body, being too large, means for a VM; and what a waiting VM keeps."""

from __future__ import annotations

import gc

import pytest

from fleetscan.model import CodeOrigin, Json, Outcome, Reason, Reply, RequestKind, Source, Stage
from tests.engine.test_operation import BOTH_URLS, RESULT, Course, accepted, reply, status
from tests.engine.test_recovery import BROKEN, graph, view

WHY = "the reply is too large: it has more than 4 MiB"
TOO_LARGE = Reply(200, {"x-ms-correlation-request-id": "c-1"}, detail=WHY)


def held_by(thing: object, found: set[int]) -> list[object]:
    """All that is reached from `thing`, but for types and functions."""
    held = list[object]()
    for each in gc.get_referents(thing):
        if id(each) not in found and not isinstance(each, type) and not callable(each):
            found.add(id(each))
            held += [each, *held_by(each, found)]
    return held


def test_polls_that_are_too_large_are_repeated_and_then_the_vm_fails_with_the_figures() -> None:
    course = accepted()
    for _ in range(4):
        assert course.next.kind is RequestKind.POLL
        course.gets(TOO_LARGE, after_s=course.next.after_s)
    ending = course.ending
    assert (ending.outcome, ending.reason) == (Outcome.FAILED, Reason.MALFORMED_REPLY)
    assert ending.error is not None
    assert (ending.error.code, ending.error.message) == ("ReplyTooLarge", WHY)
    assert (ending.error.http_status, ending.error.stage) == (200, Stage.POLL)
    assert (ending.error.origin, ending.error.correlation_id) == (CodeOrigin.FLEETSCAN, "c-1")


def test_a_poll_after_one_that_was_too_large_counts() -> None:
    course = accepted().gets(TOO_LARGE, after_s=75.0)
    course.gets(status("Succeeded", properties={"output": RESULT}), after_s=course.next.after_s)
    assert (course.ending.outcome, course.ending.assessment) == (Outcome.ASSESSED, RESULT)


def test_a_start_that_ended_at_once_with_too_large_a_result_fails() -> None:
    ending = Course().gets(TOO_LARGE).ending
    assert (ending.reason, ending.error and ending.error.message) == (Reason.MALFORMED_REPLY, WHY)


def test_a_start_that_was_accepted_is_followed_whatever_its_body() -> None:
    course = Course().gets(Reply(202, BOTH_URLS, detail=WHY))
    assert course.url == BOTH_URLS["azure-asyncoperation"]


def test_a_refusal_with_too_large_a_body_means_what_its_status_means() -> None:
    ending = Course().gets(Reply(403, detail=WHY)).ending
    assert (ending.reason, ending.error and ending.error.message) == (Reason.DENIED, WHY)


def test_views_that_are_too_large_are_read_again() -> None:
    course = Course().gets(BROKEN)
    course.gets(TOO_LARGE, after_s=15.0)
    assert (course.next.kind, course.next.is_retry) == (RequestKind.VIEW, True)


def test_a_result_of_location_that_is_too_large_is_read_again_and_then_fails() -> None:
    course = accepted().gets(status("Succeeded"), after_s=75.0)
    for _ in range(4):
        assert course.next.kind is RequestKind.RESULT
        course.gets(TOO_LARGE, after_s=course.next.after_s)
    assert course.ending.error is not None
    assert (course.ending.error.message, course.ending.error.stage) == (WHY, Stage.RESULT)


COUNTS = {"criticalAndSecurityPatchCount": 1, "otherPatchCount": 2}


@pytest.mark.parametrize(("chars", "source"), [(10_000, Source.INSTANCE_VIEW), (20_000, Source.OPERATION)])
def test_a_summary_that_says_more_than_summaries_do_is_not_kept(chars: int, source: Source) -> None:
    course = Course().gets(BROKEN)
    course.gets(view("11:59:55", "Succeeded", **COUNTS, more="m" * chars), after_s=15.0)
    while course.asked is not None and course.next.kind is RequestKind.QUERY_PATCHES:
        course.gets(reply(200, {"data": []}), after_s=course.next.after_s)
    if source is Source.INSTANCE_VIEW:
        assert (course.ending.outcome, course.ending.source) == (Outcome.ASSESSED, source)
    else:
        assert course.next.kind is RequestKind.START


def test_a_vm_that_waits_keeps_no_reply_and_no_text_of_one() -> None:
    course = Course().gets(BROKEN)
    course.gets(view("11:59:55", "Succeeded" + "d" * 30_000, more="m" * 30_000), after_s=15.0)
    course.gets(view("11:59:55", "Succeeded", **COUNTS, more="m" * 30_000), after_s=course.next.after_s)
    assert course.next.kind is RequestKind.QUERY_PATCHES
    course.gets(graph("11:00:00"))
    held = held_by(course.operation, set())
    assert [each for each in held if isinstance(each, Reply)] == []
    assert max(len(each) for each in held if isinstance(each, str | bytes)) < 10_000


def test_a_vm_whose_operation_was_preempted_keeps_little_of_what_that_told() -> None:
    code = "NEWER_OPERATION_SUPERSEDED"
    told: dict[str, Json] = {"code": code, "message": "m" * 30_000}
    result: Json = {"status": "Failed", "error": told, "patches": ["p" * 30_000]}
    course = accepted().gets(status("Succeeded", properties={"output": result}), after_s=75.0)
    assert course.next.kind is RequestKind.VIEW
    held = held_by(course.operation, set())
    assert max(len(each) for each in held if isinstance(each, str | bytes)) < 10_000
