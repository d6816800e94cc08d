"""Shards of a scan as run directories: whole, stopped and killed ones, with what a scan would write."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zlib import crc32

import orjson

from fleetscan import json_text
from fleetscan.model import Ending, InventoryError, Json, Target
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts, listing_stopped
from fleetscan.records.journal import (
    SCHEMA,
    Event,
    FleetListed,
    Listed,
    ProcessBegan,
    RequestsCounted,
    StartSending,
    VmEnded,
    as_json,
)
from fleetscan.records.row import Row
from fleetscan.records.run import RunFacts, ShardScope, ShardSubscription
from fleetscan.records.sums import RunningTotals
from tests.records.examples import CLOCK, drawn, run_facts

ENDPOINT = "https://management.azure.com"
REQUESTS = RequestCounts(list=3, start=10, poll=40, other=2, throttled=1, retried=4)
# 2026-11-23 02:00 UTC, and the end of every run that has one.
BEGAN_AT_S = 1_795_399_200.0
ENDED_AT_S = BEGAN_AT_S + 600

End = Literal["whole", "stopped", "killed"]


@dataclass
class Made:
    """One run to write: its VMs, how each ended (None: it has no row), and how far its process came.

    `listed` VMs are in its journal, None for all of them, and the listing is whole then.
    """

    scan_id: str
    vms: Sequence[tuple[Target, Ending | None]]
    end: End = "whole"
    shard: tuple[int, int, str] | None = None
    seen: Sequence[ShardSubscription] | None = ()
    retries: str | None = None
    listed: int | None = None
    has_journal: bool = True
    group_by: tuple[str, ...] = ()
    errors: Sequence[InventoryError] = ()
    selection: Mapping[str, Json] = field(default_factory=dict)
    began_at_s: float = BEGAN_AT_S
    torn: bytes = b""

    @property
    def started_at(self) -> str:
        """As run.json has it."""
        return at(self.began_at_s)

    def rows(self) -> list[Row]:
        """The rows of its VMs that have one."""
        return [
            machine_row.row(self.scan_id, target, ending, CLOCK)
            for target, ending in self.vms
            if ending is not None
        ]


def at(moment_s: float) -> str:
    """A moment as records write it."""
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write(path: Path, made: Made) -> Path:
    """Write the run into the new directory `path`."""
    path.mkdir(parents=True)
    rows = made.rows()
    (path / "results.jsonl").write_bytes(b"".join(map(machine_row.encode, rows)) + made.torn)
    if made.end != "killed":
        (path / "totals.jsonl").write_bytes(b"".join(map(json_text.encode_line, _totals(made, rows))))
    if made.has_journal:
        lines = (json_text.encode_line(as_json(event)) for event in _events(made))
        (path / "journal.jsonl").write_bytes(b"".join(lines))
    (path / "run.json").write_bytes(orjson.dumps(facts_of(made), option=orjson.OPT_INDENT_2))
    return path


def facts_of(made: Made) -> RunFacts:
    """Its run.json."""
    failed = any(row["outcome"] in ("failed", "timed_out") for row in made.rows()) or bool(made.errors)
    code = {"whole": 3 if failed else 0, "stopped": 5, "killed": None}[made.end]
    number, of, by = made.shard or (0, 0, "subscription")
    selection: dict[str, Json] = {
        "subscription": [],
        "limit": None,
        "endpoint": ENDPOINT,
        "retried_scan_id": made.retries,
        "shard": f"{number}/{of}" if made.shard else None,
        "shard_by": by,
        **made.selection,
    }
    ids = {target.subscription_id.lower(): target.subscription_id for target, _ in made.vms}
    facts = run_facts(code)
    facts["scan_id"], facts["started_at"] = made.scan_id, made.started_at
    facts["finished_at"] = None if code is None else at(ENDED_AT_S)
    facts["selection"] = selection
    facts["settings"] = {"group_by": [*made.group_by], "shard": selection["shard"], "shard_by": by}
    scope = facts["scope"]
    scope["subscriptions"] = [
        {"subscription_id": each, "name": None, "state": "Enabled", "tenant_id": None}
        for each in ids.values()
    ]
    if made.shard is not None and made.seen is not None:
        scope["shard"] = ShardScope(number=number, of=of, by=by, subscriptions=[*made.seen])  # type: ignore[typeddict-item]
    return facts


def _totals(made: Made, rows: Sequence[Row]) -> Sequence[Mapping[str, object]]:
    totals = RunningTotals(made.scan_id, made.group_by)
    for target, _ in _listed(made):
        totals.listed(target)
    ended = (target for target, ending in made.vms if ending is not None)
    for target, row in zip(ended, rows, strict=True):
        totals.ended(target, row)
    errors = [*made.errors, *_cut_off(made)]
    selection = facts_of(made)["selection"]
    times = made.started_at, at(ENDED_AT_S), 600.0
    return totals.lines(FleetFacts(*times, REQUESTS, errors, selection, uniform_scale_set_vms=12))


def _listed(made: Made) -> Sequence[tuple[Target, Ending | None]]:
    return made.vms if made.listed is None else made.vms[: made.listed]


def _cut_off(made: Made) -> list[InventoryError]:
    return [] if made.listed is None else [listing_stopped(made.listed)]


def _events(made: Made) -> list[Event]:
    began = ProcessBegan(
        SCHEMA, made.began_at_s, 7, "host", made.scan_id, None, dict(facts_of(made)["selection"])
    )
    events: list[Event] = [began, *(Listed(target) for target, _ in _listed(made))]
    if made.listed is None:
        events.append(FleetListed(len(made.vms), [*made.errors], facts_of(made)["scope"]))
    ends_at = 0
    for number, (_, ending) in enumerate(made.vms):
        events.append(StartSending(number, made.began_at_s + 1))
        if ending is not None:
            row = machine_row.row(made.scan_id, made.vms[number][0], ending, CLOCK)
            line = machine_row.encode(row)
            ends_at += len(line)
            events.append(VmEnded(number, ends_at, crc32(line), machine_row.counted(row)))
    return [*events, RequestsCounted(ENDED_AT_S - 60, REQUESTS.told())]


def fleet(draw: random.Random, subscriptions: int, vms: int) -> list[tuple[Target, Ending]]:
    """VMs in so many subscriptions, each with a name of its own, and ended in any way."""
    made = []
    for number in range(vms):
        target, ending = drawn(draw)
        subscription = subscription_id(draw.randrange(subscriptions))
        name = f"vm-{number}"
        made.append(
            (
                replace(
                    target, resource_id=id_of(subscription, name), subscription_id=subscription, name=name
                ),
                ending,
            )
        )
    return made


def subscription_id(number: int) -> str:
    """The id of a subscription."""
    return f"AAAAAAAA-0000-4000-8000-{number:012d}"


def id_of(subscription: str, name: str) -> str:
    """The id of a VM."""
    return (
        f"/subscriptions/{subscription}/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/{name}"
    )
