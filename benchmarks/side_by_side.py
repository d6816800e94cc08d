"""fleetscan beside the floor, on one pretend Azure without limits and with assessments of milliseconds.

Whole processes in turn, floor, fleetscan, floor, ..., judged by the operating system's accounting of each.
Prints CPU ms and requests a machine, peak memory, and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fleetscan.simulator.fleet import Fleet
from fleetscan.simulator.scenario import Scenario

# Assessments of 50 ms, looked at after 100: one poll each.
SPEED = 3600.0
WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """What one whole process took."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def measured(command: list[str]) -> Cost:
    """Run `command` to its end; its output is thrown away unless it fails."""
    before = os.times()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        sys.exit(f"{command[:4]} ended with {process.returncode}: {complaint.decode()[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, os.times().elapsed - before.elapsed, peak_mb(usage))


def peak_mb(usage: resource.struct_rusage) -> float:
    """The largest resident size, which Linux counts in KiB."""
    return usage.ru_maxrss / 1024


def simulate(scenario: Scenario) -> tuple[subprocess.Popen[str], str]:
    """A pretend Azure in a process of its own, and its endpoint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fleetscan", "simulate", "--machines", str(scenario.machines),
         "--subscriptions", str(scenario.subscriptions), "--regions", str(scenario.regions),
         "--speed", str(scenario.speed), "--limits-speed", "0", "--durations", "regular",
         "--failing-pct", "0", "--stopped-pct", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    # A hundred machines a subscription: the client's own buckets never bind.
    scenario = Scenario(
        machines=args.machines, subscriptions=max(1, args.machines // 100), regions=2, speed=SPEED,
        limits_speed=0.0, durations="regular", failing_pct=0.0, stopped_pct=0.0,
    )  # fmt: skip
    server, endpoint = simulate(scenario)
    os.environ["FLEETSCAN_ACCESS_TOKEN"] = "bench"  # noqa: S105 - opens nothing
    try:
        with tempfile.TemporaryDirectory() as place:
            inventory = Path(place, "machines.txt")
            lines = [
                json.dumps({"id": machine.resource_id, "location": machine.region})
                for machine in Fleet(scenario)
            ]
            inventory.write_text("\n".join(lines))
            ids = Path(place, "ids.txt")
            ids.write_text("\n".join(machine.resource_id for machine in Fleet(scenario)))
            report(args.machines, args.runs, endpoint, inventory, ids, Path(place))
    finally:
        server.terminate()
        server.wait()


def report(machines: int, runs: int, endpoint: str, inventory: Path, ids: Path, place: Path) -> None:
    """Run both in turn and print the table."""
    floors, ours = [], []
    for run in range(runs + 1):
        floor = measured(
            [sys.executable, str(Path(__file__).with_name("floor.py")), "--endpoint", endpoint, "--inventory",
             str(ids), "--wait-s", str(WAIT_S), "--out", str(place / "floor.jsonl")]
        )  # fmt: skip
        out = place / f"run{run}"
        scan = measured(
            [sys.executable, "-m", "fleetscan", "scan", "--endpoint", endpoint, "--inventory", str(inventory),
             "--first-poll", f"{WAIT_S:g}s", "--poll-interval", f"{WAIT_S:g}s", "--out", str(out), "--quiet"]
        )  # fmt: skip
        if run:  # the first pair warms the caches
            floors.append(floor)
            ours.append(scan)
    fleet = json.loads((out / "totals.jsonl").read_text().splitlines()[0])
    requests = fleet["requests"]
    print(f"{machines} machines, {runs} runs, medians; assessed {fleet['outcomes']['assessed']}")
    print(f"{'':12}{'CPU ms/VM':>12}{'wall s':>10}{'peak MB':>10}")
    for name, costs in (("floor", floors), ("fleetscan", ours)):
        cpu_ms = statistics.median(cost.cpu_s for cost in costs) * 1000 / machines
        wall_s = statistics.median(cost.wall_s for cost in costs)
        peak = statistics.median(cost.peak_mb for cost in costs)
        print(f"{name:12}{cpu_ms:12.3f}{wall_s:10.2f}{peak:10.1f}")
    ratios = [scan.cpu_s / floor.cpu_s for scan, floor in zip(ours, floors, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"CPU ratio, pair by pair: median {statistics.median(ratios):.2f}, {spread}")
    print(f"requests a machine: {(requests['start'] + requests['poll']) / machines:.3f} {requests}")


if __name__ == "__main__":
    main()
