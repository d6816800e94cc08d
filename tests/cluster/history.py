"""One history: a scan on a cluster whose workers are killed in the middle of it, by a seed, to its end."""

from __future__ import annotations

import random
from pathlib import Path

import orjson

from fleetscan.simulator.scenario import Scenario
from tests.cluster.checks import breaches_of, in_doubt
from tests.cluster.dask_cluster import DaskCluster, Worker
from tests.cluster.driven import Driver
from tests.playing import Subject, Verdict
from tests.process.azure import Azure
from tests.process.checks import Kind
from tests.process.scanner import TOKEN

SHARDS = 3
MOST_KILLS = 2
WITHIN_S = 200.0


def scenario_of(seed: int) -> Scenario:
    """A fleet that is scanned within seconds."""
    return Scenario(
        machines=random.Random(f"{seed}:machines").choice((120, 200)),
        subscriptions=8,
        seed=seed,
        speed=60.0,
        limits_speed=100.0,
        durations="regular",
        patches=5,
        installing_pct=8.0,
        token=TOKEN,
    )


def play(seed: int, place: Path) -> Verdict:
    """Play one history and check it."""
    draw, kills, out = random.Random(f"{seed}:kills"), 0, place / "run"
    scenario = scenario_of(seed)
    with (
        Azure(scenario, place) as azure,
        DaskCluster(place / "cluster", SHARDS) as cluster,
        Driver(cluster.address, azure.endpoint, out, "--shards", str(SHARDS), "--shard-by", "vm") as driver,
    ):
        for _ in range(draw.randint(1, MOST_KILLS)):
            # The last kills may fall into what the others' shards have left.
            if driver.wait_until(lambda: _is_begun(out), WITHIN_S):
                driver.wait(draw.uniform(0.0, 4.0))
            if driver.wait(0) is None and (worker := at_work(cluster, out, draw)) is not None:
                worker.kill()
                kills += 1
                cluster.add_worker()
        code, said = driver.wait(WITHIN_S), driver.said
    ended = [] if code in (0, 3) else [f"the scan ended with {code}: {said[-800:]}"]
    found = [] if ended else breaches_of(out, scenario, azure.account)
    kinds = {kind.value: sum(breach.kind is kind for breach in found) for kind in Kind}
    doubts = 0 if ended else in_doubt(out, scenario, azure.account)
    counts = {"kills": kills, "starts of unknown fate": doubts, **kinds}
    return Verdict(seed, (*ended, *(breach.said for breach in found)), counts)


def _is_begun(out: Path) -> bool:
    """Whether every shard has begun."""
    return len(list(out.glob("shards/*-of-*/journal.jsonl"))) == SHARDS


def at_work(cluster: DaskCluster, out: Path, draw: random.Random) -> Worker | None:
    """A worker that scans a shard now, by what the journals say."""
    pids = {_last_pid(path) for path in out.glob("shards/*-of-*/journal.jsonl") if not _has_ended(path)}
    busy = [
        worker for worker in cluster.workers if worker.process.pid in pids and worker.process.poll() is None
    ]
    return draw.choice(busy) if busy else None


def _last_pid(journal: Path) -> int | None:
    lines = [line for line in journal.read_bytes().splitlines() if b'"event":"begun"' in line]
    return int(orjson.loads(lines[-1])["pid"]) if lines else None


def _has_ended(journal: Path) -> bool:
    try:
        return orjson.loads(journal.with_name("run.json").read_bytes())["exit_code"] is not None
    except (OSError, ValueError):
        return False


KILLS = Subject("tests.cluster", play, unit="kills", wanted=20, at_once=2)
