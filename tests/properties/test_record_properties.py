"""What holds for every row: it keeps the contract's schema, reads back as it was, and unknown is never 0."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from fleetscan import json_text
from fleetscan.engine import outcomes
from fleetscan.inventory.from_file import read_lines
from fleetscan.model import (
    Ending,
    Json,
    OperationTrace,
    Outcome,
    Reason,
    Reply,
    Source,
    Stage,
    Target,
)
from fleetscan.patch_counts import plain_count, told_counts
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.schema import result_schema, totals_schema
from fleetscan.records.sums import RunningTotals
from tests.properties.strategies import graph_results, replies, results, statuses, targets, texts, times
from tests.records.examples import CLOCK, SCAN_ID

ROW = Draft202012Validator(result_schema())
TOTALS = Draft202012Validator(totals_schema())
Verdict = Callable[[Reply, Stage, dict[str, Json]], Ending]


def good(reply: Reply) -> Reply:
    """`reply` with a status under which a body counts as a result."""
    return replace(reply, status=200, fault=None)


# Every way in which the engine ends a machine.
VERDICTS: tuple[Verdict, ...] = (
    lambda reply, stage, result: outcomes.assessment(good(reply), result),
    lambda reply, stage, result: outcomes.assessment(good(reply), result, Source.GRAPH),
    lambda reply, stage, result: outcomes.assessment(good(reply), result, Source.INSTANCE_VIEW),
    lambda reply, stage, result: outcomes.refusal(reply, stage),
    lambda reply, stage, result: outcomes.exhausted(reply, stage),
    lambda reply, stage, result: outcomes.malformed(reply, stage, "it makes no sense"),
    lambda reply, stage, result: outcomes.no_result(reply, stage, "nothing came"),
    lambda reply, stage, result: outcomes.timed_out(reply, stage, 1800.0),
    lambda reply, stage, result: outcomes.fate_unknown(),
    lambda reply, stage, result: outcomes.operation_ended_badly(
        good(reply), result, canceled=stage is Stage.POLL
    ),
    lambda reply, stage, result: Ending(Outcome.SKIPPED, Reason.NOT_RUNNING),
)


@st.composite
def traces(draw: st.DrawFn) -> OperationTrace:
    """The course of any operation: ours in order, Azure's as it likes."""
    started_at = draw(st.none() | st.floats(-1e5, 1e7))
    lasted_s = draw(st.none() | st.floats(0.0, 1e7))
    finished_at = None if started_at is None or lasted_s is None else started_at + lasted_s
    told = st.none() | times | texts
    numbers = [draw(st.integers(0, 100)) for _ in range(3)]
    polls, starts, throttled = numbers
    dates = (
        draw(st.none() | st.datetimes(timezones=st.just(UTC))),
        draw(st.none() | st.datetimes(timezones=st.just(UTC))),
    )
    return OperationTrace(started_at, finished_at, draw(told), draw(told), polls, starts, throttled, *dates)


@st.composite
def endings(draw: st.DrawFn) -> Ending:
    """Any end that the engine could come to, with any course before it."""
    verdict = draw(st.sampled_from(VERDICTS))
    told = draw(st.one_of(results, graph_results, statuses))
    ending = verdict(draw(replies()), draw(st.sampled_from((Stage.START, Stage.POLL, Stage.RESULT))), told)
    trace = draw(st.none() | traces())
    return replace(ending, trace=trace)


@given(targets(), endings())
def test_every_row_keeps_the_schema_and_reads_back_as_it_was(target: Target, ending: Ending) -> None:
    row = machine_row.row(SCAN_ID, target, ending, CLOCK)
    line = machine_row.encode(row)
    assert json_text.parse(line) == json.loads(line) == row
    ROW.validate(row)
    assert row["assessment"] == ending.assessment


@given(targets(), endings())
def test_a_count_is_told_by_azure_or_null(target: Target, ending: Ending) -> None:
    row = machine_row.row(SCAN_ID, target, ending, CLOCK)
    counts = row["critical_and_security_count"], row["other_count"]
    if ending.assessment is None:
        assert counts == (None, None)
    elif ending.source is not Source.GRAPH:
        told = [ending.assessment.get(name) for name in ("criticalAndSecurityPatchCount", "otherPatchCount")]
        for count, value in zip(counts, told, strict=True):
            assert count == value if plain_count(value) is not None else count is None
    assert counts == (told_counts(ending.assessment, ending.source) if ending.assessment else (None, None))
    assert (row["outcome"] == "assessed") <= (None not in counts)
    assert row["reboot_pending"] is None or ending.assessment is not None


@given(
    st.lists(st.tuples(targets(), st.none() | endings()), max_size=6), st.sampled_from(((), ("tag:owner",)))
)
def test_the_sums_of_any_fleet_add_up_and_keep_the_schema(
    fleet: list[tuple[Target, Ending | None]], group_by: tuple[str, ...]
) -> None:
    totals, rows = RunningTotals(SCAN_ID, group_by), 0
    for target, _ in fleet:
        totals.listed(target)
    for target, ending in fleet:
        if ending is not None:
            totals.ended(target, machine_row.row(SCAN_ID, target, ending, CLOCK))
            rows += 1
    totals.check(rows)
    facts = FleetFacts("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", 1.0, RequestCounts())
    lines = totals.lines(facts)
    for line in lines:
        TOTALS.validate(line)
        assert json.loads(json_text.encode_line(line)) == line
        outcomes = line["outcomes"]
        assert isinstance(outcomes, dict)
        assert sum(count for count in outcomes.values() if isinstance(count, int)) == line["listed"]


@given(targets(), endings())
def test_a_row_is_a_line_of_an_inventory_and_names_the_same_machine(target: Target, ending: Ending) -> None:
    line = machine_row.encode(machine_row.row(SCAN_ID, target, ending, CLOCK))
    (again,) = read_lines([line], "results.jsonl").targets
    assert (again.resource_id, again.name, again.tags) == (target.resource_id, target.name, target.tags)
