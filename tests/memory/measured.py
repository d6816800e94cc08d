"""One scan by a process of its own, and the most memory that it took."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fleetscan.simulator.scenario import Scenario
from tests.memory.bombs import FILLS, FRAMES, TOKEN, Framed
from tests.memory.hostile_server import AROUND, Plot, serving

CHECKOUT = Path(__file__).parents[2]
LONG_S = 180.0
FLEET = Scenario(
    machines=24, subscriptions=8, speed=1000, limits_speed=0, stopped_pct=0, failing_pct=0, truncated_pct=0
)
WITHOUT_GRAPH = Scenario(
    machines=24,
    subscriptions=8,
    speed=1000,
    limits_speed=0,
    stopped_pct=0,
    failing_pct=0,
    truncated_pct=0,
    graph="denied",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """How a scan went: its exit code, its peak in MB, how long it took, and how many bombs it was sent."""

    exit_code: int
    peak_mb: float
    took_s: float
    sent: int
    said: str


def framed(kind: str, fill: str, frame: str, size_bytes: int) -> Framed:
    """A bomb for requests of `kind` that has `size_bytes` once unpacked."""
    before, after = AROUND[kind]
    return FRAMES[frame](before + FILLS[fill](size_bytes - len(before) - len(after)) + after)


async def measure(plot: Plot, *more: str) -> Measured:
    """Scan a small fleet while the plot is carried out."""
    scenario = WITHOUT_GRAPH if plot.kind == "machines" else FLEET
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
