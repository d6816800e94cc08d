"""One scan by a process of its own, and the most memory that it took."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fleetscan.azure.held_tokens import ESCAPE_MARKS, MOST_ESCAPES
from fleetscan.azure.reply_bounds import MARKS, bound_of
from fleetscan.model import RequestKind
from fleetscan.simulator.scenario import Scenario
from tests.memory.bombs import FILLS, FRAMES, TOKEN, Framed
from tests.memory.hostile_server import AROUND, STATUS, Plot, serving

CHECKOUT = Path(__file__).parents[2]
LONG_S = 300.0
FLEET = Scenario(
    machines=24, subscriptions=8, speed=1000, limits_speed=0, stopped_pct=0, failing_pct=0, truncated_pct=0
)
NORMAL = Plot("poll", 0, ())
KINDS: Mapping[str, RequestKind] = {
    "subscriptions": RequestKind.LIST_SUBSCRIPTIONS,
    "graph": RequestKind.QUERY_GRAPH,
    "busy": RequestKind.QUERY_PATCHES,
    "machines": RequestKind.LIST_VMS,
    "start": RequestKind.START,
    "poll": RequestKind.POLL,
    "running": RequestKind.POLL,
    "result": RequestKind.RESULT,
    "view": RequestKind.VIEW,
    "latest": RequestKind.QUERY_PATCHES,
    "refusal": RequestKind.START,
}
# Bytes around a fill, and marks.
AROUND_BYTES, AROUND_MARKS = 200, 20


@dataclass(frozen=True, slots=True)
class Measured:
    """How a scan went: its exit code, its peak in MB, how long it took, and how many bombs it was sent."""

    exit_code: int
    peak_mb: float
    took_s: float
    sent: int
    said: str


def framed(kind: str, fill: str, size_bytes: int, frame: str = "gzip") -> Framed:
    """A bomb for requests of `kind` that has `size_bytes` once unpacked."""
    before, after = AROUND[kind]
    return FRAMES[frame](before + FILLS[fill](size_bytes - len(before) - len(after)) + after)


def just_let_in(kind: str, fill: str) -> Framed:
    """The largest bomb of `fill` that the bounds of today let through."""
    bound = bound_of(KINDS[kind], STATUS.get(kind, 200))
    probe = FILLS[fill](200_000)
    marks, escapes = sum(map(probe.count, MARKS)), sum(map(probe.count, ESCAPE_MARKS))
    size_bytes = bound.size_bytes - AROUND_BYTES
    if marks:
        size_bytes = min(size_bytes, (bound.marks - AROUND_MARKS) * len(probe) // marks)
    if escapes:
        size_bytes = min(size_bytes, MOST_ESCAPES * len(probe) // escapes)
    return framed(kind, fill, size_bytes)


async def measure(plot: Plot, *more: str) -> Measured:
    """Scan a small fleet while the plot is carried out; `more` are settings of the scan."""
    scenario = replace(FLEET, graph="denied") if plot.kind == "machines" else FLEET
    with tempfile.TemporaryDirectory() as place:
        async with serving(scenario, plot) as (server, endpoint):
            peak, began = Path(place) / "peak", time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.memory.child", str(peak)),
                *("scan", "--endpoint", endpoint, "--out", str(Path(place) / "run")),
                *("--first-poll", "1s", "--poll-interval", "1s", "--unknown-start-wait", "5s", *more),
                cwd=CHECKOUT,
                env={**os.environ, "FLEETSCAN_ACCESS_TOKEN": TOKEN},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            _, said = await asyncio.wait_for(process.communicate(), LONG_S)
        assert process.returncode is not None
        peak_mb = float(peak.read_text())
    return Measured(process.returncode, peak_mb, time.monotonic() - began, server.sent, said.decode())
