"""Records: what is lifted out of Azure's result, and what stays null because Azure did not say it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleetscan.azure_times import azure_time
from fleetscan.model import (
    CodeOrigin,
    Ending,
    Failure,
    Json,
    OperationTrace,
    Outcome,
    OwnCode,
    Reason,
    Source,
    Stage,
)
from fleetscan.records.machine_facts import shared_facts
from fleetscan.records.machine_row import encode, row, without_assessment
from fleetscan.records.row import Row, RowOperation
from tests.records.examples import CLOCK, SCAN_ID, assessed, failed, machine, result, skipped, trace
from tests.replay import proxy_recording
from tests.whole_assessments import WHOLE_ASSESSMENTS


def record(ending: Ending) -> Row:
    return row(SCAN_ID, machine(), ending, CLOCK)


def told(assessment: dict[str, Json]) -> Row:
    return record(Ending(Outcome.ASSESSED, None, assessment, None, trace()))


def operation(course: OperationTrace) -> RowOperation:
    block = record(Ending(Outcome.ASSESSED, None, result(), None, course))["operation"]
    assert block is not None
    return block


def test_a_whole_assessment_keeps_its_counts_its_times_and_its_patches_verbatim(exchanges: Path) -> None:
    *_, poll, location = proxy_recording(exchanges / "vm-assess-patches.json")
    last_poll, answer = json.loads(poll.body), json.loads(location.body)
    course = trace(azure_start_time=last_poll["startTime"], azure_end_time=last_poll["endTime"])
    told = record(Ending(Outcome.ASSESSED, None, answer, None, course))
    expected = WHOLE_ASSESSMENTS[exchanges.name]
    assert {name: value for name, value in told.items() if name in expected} == expected
    assert told["assessment"] == answer
    assert told["error"] is None


def test_keys_stand_in_the_contracts_order_whatever_the_outcome() -> None:
    contract = [
        "schema",
        "scan_id",
        "resource_id",
        "kind",
        "subscription_id",
        "subscription_name",
        "resource_group",
        "name",
        "location",
        "os_type",
        "os_name",
        "os_version",
        "image",
        "patch_mode",
        "assessment_mode",
        "esu_status",
        "hotpatch_status",
        "power_state",
        "tags",
        "outcome",
        "reason",
        "source",
        "status",
        "assessed_at",
        "critical_and_security_count",
        "other_count",
        "reboot_pending",
        "patch_count",
        "patches_complete",
        "assessment",
        "error",
        "operation",
    ]
    for ending in (assessed(), failed(), skipped()):
        assert list(record(ending)) == contract


def test_a_row_repeats_the_facts_that_were_told_and_has_null_for_the_others() -> None:
    target = replace(machine(), facts=shared_facts({"image": "p:o:s", "os_name": 7, "else": "x"}))
    told = row(SCAN_ID, target, skipped(), CLOCK)
    assert (told["image"], told["os_name"], told["patch_mode"]) == ("p:o:s", None, None)
    assert list(told) == list(record(skipped()))


def test_a_machine_skipped_by_the_listing_has_neither_error_nor_operation_nor_findings() -> None:
    told = record(skipped())
    assert (told["outcome"], told["reason"]) == ("skipped", "not_running")
    empty = {"source", "status", "assessed_at", "patches_complete", "assessment", "error", "operation"}
    assert empty <= {key for key, value in told.items() if value is None}


def test_azures_own_no_to_a_start_is_told_with_the_skip() -> None:
    error = Failure(
        "OperationNotAllowed", "The VM is not running.", 409, Stage.START, CodeOrigin.AZURE, "c-7"
    )
    told = record(Ending(Outcome.SKIPPED, Reason.NOT_RUNNING, None, error, trace(None, None)))
    assert told["error"] == {
        "code": "OperationNotAllowed",
        "message": "The VM is not running.",
        "http_status": 409,
        "stage": "start",
        "correlation_id": "c-7",
        "origin": "azure",
    }
    assert told["operation"] is not None
    assert told["operation"]["started_at"] is None


def test_a_code_of_fleetscans_own_says_so_under_the_last_key_of_the_error() -> None:
    error = Failure.of_fleetscan(OwnCode.NOT_TRIED, "the assessment was not tried", Stage.START)
    told = record(Ending(Outcome.FAILED, Reason.UNREACHABLE, None, error))
    assert isinstance(told["error"], dict)
    assert list(told["error"].items())[-1] == ("origin", "fleetscan")
    assert (told["error"]["code"], told["error"]["http_status"]) == ("NotTried", None)


def test_a_result_that_nests_too_deeply_fails_under_a_code_of_fleetscans_own() -> None:
    error = without_assessment(assessed()).error
    assert error == Failure.of_fleetscan(
        OwnCode.MALFORMED_REPLY, "the assessment's result nests too deeply to be written", Stage.RESULT
    )


@pytest.mark.parametrize("said", [None, True, False, -1, 2.5, "3", 2**31, [], {}])
def test_what_is_no_count_is_null_and_never_zero(said: Json) -> None:
    assert told(result(critical=said))["critical_and_security_count"] is None
    assert told(result(other=said))["other_count"] is None


def test_zero_is_told_as_zero() -> None:
    assert told(result(critical=0, other=0))["critical_and_security_count"] == 0


@pytest.mark.parametrize("said", [None, "true", 1])
def test_a_restart_nobody_spoke_of_is_null(said: Json) -> None:
    assert told(result(rebootPending=said))["reboot_pending"] is None


@pytest.mark.parametrize(
    ("critical", "other", "patches", "complete"),
    [
        (2, 1, 3, True),
        (2, 1, 2, False),
        (2, 1, 4, True),
        (2, 1, None, False),
        (0, 0, None, True),
        (0, 0, 0, True),
        (None, 0, None, None),
        (None, 1, 1, None),
        (2, None, 9, None),
        (None, None, 0, None),
    ],
)
def test_a_list_shorter_than_the_counts_is_not_complete_and_without_counts_nothing_is_known(
    critical: int | None, other: int | None, patches: int | None, complete: bool | None
) -> None:
    facts = told(result(critical, other, patches))
    assert (facts["patch_count"], facts["patches_complete"]) == (patches, complete)


@pytest.mark.parametrize("reason", [Reason.ASSESSMENT_FAILED, Reason.NO_RESULT])
@pytest.mark.parametrize("patches", [None, 0, 3])
def test_a_list_that_came_with_a_failure_is_neither_complete_nor_cut(
    reason: Reason, patches: int | None
) -> None:
    error = Failure("X", "x", 200, Stage.RESULT, CodeOrigin.AZURE)
    facts = record(Ending(Outcome.FAILED, reason, result(2, 1, patches, status="Failed"), error, trace()))
    assert (facts["critical_and_security_count"], facts["patch_count"]) == (2, patches)
    assert facts["patches_complete"] is None


@pytest.mark.parametrize(
    ("patches", "complete"), [({}, None), ({"patches": [{}, {}]}, False), ({"patches": [{}] * 6}, True)]
)
def test_a_list_that_was_not_asked_of_graph_is_not_judged(
    patches: dict[str, Json], complete: bool | None
) -> None:
    summary: dict[str, Json] = {
        "status": "Succeeded",
        "availablePatchCountByClassification": {"Critical": 2, "Security": 1, "Other": 3},
        **patches,
    }
    facts = record(Ending(Outcome.ASSESSED, None, summary, None, trace(), Source.GRAPH))
    assert (facts["critical_and_security_count"], facts["other_count"]) == (3, 3)
    assert facts["patches_complete"] is complete


@pytest.mark.parametrize(
    "error",
    [
        {"code": "PACKAGE_LIST_TRUNCATED", "message": "", "details": []},
        {"code": "1", "details": [{"code": "OTHER"}, {"code": "PACKAGE_LIST_TRUNCATED"}]},
        {"code": "1", "details": [{"code": "1", "details": [{"code": "Package_List_Truncated"}]}]},
    ],
)
def test_a_list_marked_as_truncated_at_any_depth_is_not_complete(error: dict[str, Json]) -> None:
    assert told(result(2, 1, 3, error=error))["patches_complete"] is False


@pytest.mark.parametrize(
    "error", [None, {"code": "Success", "details": []}, {"code": "0"}, "text", [1, None]]
)
def test_an_error_that_speaks_of_success_marks_nothing(error: Json) -> None:
    assert told(result(2, 1, 3, error=error))["patches_complete"] is True


NOW = "2023-02-22T04:03:00Z"


def assessed_at(source: Source = Source.OPERATION, ended: str | None = None, **told: Json) -> str | None:
    """When Azure made it, where the reply that tells it is of 04:03 and our start was taken at 04:01."""
    dates = azure_time(NOW), azure_time("2023-02-22T04:01:00Z")
    course = OperationTrace(1010.0, 1130.0, None, ended, 1, 4, 0, *dates)
    return record(Ending(Outcome.ASSESSED, None, {**result(), **told}, None, course, source))["assessed_at"]


def test_the_assessments_time_is_the_operations_end_else_the_results_own() -> None:
    own: dict[str, Any] = {
        "lastModifiedDateTime": "2023-02-22T04:02:00Z",
        "startDateTime": "2023-02-22T04:01:00Z",
    }
    assert assessed_at(ended=NOW, **own) == "2023-02-22T04:03:00.000000Z"
    assert assessed_at(**own) == "2023-02-22T04:02:00.000000Z"
    assert assessed_at(startDateTime="2023-02-22T04:01:00Z") == "2023-02-22T04:01:00.000000Z"
    assert assessed_at(lastModifiedDateTime="never") is None


@pytest.mark.parametrize("never", ["1970-01-01T00:00:00Z", "2023-02-22T03:58:00Z", "2023-02-22T04:03:06Z"])
def test_an_operations_result_was_made_between_its_start_and_now(never: str) -> None:
    modified = "2023-02-22T04:02:00Z"
    assert assessed_at(lastModifiedDateTime=modified, startDateTime=never) == "2023-02-22T04:02:00.000000Z"
    assert assessed_at(lastModifiedDateTime=never, startDateTime=never) is None


def test_anothers_assessment_may_be_older_than_our_start_and_never_newer_than_now() -> None:
    graph = Source.GRAPH
    assert assessed_at(graph, lastModifiedDateTime="2023-02-18T04:00:00Z") == "2023-02-18T04:00:00.000000Z"
    assert assessed_at(graph, lastModifiedDateTime="2099-01-01T00:00:00Z") is None
    assert assessed_at(graph, lastModifiedDateTime="1970-01-01T00:00:00Z") is None


def test_without_a_date_the_present_is_when_the_end_was_known_by_our_clock() -> None:
    trace = OperationTrace(None, None, None, None, 1, 0, 8, known_at=1130.0)
    summary: dict[str, Json] = {
        "status": "Succeeded",
        "criticalAndSecurityPatchCount": 1,
        "otherPatchCount": 1,
    }
    summary |= {"lastModifiedTime": "2099-01-01T00:02:55Z", "startTime": "2026-11-23T02:00:10Z"}
    told = record(Ending(Outcome.ASSESSED, None, summary, None, trace, Source.INSTANCE_VIEW))
    assert told["assessed_at"] == "2026-11-23T02:00:10.000000Z"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1970-01-01T00:00:00Z", "2026-11-23T02:01:20Z"),
        ("2026-11-23T02:00:10Z", "2099-01-01T00:00:00Z"),
        ("2026-11-23T02:01:20Z", "2026-11-23T02:01:20Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z"),
        ("2099-01-01T00:00:00Z", "2099-01-01T00:01:00Z"),
    ],
)
def test_azures_times_that_cannot_be_by_our_clock_give_way_to_ours(start: str, end: str) -> None:
    told = operation(OperationTrace(1010.0, 1081.5, start, end, 1, 4, 0))
    assert told["started_at"] == "2026-11-23T02:00:10.123456Z"
    assert (told["finished_at"], told["duration_s"]) == ("2026-11-23T02:01:21.623456Z", 71.5)


def test_a_machines_own_summary_has_counts_and_a_time_and_no_list() -> None:
    summary: dict[str, Json] = {
        "status": "Succeeded",
        "rebootPending": True,
        "criticalAndSecurityPatchCount": 0,
        "otherPatchCount": 0,
        "startTime": "2026-11-24T11:58:00Z",
        "lastModifiedTime": "2026-11-24T12:00:00Z",
    }
    ending = Ending(Outcome.ASSESSED, None, summary, None, None, Source.INSTANCE_VIEW)
    told = record(ending)
    assert (told["source"], told["status"], told["assessed_at"], told["reboot_pending"]) == (
        "instance_view",
        "Succeeded",
        "2026-11-24T12:00:00.000000Z",
        True,
    )
    assert (told["critical_and_security_count"], told["other_count"]) == (0, 0)
    assert (told["patch_count"], told["patches_complete"]) == (None, None)
    del summary["lastModifiedTime"]
    assert record(ending)["assessed_at"] == "2026-11-24T11:58:00.000000Z"


def test_without_an_assessment_there_is_no_time_of_one() -> None:
    error = Failure("X", "x", 200, Stage.POLL, CodeOrigin.AZURE)
    ended = trace(azure_start_time="2023-02-22T04:01:00Z", azure_end_time="2023-02-22T04:03:00Z")
    told = record(Ending(Outcome.FAILED, Reason.OPERATION_FAILED, None, error, ended))
    assert told["assessed_at"] is None
    assert told["operation"] is not None
    assert told["operation"]["duration_s"] == 120.0


def test_a_failed_assessment_keeps_what_it_told() -> None:
    error = Failure("X", "x", 200, Stage.RESULT, CodeOrigin.AZURE)
    told = record(Ending(Outcome.FAILED, Reason.ASSESSMENT_FAILED, result(status="Failed"), error, trace()))
    assert (told["source"], told["status"], told["critical_and_security_count"]) == ("operation", "Failed", 2)


def test_an_operation_azure_did_not_time_is_told_by_our_clock() -> None:
    told = operation(trace(1010.0, 1081.5))
    assert (told["started_at"], told["finished_at"]) == (
        "2026-11-23T02:00:10.123456Z",
        "2026-11-23T02:01:21.623456Z",
    )
    assert told["duration_s"] == 71.5


@pytest.mark.parametrize("end", [None, "garbage", "2023-02-22T04:00:00Z"])
def test_azures_times_are_told_as_a_pair_or_not_at_all(end: str | None) -> None:
    told = operation(trace(1010.0, 1081.5, "2023-02-22T04:01:00Z", end))
    assert told["started_at"] == "2026-11-23T02:00:10.123456Z"
    assert told["duration_s"] == 71.5


def test_an_operation_that_never_ended_has_no_duration() -> None:
    told = operation(trace(1010.0, None))
    assert (told["finished_at"], told["duration_s"]) == (None, None)


def test_without_a_start_sent_there_is_no_operation() -> None:
    assert record(Ending(Outcome.SKIPPED, Reason.UNSUPPORTED, trace=trace(starts=0)))["operation"] is None


def test_a_row_is_one_line() -> None:
    line = encode(record(assessed(note="two\nlines")))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert orjson.loads(line)["assessment"]["note"] == "two\nlines"
