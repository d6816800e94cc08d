"""The harness's end of `benchmarks.own_part`: runs that program and makes a run of what it measured."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from benchmarks.commands import Client
from benchmarks.fleets import fleet
from benchmarks.process import Process
from benchmarks.runs import Run

# Half of them take 30 s and have ended by 95 s, the first of the others ends after 540 s: between are polls
# alone, as many as the subscription's 25 reads a second allow.
FLEET = fleet(800, "bimodal")
BEGINS_S, LASTS_S = 100.0, 60.0
# As often as the limit allows polls.
POLLS_PER_S, BARE_WAITS = 25.0, 250
CAP_S = 240.0
BARE = "floor: a bare wait"


@dataclass(frozen=True, slots=True)
class OwnPart:
    """`polls` were sent in the time measured, and `other` requests; both took `own_s` of our own CPU.

    `bare_us` is the CPU of a wait of the event loop that does nothing, which no paced poll can do without.
    """

    polls: int
    other: int
    own_s: float
    bare_us: float = 0.0


def measure_own_part() -> list[Run]:
    """What a paced poll costs fleetscan's own code, and beside it what a wait costs that does nothing."""
    with TemporaryDirectory() as name:
        out = Path(name, "own.json")
        process = Process((sys.executable, "-m", "benchmarks.own_part", str(out)), Path(name, "stderr"))
        process.wait(CAP_S, lambda: None)
        cost = process.cost or process.kill()
        part = OwnPart(**orjson.loads(out.read_bytes())) if out.exists() else None
    ours = Run(
        client=Client.FLEETSCAN.value,
        machines=FLEET.machines,
        results=0,
        lost=0,
        unreached=0,
        cpu_s=cost.cpu_s,
        wall_s=cost.wall_s,
        peak_mb=cost.peak_mb,
        trouble=trouble(part, cost.complaint),
        own_us_a_poll=own_us(part),
    )
    return [
        ours,
        replace(ours, client=BARE, trouble="", own_us_a_poll=None if part is None else part.bare_us),
    ]


def own_us(part: OwnPart | None) -> float | None:
    """Microseconds a poll; None where something else was sent meanwhile."""
    if part is None or part.other or not part.polls:
        return None
    return part.own_s * 1e6 / part.polls


def trouble(part: OwnPart | None, complaint: str) -> str:
    """What is wrong with the measurement, if anything."""
    if part is None:
        return complaint or "it did not end"
    return f"{part.other} requests were no polls" if part.other else ""
