"""A listing of a large fleet measured: VMs a second, against what Resource Graph's quota allows, and memory.

`python -m tests.inventory.measure` has `fleetscan inventory` list 100,000 VMs of a simulated Azure with real
quotas, three times, then a selection that is pushed into the query and one that is not, and then has a scan
begin: when its first start is sent and when its last VM is listed, by its journal.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.cli.processes import CHECKOUT, TOKEN, simulation

# Resource Graph answers so many queries in each window of so many seconds; a page has so many VMs.
QUERIES, WINDOW_S, A_PAGE = 15, 5.0, 1000


class Taken(NamedTuple):
    """What one listing took."""

    vms: int
    wall_s: float
    cpu_s: float
    peak_mb: float


def listing(endpoint: str, *rules: str) -> Taken:
    """List in a process of its own; its lines are counted and thrown away."""
    command = [sys.executable, "-m", "fleetscan", "inventory", "--endpoint", endpoint, *rules]
    environment = {**os.environ, "FLEETSCAN_ACCESS_TOKEN": TOKEN}
    began = time.monotonic()
    # What has exited is reaped by wait4, which tells its memory.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT, env=environment)
    assert process.stdout is not None
    vms = sum(1 for _ in process.stdout)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return Taken(vms, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Begun(NamedTuple):
    """How a scan begins: seconds from its process's start, and the memory that it had needed by then."""

    first_start_s: float
    listed_s: float
    peak_mb: float


def beginning(endpoint: str, out: Path) -> Begun:
    """Scan until all VMs are listed."""
    command = [sys.executable, "-m", "fleetscan", "scan", "--endpoint", endpoint, "--out", str(out)]
    environment = {**os.environ, "FLEETSCAN_ACCESS_TOKEN": TOKEN}
    began, told, seen = time.monotonic(), b"", dict.fromkeys((b"starting", b"listing"), 0.0)
    process = subprocess.Popen(
        [*command, "--drain", "1s"], stderr=subprocess.DEVNULL, cwd=CHECKOUT, env=environment
    )
    while not all(seen.values()):
        time.sleep(0.02)
        told = (out / "journal.jsonl").read_bytes() if (out / "journal.jsonl").exists() else b""
        for word, at_s in seen.items():
            if not at_s and b'"event":"%b"' % word in told:
                seen[word] = time.monotonic() - began
        assert process.poll() is None, "the scan has ended"
    process.send_signal(signal.SIGINT)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 5
    return Begun(seen[b"starting"], seen[b"listing"], usage.ru_maxrss / 1024)


def bound_s(vms: int) -> float:
    """From the first page to the last, by windows that open one after another."""
    return (math.ceil(math.ceil(vms / A_PAGE) / QUERIES) - 1) * WINDOW_S


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vms", type=int, default=100_000)
    parser.add_argument("--subscriptions", type=int, default=20)
    parser.add_argument("--times", type=int, default=3)
    chosen = parser.parse_args()
    dials = "--machines", str(chosen.vms), "--subscriptions", str(chosen.subscriptions)
    sys.stdout.write(f"load {Path('/proc/loadavg').read_text().split()[0]}\n")
    for _ in range(chosen.times):
        # A cloud of its own each time: the quota of the last listing is spent.
        with simulation({}, *dials) as endpoint:
            tell("listed", [listing(endpoint)])
    with simulation({}, *dials) as endpoint:
        tell("by location, pushed", [listing(endpoint, "--location", "westeurope")])
        time.sleep(WINDOW_S)
        tell("by tag, pushed", [listing(endpoint, "--tag", "environment=prod")])
    with simulation({}, *dials) as endpoint, TemporaryDirectory() as place:
        begun = beginning(endpoint, Path(place) / "run")
        sys.stdout.write(
            f"a scan's first start after {begun.first_start_s:.1f} s, its last VM listed after "
            f"{begun.listed_s:.1f} s, {begun.peak_mb:.0f} MB by then\n"
        )


def tell(what: str, taken: list[Taken]) -> None:
    """One line about listings of one kind."""
    vms, wall_s = taken[0].vms, median(each.wall_s for each in taken)
    bound = bound_s(vms)
    ratio = f"{wall_s / bound:.2f} of the bound {bound:.1f} s" if bound else "no bound"
    cpu_s, peak_mb = median(each.cpu_s for each in taken), max(each.peak_mb for each in taken)
    sys.stdout.write(
        f"{what}: {vms:,} VMs in {wall_s:.1f} s, {ratio}, {vms / wall_s:,.0f} VMs/s, "
        f"{cpu_s:.1f} s of CPU, {peak_mb:.0f} MB\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
