"""A history of many nights measured: its size, the time a night takes to enter, and that of ageing a fleet.

`python -m tests.history.measure` makes 120 nights of 20,000 VMs with 20 patches each: every second night each
kind of VM has a new patch, and each VM installs what it misses once in thirty nights, the most of it. Each
night's run is written, enters, and is removed again.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import orjson

from fleetscan.history.seen import seen_by
from fleetscan.history.taking_in import take_in
from fleetscan.model import Target
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.patches import PatchReader
from fleetscan.records.sums import RunningTotals
from fleetscan.runs.reader import open_run
from fleetscan.simulator.catalogue import Patch, catalogue
from tests.big_run import FINISHED_AT, TAIL, line_of, row_of, run_facts, target_of

FIRST = datetime(2026, 3, 1, 2, tzinfo=UTC)
PATCHED_EVERY = 30


class Fleet:
    """VMs whose missing patches change from night to night."""

    def __init__(self, vms: int, patches: int) -> None:
        self._machines = [target_of(number) for number in range(vms)]
        self._patches = patches
        self._draw = random.Random(1)
        self._newest = {distro: patches for _, distro in self._machines}
        self._missing = [list(range(patches)) for _ in self._machines]

    def night(self, number: int) -> Iterator[tuple[Target, list[Patch]]]:
        """Each VM with the patches it misses."""
        for distro in self._newest:
            self._newest[distro] += self._draw.random() < 0.5
        for place, (target, distro) in enumerate(self._machines):
            choice, missing = catalogue(distro), self._missing[place]
            if missing[-1] != self._newest[distro]:
                missing.append(self._newest[distro])
            if (number + place) % PATCHED_EVERY == 0:
                del missing[: max(0, len(missing) - self._patches * 3 // 5)]
            yield target, [choice[each % len(choice)] for each in missing]


def write_night(path: Path, number: int, machines: Iterator[tuple[Target, list[Patch]]]) -> None:
    """The run directory of a night."""
    path.mkdir()
    started_at = (FIRST + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    totals, subscriptions = RunningTotals("x"), set()
    with (path / "results.jsonl").open("wb") as results:
        for target, patches in machines:
            row = row_of(target, None)
            pressing = sum(patch.is_pressing for patch in patches)
            row["critical_and_security_count"], row["other_count"] = pressing, len(patches) - pressing
            row["reboot_pending"], row["patch_count"], row["patches_complete"] = False, len(patches), True
            totals.listed(target)
            totals.ended(target, machine_row.counted(row))
            subscriptions.add(target.subscription_id)
            results.write(line_of(row, ",".join([patch.head + TAIL for patch in patches])))
    facts = run_facts(0)
    facts["scan_id"], facts["started_at"] = f"00000000-0000-4000-8000-{number:012d}", started_at
    facts["scope"]["subscriptions"] = [
        {"subscription_id": each, "name": None, "state": "Enabled", "tenant_id": None}
        for each in subscriptions
    ]
    lines = totals.lines(FleetFacts(started_at, FINISHED_AT, 1.0, RequestCounts()))
    (path / "totals.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    (path / "journal.jsonl").write_bytes(b"")
    (path / "run.json").write_bytes(orjson.dumps(facts))


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds that `work` takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def read_only(path: Path) -> None:
    """What reading the rows and their patches takes by itself."""
    reader = PatchReader()
    for row in open_run(path).rows():
        reader.of(row)


def age_all(run: Path, history: Path) -> None:
    """Ask of each VM since when it misses its patches, without reading the rows."""
    opened = open_run(run)
    ids = [row["resource_id"] for row in opened.rows()]
    began = time.process_time()
    with seen_by(history, opened.facts) as seen:
        episodes = sum(len(seen.first_seen(each)) for each in ids)
    took_s = time.process_time() - began
    print(f"ageing {len(ids):,} VMs, {episodes:,} patches: {took_s:.2f} s of CPU")  # noqa: T201


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=120)
    parser.add_argument("--vms", type=int, default=20_000)
    parser.add_argument("--patches", type=int, default=20)
    asked = parser.parse_args()
    fleet = Fleet(asked.vms, asked.patches)
    with tempfile.TemporaryDirectory() as directory:
        history, run = Path(directory, "history.db"), Path(directory, "run")
        took, reading, listed = [], [], []
        for number in range(asked.nights):
            shutil.rmtree(run, ignore_errors=True)
            machines = [*fleet.night(number)]
            listed.append(sum(len(patches) for _, patches in machines) / asked.vms)
            write_night(run, number, iter(machines))
            took.append(seconds(lambda: take_in(open_run(run), history)))
            reading.append(seconds(lambda: read_only(run)))
        told = (
            f"{asked.nights} nights of {asked.vms:,} VMs that miss {median(listed):.1f} patches each",
            f"size: {history.stat().st_size / 1e6:.1f} MB",
            f"a night: {median(took):.2f} s of CPU, the largest {max(took):.2f}",
            f"  {median(reading):.2f} s of it to read the run",
        )
        print(*told, sep="\n")  # noqa: T201
        age_all(run, history)


if __name__ == "__main__":
    main()
