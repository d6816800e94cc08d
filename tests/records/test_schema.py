"""The schemas: every record we can make validates, and what the contract forbids does not."""

from __future__ import annotations

import random

import orjson
import pytest
from jsonschema_rs import Draft202012Validator, meta

from fleetscan.model import CodeOrigin, Ending, Failure, Json, Outcome, Reason, Stage
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.row import REASONS
from fleetscan.records.schema import SCHEMAS, result_schema, totals_schema
from fleetscan.records.sums import RunningTotals
from tests.records.examples import CLOCK, SCAN_ID, assessed, drawn, failed, machine, result, skipped

RESULT = Draft202012Validator(result_schema())
TOTALS = Draft202012Validator(totals_schema())
FACTS = FleetFacts(
    "2026-11-23T02:00:00.000000Z", "2026-11-23T02:04:12.000000Z", 252.0, RequestCounts(start=3)
)


def a_row(**changed: Json) -> dict[str, object]:
    return {**machine_row.row(SCAN_ID, machine(), assessed(), CLOCK), **changed}


def members(schema: dict[str, Json], part: str) -> list[Json]:
    named = schema[part]
    assert isinstance(named, dict | list)
    return list(named)


def fleet_line(**changed: Json) -> dict[str, object]:
    totals = RunningTotals(SCAN_ID)
    totals.listed(machine())
    return {**totals.lines(FACTS)[0], **changed}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_one_under_its_own_name(name: str) -> None:
    schema = SCHEMAS[name]()
    meta.validate(schema)
    assert schema["title"] == name


def test_two_thousand_drawn_records_and_their_totals_validate() -> None:
    chance = random.Random(20261123)
    totals = RunningTotals(SCAN_ID, ["tag:owner"])
    for _ in range(2000):
        target, ending = drawn(chance)
        row = machine_row.row(SCAN_ID, target, ending, CLOCK)
        totals.listed(target)
        totals.ended(target, row)
        RESULT.validate(orjson.loads(machine_row.encode(row)))
    totals.check(2000)
    for line in totals.lines(FACTS):
        TOTALS.validate(line)


def test_a_record_has_the_schemas_keys_in_the_schemas_order() -> None:
    for ending in (assessed(), failed(), skipped()):
        row = machine_row.row(SCAN_ID, machine(), ending, CLOCK)
        assert list(row) == members(result_schema(), "properties") == members(result_schema(), "required")


def test_a_line_of_totals_has_the_schemas_keys_in_the_schemas_order() -> None:
    assert list(fleet_line()) == members(totals_schema(), "properties")


def test_every_outcome_of_a_row_and_every_reason_of_the_model_stands_in_the_table_once() -> None:
    assert set(REASONS) == set(Outcome) - {Outcome.INTERRUPTED}
    words = [word for group in REASONS.values() for word in group]
    assert sorted(filter(None, words)) == sorted(reason.value for reason in Reason)


@pytest.mark.parametrize(
    "changed",
    [
        {"outcome": "interrupted"},
        {"reason": "denied"},
        {"outcome": "skipped", "reason": None},
        {"critical_and_security_count": None},
        {"critical_and_security_count": -1},
        {"assessment": None},
        {"source": None},
        {
            "error": {
                "code": None,
                "message": None,
                "http_status": None,
                "stage": "poll",
                "correlation_id": None,
                "origin": "azure",
            }
        },
        {"assessed_at": "2026-11-23T02:00:00+01:00"},
        {"extra": 1},
        {"operation": {"starts": 1}},
    ],
)
def test_a_row_the_contract_forbids_does_not_validate(changed: dict[str, Json]) -> None:
    assert RESULT.is_valid(a_row())
    assert not RESULT.is_valid(a_row(**changed))


@pytest.mark.parametrize("complete", [True, False, None])
def test_only_an_assessed_row_says_whether_its_list_is_complete(complete: bool | None) -> None:
    """An operation's result always has a list; another source may have been read without."""
    changed: dict[str, Json] = {"patches_complete": complete}
    error = Failure("X", "x", 200, Stage.RESULT, CodeOrigin.AZURE)
    bad = Ending(Outcome.FAILED, Reason.ASSESSMENT_FAILED, result(2, 1, 3, status="Failed"), error)
    failed_row = machine_row.row(SCAN_ID, machine(), bad, CLOCK)
    assert RESULT.is_valid({**failed_row, **changed}) == (complete is None)
    assert RESULT.is_valid(a_row(**changed)) == (complete is not None)
    assert RESULT.is_valid(a_row(**changed, source="graph"))


def test_a_row_without_a_key_does_not_validate() -> None:
    row = a_row()
    for key in row:
        assert not RESULT.is_valid({name: value for name, value in row.items() if name != key}), key


def test_a_line_of_totals_without_a_key_does_not_validate() -> None:
    line = fleet_line()
    for key in line:
        assert not TOTALS.is_valid({name: value for name, value in line.items() if name != key}), key


def test_words_that_later_scans_write_are_in_the_schema_already() -> None:
    assert RESULT.is_valid(a_row(reason="fresh", source="graph", kind="arc", operation=None))


def test_fields_azure_adds_to_a_result_are_welcome() -> None:
    assert RESULT.is_valid(a_row(assessment={"maintenanceRunId": None, "new": {"deep": [1]}}))


@pytest.mark.parametrize(
    "changed",
    [
        {"scope": "subscription", "key": "a"},
        {"key": "a"},
        {"scope": "owner"},
        {"coverage_pct": 100.5},
        {"outcomes": {"assessed": 1}},
        {"extra": 1},
    ],
)
def test_a_line_of_totals_the_contract_forbids_does_not_validate(changed: dict[str, Json]) -> None:
    assert TOTALS.is_valid(fleet_line())
    assert not TOTALS.is_valid(fleet_line(**changed))
