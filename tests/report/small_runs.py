"""Runs of a few VMs, row by row as a test wants them, with the totals that a scan would have written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from fleetscan import json_text
from fleetscan.model import CodeOrigin, Ending, Failure, InventoryError, Json, Outcome, Reason, Stage, Target
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.journal import Event, FleetListed, Listed, as_json
from fleetscan.records.row import Row
from fleetscan.records.sums import RunningTotals
from tests.records.examples import CLOCK, SCAN_ID, machine, result, run_facts, trace, write_run

FACTS = FleetFacts(
    "2026-11-23T02:00:00.000000Z",
    "2026-11-23T02:04:12.300000Z",
    252.3,
    RequestCounts(list=9, start=280, poll=915, throttled=3, retried=4),
)


def kb(number: int, classification: str = "Security", title: str = "Update", day: str = "2026-10-13") -> Json:
    """A Windows patch as an operation's result lists it."""
    return {
        "name": f"{title} (KB{number})",
        "kbId": str(number),
        "classifications": [classification],
        "publishedDate": f"{day}T00:00:00+00:00",
    }


def package(name: str, classification: str = "Security") -> Json:
    """A Linux package as an operation's result lists it."""
    return {"name": name, "version": "1.0", "classifications": [classification], "publishedDate": None}


def vm(
    name: str,
    critical: int = 0,
    other: int = 0,
    patches: Sequence[Json] = (),
    *,
    os_type: str | None = "Windows",
    **more: Any,
) -> Row:
    """The row of an assessed VM; `more` goes into Azure's result."""
    told = result(critical, other, **{"availablePatches": [*patches], **more})
    target = machine(name, os_type=os_type)
    return machine_row.row(SCAN_ID, target, Ending(Outcome.ASSESSED, None, told, None, trace()), CLOCK)


def unassessed(
    name: str, reason: Reason = Reason.DENIED, message: str = "no", code: str = "AuthorizationFailed"
) -> Row:
    """The row of a VM that failed, timed out or was skipped."""
    outcome = {
        Reason.NOT_RUNNING: Outcome.SKIPPED,
        Reason.UNSUPPORTED: Outcome.SKIPPED,
        Reason.BUSY: Outcome.SKIPPED,
        Reason.NOT_CACHED: Outcome.SKIPPED,
        Reason.OPERATION_TIMEOUT: Outcome.TIMED_OUT,
    }.get(reason, Outcome.FAILED)
    error = (
        None
        if outcome is Outcome.SKIPPED
        else Failure(code, message, 403, Stage.START, CodeOrigin.AZURE, None)
    )
    return machine_row.row(SCAN_ID, machine(name), Ending(outcome, reason, None, error), CLOCK)


def small_run(
    path: Path,
    rows: Sequence[Row],
    exit_code: int | None = 0,
    *,
    facts: FleetFacts = FACTS,
    unfinished: int = 0,
    has_journal: bool = True,
) -> Path:
    """A run of `rows` and of so many unfinished VMs; without totals where `exit_code` is None."""
    write_run(path, rows, exit_code)
    targets = [_target(row) for row in rows]
    left = [machine(f"left-{number}", os_type="Windows") for number in range(unfinished)]
    totals = RunningTotals(SCAN_ID)
    for target in (*targets, *left):
        totals.listed(target)
    for target, row in zip(targets, rows, strict=True):
        totals.ended(target, row)
    if exit_code is not None:
        lines = totals.lines(facts)
        (path / "totals.jsonl").write_bytes(b"".join(map(json_text.encode_line, lines)))
    if has_journal:
        errors: list[InventoryError] = [*facts.inventory_errors]
        events: list[Event] = [
            *map(Listed, (*targets, *left)),
            FleetListed(len(targets) + unfinished, errors, SCOPE),
        ]
        (path / "journal.jsonl").write_bytes(
            b"".join(json_text.encode_line(as_json(each)) for each in events)
        )
    return path


SCOPE = run_facts()["scope"]


def edit_facts(path: Path, **changed: Json) -> None:
    """Change run.json."""
    file = path / "run.json"
    file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), **changed}))


def _target(row: Row) -> Target:
    return Target(
        row["resource_id"],
        row["subscription_id"],
        row["resource_group"],
        row["name"],
        row["location"],
        row["subscription_name"],
        row["os_type"],
        row["power_state"],
        row["tags"],
    )
