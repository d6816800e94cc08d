"""Machines and endings to make records of: one of each by hand, thousands from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from fleetscan.azure_times import azure_time
from fleetscan.model import CodeOrigin, Ending, Failure, Json, OperationTrace, Outcome, Reason, Stage, Target
from fleetscan.records.machine_row import encode, row
from fleetscan.records.row import REASONS, Row
from fleetscan.records.run import RunFacts
from fleetscan.records.times import WallClock

SCAN_ID = "4f1c2a9e-0000-4000-8000-000000000000"
# Monotonic second 1000 is two o'clock at night.
CLOCK = WallClock(datetime(2026, 11, 23, 2, 0, 0, 123456, UTC), 1000.0)


def machine(
    name: str = "vm-1",
    *,
    subscription_id: str = "11111111-2222-3333-4444-555555555555",
    location: str | None = "westeurope",
    os_type: str | None = "Linux",
    tags: Mapping[str, str] | None = None,
) -> Target:
    return Target(
        resource_id=f"/subscriptions/{subscription_id}/resourceGroups/RG/providers/Microsoft.Compute"
        f"/virtualMachines/{name}",
        subscription_id=subscription_id,
        resource_group="RG",
        name=name,
        location=location,
        os_type=os_type,
        tags=tags or {},
    )


def result(critical: Json = 2, other: Json = 1, patches: Json = None, **more: Json) -> dict[str, Json]:
    """A result object of Azure's with these counts; `patches` is the list's length where it is a number."""
    told: dict[str, Json] = {
        "status": "Succeeded",
        "rebootPending": False,
        "criticalAndSecurityPatchCount": critical,
        "otherPatchCount": other,
    }
    if isinstance(patches, int):
        told["availablePatches"] = [{"patchId": str(number)} for number in range(patches)]
    return told | more


def trace(
    started_at: float | None = 1010.0,
    finished_at: float | None = 1081.5,
    azure_start_time: str | None = None,
    azure_end_time: str | None = None,
    starts: int = 1,
) -> OperationTrace:
    """Where Azure told when it ended, that reply has a Date too."""
    dates = azure_time(azure_end_time), azure_time(azure_start_time)
    return OperationTrace(started_at, finished_at, azure_start_time, azure_end_time, starts, 4, 0, *dates)


def assessed(critical: int = 2, other: int = 1, **more: Json) -> Ending:
    told = result(critical, other, critical + other, **more)
    return Ending(Outcome.ASSESSED, None, told, None, trace())


def failed(reason: Reason = Reason.DENIED) -> Ending:
    error = Failure("AuthorizationFailed", "no", 403, Stage.START, CodeOrigin.AZURE, "c-1")
    return Ending(Outcome.FAILED, reason, None, error, trace(started_at=None, finished_at=None))


def skipped() -> Ending:
    return Ending(Outcome.SKIPPED, Reason.NOT_RUNNING)


def drawn(chance: random.Random) -> tuple[Target, Ending]:
    """Any machine the engine could end, in any of the ways it could end it."""
    target = machine(
        f"vm-{chance.randrange(10**6)}",
        subscription_id=chance.choice(("aaaa", "AAAA", "bbbb")),
        location=chance.choice((None, "westeurope", "eastus")),
        os_type=chance.choice((None, "Windows", "Linux")),
        tags=chance.choice(({}, {"owner": "ops"}, {"Owner": "Ops", "umlaut ä": "\u202e"})),
    )
    word = chance.choice(tuple(REASONS))
    outcome = Outcome(word)
    words = [reason for reason in REASONS[word] if reason and reason in set(Reason)]
    reason = Reason(chance.choice(words)) if words else None
    return target, _drawn_ending(chance, outcome, reason)


def _drawn_ending(chance: random.Random, outcome: Outcome, reason: Reason | None) -> Ending:
    times = (None, "garbage", "2023-02-22T04:01:54.3947308-05:00", "0001-01-01T00:00:00")
    course = trace(
        chance.choice((None, 1010.0)),
        chance.choice((None, 1081.5)),
        chance.choice(times),
        chance.choice(times),
        chance.randrange(3),
    )
    error = Failure(
        chance.choice((None, "Conflict")),
        chance.choice((None, "no")),
        chance.choice((None, 409)),
        Stage.POLL,
        chance.choice(tuple(CodeOrigin)),
    )
    if outcome is Outcome.ASSESSED:
        told = result(chance.randrange(9), chance.randrange(9), chance.choice((None, 0, 5, 20)))
        return Ending(outcome, reason, told, None, course)
    if outcome is Outcome.SKIPPED:
        return chance.choice((skipped(), Ending(outcome, reason, None, error, course)))
    odd = (None, True, -1, 2.5, "3", 2**40, 7)
    told = result(
        chance.choice(odd), chance.choice(odd), chance.choice((None, 3)), status=chance.choice((1, "Failed"))
    )
    return Ending(outcome, reason, chance.choice((None, told)), error, course)


def timed_row(name: str, os_type: str | None, duration_s: float | None, *, is_azures: bool = True) -> Row:
    """A row of a VM whose operation took so long, by Azure's own clock or by ours."""
    ended = "2026-01-01T00:02:00Z"
    made = row(SCAN_ID, machine(name, os_type=os_type), assessed(), CLOCK)
    assert made["operation"] is not None
    made["assessed_at"] = ended if is_azures else "2026-01-01T00:01:00Z"
    made["operation"]["finished_at"], made["operation"]["duration_s"] = ended, duration_s
    return made


def run_facts(exit_code: int | None = 0) -> RunFacts:
    """A run.json."""
    return {
        "schema": "fleetscan.run/1",
        "scan_id": SCAN_ID,
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": None if exit_code is None else "2026-01-01T00:10:00Z",
        "exit_code": exit_code,
        "stopped_by": None,
        "versions": {"fleetscan": "0.1.0", "python": "3.11.7"},
        "principal": None,
        "scope": {"subscriptions": [], "not_enabled": [], "uniform_scale_set_vms": 12, "shard": None},
        "warnings": [],
        "selection": {},
        "settings": {},
        "sources": [],
    }


def write_run(path: Path, rows: Sequence[Row], exit_code: int | None = 0, torn: bytes = b"") -> None:
    """A run's rows and its run.json, and at the rows' end what a dying process left."""
    path.mkdir(exist_ok=True)
    (path / "results.jsonl").write_bytes(b"".join(map(encode, rows)) + torn)
    (path / "run.json").write_bytes(orjson.dumps(run_facts(exit_code)))
