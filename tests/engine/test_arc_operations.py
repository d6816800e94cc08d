"""An Arc server's operation: a Location alone, counts by class, and Graph alone where it is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fleetscan.engine.limits import Policy, policy_of
from fleetscan.engine.operation import Operation
from fleetscan.engine.refused_scopes import RefusedScopes, Scope
from fleetscan.engine.rules import OperationRules
from fleetscan.model import Fault, Outcome, Reason, Reply, Request, RequestKind, Source, Target, Turn
from fleetscan.patch_counts import told_counts
from tests.engine.test_operation import ARM, RULES, error

GROUP = "/subscriptions/S-1/resourceGroups/rg"
SERVER = f"{GROUP}/providers/Microsoft.HybridCompute/machines/srv-1"
PROVIDER = f"{ARM}/subscriptions/S-1/providers/Microsoft.HybridCompute"
RESULTS = f"{PROVIDER}/locations/eastus/updateCenterOperationResults/g"
NOON = {"date": "Tue, 24 Nov 2026 12:00:00 GMT"}
BROKEN = Reply(0, fault=Fault.CUT)


class Course:
    """An Arc server's operation at literal times; the start is sent at 1000."""

    def __init__(self, rules: OperationRules = RULES) -> None:
        self.operation = Operation(Target(SERVER, "S-1", "rg", "srv-1", location="eastus"), rules)
        self.now = 1000.0
        self.turn: Turn | None = self.operation.begin(self.now)
        self.request: Request | None = self.operation.request()

    def gets(self, reply: Reply, after_s: float = 0.0) -> Course:
        self.now += after_s
        self.turn = self.operation.receive(reply, self.now, self.now)
        self.request = None if self.turn is None else self.operation.request()
        return self

    @property
    def url(self) -> str:
        assert self.request is not None
        return self.request.url

    @property
    def next(self) -> Turn:
        assert self.turn is not None
        return self.turn


def moved(to: str) -> Reply:
    return Reply(202, {"location": f"{RESULTS}?t={to}", "retry-after": "60"})


def graph(*rows: dict[str, Any]) -> Reply:
    """Graph's answer at noon, when the course's own clock says 1000."""
    told = [
        {
            "id": f"{SERVER}/patchAssessmentResults/latest",
            "type": "microsoft.hybridcompute/machines/patchassessmentresults",
            "properties": row,
        }
        for row in rows
    ]
    return Reply(
        200, NOON, json.dumps({"totalRecords": len(told), "count": len(told), "data": told}).encode()
    )


def assessed(status: str, began: str, ended: str = "11:59:59") -> dict[str, Any]:
    return {
        "status": status,
        "startDateTime": f"2026-11-24T{began}Z",
        "lastModifiedDateTime": f"2026-11-24T{ended}Z",
        "availablePatchCountByClassification": {"security": 1, "critical": 2, "updates": 4},
    }


def test_each_poll_goes_to_the_newest_location_and_no_sooner_than_asked() -> None:
    course = Course()
    assert course.url == f"{ARM}{SERVER}/assessPatches?api-version=2025-01-13"
    for number in range(3):
        course.gets(moved(str(number)), after_s=60.0)
        assert (course.next.kind, course.url) == (RequestKind.POLL, f"{RESULTS}?t={number}")
        assert course.next.after_s >= 60.0
        assert course.next.is_arc


@pytest.mark.parametrize(
    ("counts", "critical", "other"),
    [
        ({"security": 3, "critical": 2, "updates": 1, "tools": 0}, 5, 1),
        ({"security": 0, "critical": 0, "definition": 2, "other": 5}, 0, 7),
    ],
)
def test_counts_come_by_class(counts: dict[str, int], critical: int, other: int) -> None:
    result: dict[str, Any] = {"status": "Succeeded", "availablePatchCountByClassification": counts}
    course = Course().gets(moved("1")).gets(Reply(200, {}, json.dumps(result).encode()), after_s=240.0)
    ending = course.operation.ending
    assert (ending.outcome, ending.source) == (Outcome.ASSESSED, Source.ARC_OPERATION)
    assert ending.assessment == result
    assert told_counts(result, ending.source) == (critical, other)


@pytest.mark.parametrize(
    "result",
    [
        {"status": "Succeeded"},
        {"status": "Succeeded", "availablePatchCountByClassification": {}},
        {"status": "Succeeded", "availablePatchCountByClassification": {"security": None, "updates": 1}},
        {"status": "Succeeded", "criticalAndSecurityPatchCount": 0, "otherPatchCount": 0},
    ],
)
def test_counts_that_are_not_told_are_no_result_and_never_0(result: dict[str, Any]) -> None:
    course = Course().gets(moved("1")).gets(Reply(200, {}, json.dumps(result).encode()), after_s=240.0)
    assert (course.operation.ending.outcome, course.operation.ending.reason) == (
        Outcome.FAILED,
        Reason.NO_RESULT,
    )


def test_a_failed_assessment_has_azure_s_words() -> None:
    result = {"status": "Failed", "errorDetails": {"code": "1", "message": "no source of updates"}}
    course = Course().gets(moved("1")).gets(Reply(200, {}, json.dumps(result).encode()), after_s=240.0)
    ending = course.operation.ending
    assert ending.reason is Reason.ASSESSMENT_FAILED
    assert ending.error is not None
    assert ending.error.message == "no source of updates"


def test_a_start_that_was_lost_is_looked_for_in_graph_and_its_assessment_adopted() -> None:
    course = Course().gets(BROKEN)
    assert (course.next.kind, course.next.after_s) == (RequestKind.QUERY_PATCHES, 15.0)
    course.gets(graph(assessed("InProgress", "11:59:50")), after_s=15.0)
    assert (course.next.kind, course.next.after_s) == (RequestKind.QUERY_PATCHES, 60.0)
    course.gets(graph(assessed("Succeeded", "11:59:50")), after_s=60.0)
    assert course.turn is None
    assert (course.operation.ending.outcome, course.operation.ending.source) == (
        Outcome.ASSESSED,
        Source.GRAPH,
    )


def test_it_is_started_once_more_only_after_graph_showed_nothing_new_for_a_minute_and_a_half() -> None:
    course = Course().gets(BROKEN)
    asked = []
    for _ in range(6):
        asked.append(course.next.kind)
        course.gets(graph(assessed("Succeeded", "09:00:00")), after_s=course.next.after_s)
    assert asked == [RequestKind.QUERY_PATCHES] * 6
    assert (course.now, course.next.kind) == (1090.0, RequestKind.START)
    course.gets(BROKEN)
    while course.turn is not None:
        assert course.next.kind is RequestKind.QUERY_PATCHES
        course.gets(graph(), after_s=course.next.after_s)
    assert course.operation.ending.reason is Reason.UNREACHABLE
    assert course.operation.ending.trace is not None
    assert course.operation.ending.trace.starts == 2


@pytest.mark.parametrize("reply", [error(403, "AuthorizationFailed", "no"), error(400, "BadRequest", "no")])
def test_where_graph_refuses_nothing_is_started_again(reply: Reply) -> None:
    course = Course().gets(BROKEN).gets(reply, after_s=15.0)
    assert course.turn is None
    assert course.operation.ending.reason is Reason.UNREACHABLE


def test_what_runs_longer_than_an_operation_may_is_timed_out() -> None:
    course = Course().gets(BROKEN)
    while course.turn is not None:
        course.gets(graph(assessed("InProgress", "11:59:50")), after_s=course.next.after_s)
    assert course.operation.ending.outcome is Outcome.TIMED_OUT
    assert course.operation.ending.trace is not None
    assert course.operation.ending.trace.starts == 1


def test_a_lost_operation_is_resolved_without_another_start() -> None:
    course = Course().gets(moved("1"))
    for _ in range(4):
        course.gets(error(404, "NotFound", "no"), after_s=60.0)
    assert course.next.kind is RequestKind.QUERY_PATCHES
    while course.turn is not None:
        assert course.next.kind is RequestKind.QUERY_PATCHES
        course.gets(graph(), after_s=course.next.after_s)
    assert course.operation.ending.reason is Reason.GONE


@pytest.mark.parametrize("kind", [RequestKind.START, RequestKind.POLL, RequestKind.RESULT])
def test_compute_s_policies_do_not_count_it(kind: RequestKind) -> None:
    assert policy_of(kind, is_arc=True) is Policy.ARC
    assert policy_of(kind, is_arc=False) is not Policy.ARC


def test_a_denial_of_vms_says_nothing_of_arc_servers_beside_them() -> None:
    scopes = RefusedScopes()
    denied = error(403, "AuthorizationFailed", "no")
    server = Target(SERVER, "S-1", "rg", "srv-1")
    for number in range(4):
        vm = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-{number}"
        scope = scopes.heard(Target(vm, "S-1", "rg", f"vm-{number}"), denied)
    assert scope == Scope("s-1", "rg")
    assert scopes.ending_of(Target(vm, "S-1", "rg", "vm-3")) is not None
    assert scopes.ending_of(server) is None


COUNTED = {"security": 1, "critical": 2, "updates": 4}
SUCCEEDED = {"status": "Succeeded", "availablePatchCountByClassification": COUNTED}


def listing() -> Course:
    """A server whose assessment told its counts, and whose list is asked for."""
    course = Course(replace(RULES, wants_arc_lists=True)).gets(moved("1"))
    return course.gets(Reply(200, NOON, json.dumps(SUCCEEDED).encode()), after_s=240.0)


def with_rows(number: int) -> Reply:
    """Graph's summary of an assessment of seven patches, with so many of them."""
    told = json.loads(graph(assessed("Succeeded", "11:57:00")).body)
    told["data"] += [
        {
            "id": f"{SERVER}/patchAssessmentResults/latest/softwarePatches/{place}",
            "type": "microsoft.hybridcompute/machines/patchassessmentresults/softwarepatches",
            "properties": {"patchName": f"p{place}", "lastModifiedDateTime": "2026-11-24T11:59:59Z"},
        }
        for place in range(number)
    ]
    return Reply(200, NOON, json.dumps(told).encode())


def test_the_list_is_asked_for_until_it_is_whole() -> None:
    course = listing()
    assert course.next.kind is RequestKind.QUERY_PATCHES
    for reply in (graph(), graph(assessed("InProgress", "11:57:00")), with_rows(3)):
        course.gets(reply, after_s=10.0)
        assert course.next.kind is RequestKind.QUERY_PATCHES
    ending = course.gets(with_rows(7), after_s=10.0).operation.ending
    assert (ending.outcome, ending.source) == (Outcome.ASSESSED, Source.GRAPH)
    assert ending.assessment is not None
    assert ending.trace is not None
    assert len(ending.assessment["patches"]) == 7  # type: ignore[arg-type]
    assert ending.trace.finished_at == 1240.0


@pytest.mark.parametrize(
    "reply",
    [
        graph(),
        graph(assessed("Succeeded", "11:40:00")),
        graph(assessed("Failed", "11:57:00")),
        graph(assessed("InProgress", "11:57:00")),
        Reply(429, {"retry-after": "20"}),
        BROKEN,
        error(403, "AuthorizationFailed"),
    ],
)
def test_without_a_list_the_server_ends_with_its_counts_within_a_minute_or_so(reply: Reply) -> None:
    course = listing()
    while course.turn is not None:
        course.gets(reply, after_s=max(course.turn.after_s, 1.0))
    ending = course.operation.ending
    assert (ending.outcome, ending.source, ending.assessment) == (
        Outcome.ASSESSED,
        Source.ARC_OPERATION,
        SUCCEEDED,
    )
    assert course.now <= 1240.0 + 75.0


def test_a_part_of_a_list_is_better_than_none_after_a_minute() -> None:
    course = listing()
    while course.turn is not None:
        course.gets(with_rows(5), after_s=max(course.turn.after_s, 1.0))
    assert course.operation.ending.source is Source.GRAPH
