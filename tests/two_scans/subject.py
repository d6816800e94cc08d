"""One pair of scans: a fleet, how Azure takes a second assessment, and how much later the second scan begins.

The scans are the product's own, over one simulated Azure and one clock. Nothing else goes wrong.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import anyio

from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario, SecondAssessment
from tests.playing import Subject, Verdict
from tests.strict_reader import Run, read_run
from tests.virtual import cloud_of
from tests.virtual_scan import Clock, Transport, run_to_end, virtual

MACHINES = 60
# No simulated assessment takes as long.
LONGEST_S = 6 * 3600.0
# Assessments take some minutes: a scan that begins much later meets few of them.
MOST_OFFSETS_S = (5.0, 60.0, 600.0)


@dataclass(frozen=True, slots=True)
class Pair:
    """What came of two scans of one cloud."""

    cloud: Cloud
    runs: tuple[Run, Run]


def scenario_of(seed: int) -> Scenario:
    """A fleet without any failures of its own."""
    draw = random.Random(f"{seed}:two scans")
    return Scenario(
        machines=MACHINES,
        subscriptions=2,
        regions=2,
        seed=seed,
        patches=2,
        stopped_pct=0.0,
        failing_pct=0.0,
        # At the smallest the starts of both scans take turns for some minutes.
        limits_speed=draw.choice((1.0, 0.05, 0.01)),
        installing_pct=draw.choice((0.0, 10.0)),
        durations=draw.choice(("regular", "lognormal")),
        graph_lag_s=draw.choice((0.0, 3.0, 30.0)),
        second_assessment=get_args(SecondAssessment)[seed % 3],
    )


def pair_of(seed: int, place: Path) -> Pair:
    """Play both scans to their ends, their files in `place`."""
    cloud, clock = cloud_of(scenario_of(seed)), Clock()
    draw = random.Random(f"{seed}:offset")
    is_blind = not cloud.scenario.installing_pct and draw.random() < 0.3
    offset_s = draw.uniform(0.0, draw.choice(MOST_OFFSETS_S))

    async def scan(name: str, after_s: float) -> None:
        await anyio.sleep(after_s)
        settings = Settings(
            out=str(place / name),
            operation_timeout_s=LONGEST_S,
            # A scan that does not ask ends what the other has running, and that one has to follow.
            ignore_busy=is_blind and name == "second",
        )
        await scan_over(Transport(cloud, clock), settings)

    async def both() -> None:
        async with anyio.create_task_group() as scans:
            scans.start_soon(scan, "first", 0.0)
            scans.start_soon(scan, "second", offset_s)

    with virtual(clock):
        run_to_end(both(), clock)
    return Pair(cloud, (read_run(place / "first"), read_run(place / "second")))


def breaches(pair: Pair) -> Iterator[str]:
    """What one of the scans cost the other."""
    for machine in pair.cloud.fleet:
        rows = [run.by_id[machine.key] for run in pair.runs]
        told = [(row["outcome"], row["reason"]) for row in rows]
        may_be_busy = machine.lot.installs_until is not None
        if any(
            word != ("assessed", None) and not (may_be_busy and word == ("skipped", "busy")) for word in told
        ):
            yield f"{machine.name}: the scans say {told}"
        if (count := pair.cloud.ledger.accepted[machine.key]) > 2:
            yield f"{machine.name} was started {count} times"
        true = pair.cloud.ledger.result_of(machine.key)
        for row in rows:
            counts = (row["critical_and_security_count"], row["other_count"])
            if row["outcome"] == "assessed" and true is not None:
                if counts != (true["criticalAndSecurityPatchCount"], true["otherPatchCount"]):
                    yield f"{machine.name}: {counts} is not what Azure found"
                if row["assessed_at"] < row_began(pair, row):
                    yield f"{machine.name}: assessed at {row['assessed_at']}, before its scan began"
    yield from (f"{key}: its installation was ended" for key in pair.cloud.ledger.installations_killed)


def row_began(pair: Pair, row: dict[str, object]) -> str:
    """When the scan of a row began."""
    (began,) = {str(run.facts["started_at"]) for run in pair.runs if run.facts["scan_id"] == row["scan_id"]}
    return began


def play(seed: int, place: Path) -> Verdict:
    """Play one pair and check it."""
    pair = pair_of(seed, place)
    of_graph = sum(row["source"] == "graph" for run in pair.runs for row in run.rows)
    counts = {
        "rows": sum(len(run.rows) for run in pair.runs),
        "of them read from the other's assessments": of_graph,
        "starts": pair.cloud.ledger.starts.total(),
        "assessments superseded": len(pair.cloud.ledger.superseded),
        "reads of VMs": sum(run.fleet["requests"]["other"] for run in pair.runs),
    }
    return Verdict(seed, tuple(breaches(pair)), counts)


TWO_SCANS = Subject("tests.two_scans", play, unit="seeds", wanted=100, at_once=os.cpu_count() or 1)
