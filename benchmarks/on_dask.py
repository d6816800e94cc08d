"""`make bench-dask`: a scan on a Dask cluster of this computer, beside the same scan in one process.

Both scan one fleet without limits, new for each run, in turn. All our processes count: the driver, the
scheduler and the workers; the simulated Azure's own does not. A cluster that stands is not begun for a scan:
what its processes took before it is told apart.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson

from benchmarks.__main__ import simulated_token
from benchmarks.clients.inputs import TOKEN
from benchmarks.markdown import markdown
from benchmarks.process import Process
from benchmarks.saved import conditions
from benchmarks.scenarios import BRIEF_PACE, brief, cap_s
from benchmarks.simulated import Simulated

WORKERS = 2
# As docs/many-processes.md advises: Dask's processes look after themselves rarely.
RARELY = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__TICK__CYCLE": "10s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "10s",
}
START_S = 60.0
FINE = (0, 3)


@dataclass(frozen=True, slots=True)
class Figures:
    """One scan: CPU of all our processes, of that the part before it began, wall time and rows."""

    cpu_s: float
    before_s: float
    wall_s: float
    rows: int


def plain(machines: int) -> Figures:
    """One process."""
    with TemporaryDirectory() as name:
        place = Path(name)
        with Simulated(brief(machines), place) as azure:
            process = Process((*_scan(azure, place), *BRIEF_PACE.fleetscan), place / "stderr")
            _wait(process, cap_s(machines))
        assert process.cost is not None
        return Figures(process.cost.cpu_s, 0.0, process.cost.wall_s, _rows(place))


def on_dask(machines: int) -> Figures:
    """A driver, a scheduler and the workers."""
    with TemporaryDirectory() as name:
        place = Path(name)
        with Simulated(brief(machines), place) as azure:
            scheduler, address = _scheduler(place)
            workers = [_worker(place, address, number) for number in range(WORKERS)]
            _wait_for_workers(place)
            standing = [scheduler, *workers]
            before_s = sum(each.cpu_s() or 0.0 for each in standing)
            cluster = ("--engine", "dask", "--scheduler", address, "--shards", str(WORKERS))
            driver = Process((*_scan(azure, place), *cluster, "--shard-by", "size", *BRIEF_PACE.fleetscan),
                             place / "stderr")  # fmt: skip
            _wait(driver, cap_s(machines))
            spent_s = sum(each.cpu_s() or 0.0 for each in standing)
            for each in reversed(standing):
                each.kill()
        assert driver.cost is not None
        return Figures(driver.cost.cpu_s + spent_s, before_s, driver.cost.wall_s, _rows(place))


def _scan(azure: Simulated, place: Path) -> tuple[str, ...]:
    asked = ("--endpoint", azure.endpoint, "--inventory", str(azure.inventory), "--quiet")
    return (sys.executable, "-m", "fleetscan", "scan", *asked, "--out", str(place / "run"))


def _scheduler(place: Path) -> tuple[Process, str]:
    file = place / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    process = Process((sys.executable, "-m", "distributed.cli.dask_scheduler", *options), place / "scheduler")
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        time.sleep(0.1)
        if file.exists() and file.read_bytes().endswith(b"}"):
            return process, str(orjson.loads(file.read_bytes())["address"])
    process.kill()
    raise TimeoutError("the scheduler did not start")


def _worker(place: Path, address: str, number: int) -> Process:
    options = ("--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
    kept = ("--local-directory", str(place / f"scratch-{number}"))
    line = (sys.executable, "-m", "distributed.cli.dask_worker", address, *options, *kept)
    return Process(line, place / f"worker-{number}")


def _wait_for_workers(place: Path) -> None:
    until = time.monotonic() + START_S
    logs = [place / f"worker-{number}" for number in range(WORKERS)]
    while not all(b"Registered to" in log.read_bytes() for log in logs):
        if time.monotonic() > until:
            raise TimeoutError("the workers did not start")
        time.sleep(0.1)


def _wait(process: Process, within_s: float) -> None:
    if not process.wait(within_s, lambda: None):
        process.kill()
    cost = process.cost
    if cost is None or cost.exit_code not in FINE:
        raise RuntimeError(f"the scan did not end well: {cost}")


def _rows(place: Path) -> int:
    return (place / "run" / "results.jsonl").read_bytes().count(b"\n")


def told(name: str, runs: Sequence[Figures], beside: Sequence[Figures]) -> list[str]:
    """A line of the table: medians, and ratios of the pairs."""
    cpu = median(run.cpu_s - run.before_s for run in runs)
    ratio = median((run.cpu_s - run.before_s) / other.cpu_s for run, other in zip(runs, beside, strict=True))
    faster = median(other.wall_s / run.wall_s for run, other in zip(runs, beside, strict=True))
    before = median(run.before_s for run in runs)
    wall = median(run.wall_s for run in runs)
    return [name, str(runs[0].rows), *(f"{value:.2f}" for value in (cpu, ratio, before, wall, faster))]


def main() -> None:
    """Measure in turn, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.on_dask", description=__doc__)
    parser.add_argument("--machines", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dask-defaults", action="store_true", help="leave Dask's own intervals as they are")
    args = parser.parse_args()
    if not args.dask_defaults:
        os.environ.update(RARELY)
    os.environ[TOKEN] = simulated_token()
    one: list[Figures] = []
    two: list[Figures] = []
    for _ in range(args.rounds):
        one.append(plain(args.machines))
        two.append(on_dask(args.machines))
        print(f"one process {one[-1]}, {WORKERS} Dask workers {two[-1]}", file=sys.stderr, flush=True)
    names = ("scan", "rows", "CPU s", "over one process", "CPU s before it", "wall s", "times as fast")
    lines = [told("one process", one, one), told(f"{WORKERS} Dask workers", two, one)]
    print(f"{conditions()}\n\n{markdown(names, lines, ('scan',))}")


if __name__ == "__main__":
    main()
