"""The JSON Schemas (draft 2020-12) of all records: the outward contract, derived from their declarations.

Written out here are only the rules between fields. Our own objects are closed; Azure's are open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fleetscan.model import Json
from fleetscan.records import diff, doctor, journal, plan, report, row, run, totals
from fleetscan.records.shapes import object_schema

CHECKSUM: dict[str, Json] = {
    "description": "CRC-32 of the line's bytes before this key, begun with the checksum of the line before.",
    "type": "integer",
    "minimum": 0,
    "maximum": 2**32 - 1,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def result_schema() -> dict[str, Json]:
    """The schema of one line of results.jsonl."""
    return {
        **_headed(row.SCHEMA, row.Row),
        "oneOf": [_rows_of(outcome) for outcome in row.REASONS],
        "if": {"properties": {"assessment": {"type": "null"}}},
        "then": {"properties": {name: {"type": "null"} for name in row.Findings.__annotations__}},
        "else": {"properties": {"source": {"type": "string"}}},
    }


def totals_schema() -> dict[str, Json]:
    """The schema of one line of totals.jsonl."""
    every = totals.GroupTotals.__annotations__
    fleet_only = [name for name in totals.Totals.__annotations__ if name not in every]
    forbidden: dict[str, Json] = dict.fromkeys(fleet_only, False)
    return {
        **_headed(totals.SCHEMA, totals.Totals),
        "required": [*every],
        "if": {"properties": {"scope": {"const": "fleet"}}},
        "then": {
            "properties": {"key": {"type": "null"}, "name": {"type": "null"}},
            "required": [*fleet_only],
        },
        "else": {
            "properties": forbidden,
            "if": {"properties": {"scope": {"const": "subscription"}}},
            "then": {"properties": {"key": {"type": "string"}}},
            "else": {"properties": {"name": {"type": "null"}}},
        },
    }


def plan_schema() -> dict[str, Json]:
    """The schema of what `fleetscan plan` writes to standard output."""
    return _headed(plan.SCHEMA, plan.Plan)


def doctor_schema() -> dict[str, Json]:
    """The schema of what `fleetscan doctor` writes as JSON."""
    return _headed(doctor.SCHEMA, doctor.Doctor)


def diff_schema() -> dict[str, Json]:
    """The schema of what `fleetscan diff` writes as JSON."""
    return _headed(diff.SCHEMA, diff.Diff)


def report_schema() -> dict[str, Json]:
    """The schema of what `fleetscan report` writes as JSON."""
    return _headed(report.SCHEMA, report.Report)


def run_schema() -> dict[str, Json]:
    """The schema of run.json."""
    return {
        **_headed(run.SCHEMA, run.RunFacts),
        "if": {"properties": {"finished_at": {"type": "null"}}},
        "then": {"properties": {"exit_code": {"type": "null"}, "stopped_by": {"type": "null"}}},
        "else": {"properties": {"exit_code": {"type": "integer"}}},
    }


def journal_schema() -> dict[str, Json]:
    """The schema of one line of journal.jsonl: any of its events."""
    return {
        "$schema": DIALECT,
        "$id": _urn(journal.SCHEMA),
        "title": journal.SCHEMA,
        "description": "What happened in a run, as far as a resume needs it.",
        "oneOf": [_event_schema(event) for event in journal.EVENTS],
    }


def _event_schema(event: type[journal.Event]) -> dict[str, Json]:
    fields = object_schema(event)
    properties, required = fields["properties"], fields["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    word: dict[str, Json] = {"event": {"const": event.word}}
    crc: dict[str, Json] = {"crc": CHECKSUM}
    return {
        **fields,
        "properties": {**word, **properties, **crc},
        "required": ["event", *required, "crc"],
    }


# What `fleetscan schema` prints, in this order.
SCHEMAS: Mapping[str, Callable[[], dict[str, Json]]] = {
    row.SCHEMA: result_schema,
    totals.SCHEMA: totals_schema,
    plan.SCHEMA: plan_schema,
    run.SCHEMA: run_schema,
    journal.SCHEMA: journal_schema,
    report.SCHEMA: report_schema,
    diff.SCHEMA: diff_schema,
    doctor.SCHEMA: doctor_schema,
}


def _urn(name: str) -> str:
    return f"urn:{name.replace('/', ':')}"


def _headed(name: str, record: type) -> dict[str, Json]:
    """The schema of a declared record as a document of its own."""
    return {
        "$schema": DIALECT,
        "$id": _urn(name),
        "title": name,
        **object_schema(record),
    }


def _rows_of(outcome: row.OutcomeWord) -> dict[str, Json]:
    """What holds for every row of one outcome."""
    properties: dict[str, Json] = {
        "outcome": {"const": outcome},
        "reason": {"enum": [*row.REASONS[outcome]]},
    }
    if outcome != "assessed":
        properties["patches_complete"] = {"type": "null"}
    match outcome:
        case "assessed":
            properties["error"] = {"type": "null"}
            properties["assessment"] = {"type": "object"}
            properties["critical_and_security_count"] = properties["other_count"] = {"type": "integer"}
            # A VM's operation always has a list, an Arc server's never; another source may be read without.
            return {
                "properties": properties,
                "if": {"properties": {"kind": {"const": "vm"}, "source": {"const": "operation"}}},
                "then": {"properties": {"patches_complete": {"type": "boolean"}}},
            }
        case "failed" | "timed_out":
            properties["error"] = {"type": "object"}
        case _:
            properties["assessment"] = {"type": "null"}
    return {"properties": properties}
