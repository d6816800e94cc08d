"""Measures reading earlier assessments, over HTTP and at real quotas: `python -m tests.fresh_measure`.

An audit of forty fresh VMs, and the state of a whole fleet, each as its own process from the command to its
end. Times are wall time; the fleet's bound is what Resource Graph's quota allows for the queries sent.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

COMMAND = (sys.executable, "-m", "fleetscan")
# Resource Graph answers 15 queries at once, and then 3 a second.
AT_ONCE, A_SECOND = 15, 3.0
AUDITED = 40


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vms", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, simulated(3000) as endpoint:
        for number in range(asked.rounds):
            audit(endpoint, Path(place), number)
    with tempfile.TemporaryDirectory() as place, simulated(asked.vms) as endpoint:
        for number in range(asked.rounds):
            whole_fleet(endpoint, Path(place) / f"fleet-{number}", asked.vms)


@contextmanager
def simulated(vms: int) -> Iterator[str]:
    """A simulated Azure with so many VMs in a process of its own, all assessed within a week."""
    dials = (
        "--machines",
        str(vms),
        "--assessed-before-pct",
        "100",
        "--failing-pct",
        "0",
        "--stopped-pct",
        "0",
    )
    spread = ("--subscriptions", str(max(4, vms // 1000)), "--regions", "8")
    with subprocess.Popen(
        [*COMMAND, "simulate", *dials, *spread],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def audit(endpoint: str, place: Path, number: int) -> None:
    """Forty VMs by their ids."""
    file, out = place / "vms.txt", place / f"audit-{number}"
    if not file.exists():
        listed = run(endpoint, "inventory", "--format", "json").printed.splitlines()
        every = len(listed) // AUDITED
        file.write_text("\n".join(json.loads(line)["resource_id"] for line in listed[::every][:AUDITED]))
    ended = run(endpoint, "scan", "--inventory", str(file), "--max-age", "7d", "--out", str(out), "-q")
    tell(f"audit: {ended.took_s:.2f} s for {totals(out)['reasons']}")


def whole_fleet(endpoint: str, out: Path, vms: int) -> None:
    """Every VM's counts. (The simulator makes the rows of its tables once, at the first query.)"""
    ended = run(endpoint, "scan", "--cached-only", "--out", str(out), "-q")
    told = totals(out)
    queries = told["requests"]["other"] + told["requests"]["list"] - 1
    bound_s = max(1.0, (queries - AT_ONCE) / A_SECOND)
    tell(
        f"{vms:,} VMs: {ended.took_s:.1f} s for {queries} queries, which Graph allows in {bound_s:.1f} s "
        f"({ended.took_s / bound_s:.2f}x); {ended.most_mib:.0f} MiB; {told['reasons']}"
    )


def tell(line: str) -> None:
    """A line of the result, with what else the computer does."""
    sys.stdout.write(f"{line}; load {os.getloadavg()[0]:.1f}\n")
    sys.stdout.flush()


class Ended(NamedTuple):
    """What a command printed, how long it took, and the most memory that it held."""

    printed: str
    took_s: float
    most_mib: float


def run(endpoint: str, *words: str) -> Ended:
    """Run a command to its end."""
    env = os.environ | {"FLEETSCAN_ENDPOINT": endpoint, "FLEETSCAN_ACCESS_TOKEN": "measured"}
    began = time.monotonic()
    child = subprocess.Popen([*COMMAND, *words], env=env, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    printed = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, words
    return Ended(printed, time.monotonic() - began, used.ru_maxrss / 1024)


def totals(out: Path) -> dict[str, dict[str, int]]:
    """The fleet's line."""
    found: dict[str, dict[str, int]] = json.loads((out / "totals.jsonl").read_text().splitlines()[0])
    return found


if __name__ == "__main__":
    main()
