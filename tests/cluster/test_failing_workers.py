"""Workers that hang, or that a shard kills: no shard has two at once, and none is tried for ever."""

from __future__ import annotations

import fcntl
import random
import signal
from dataclasses import replace
from pathlib import Path

import anyio
import orjson
import pytest

import fleetscan
from fleetscan.cluster import live
from fleetscan.settings.declared import Settings
from fleetscan.simulator.scenario import Scenario
from tests.cluster.checks import breaches_of
from tests.cluster.dask_cluster import DaskCluster
from tests.cluster.driven import Driver
from tests.cluster.history import at_work
from tests.process.azure import Azure
from tests.process.scanner import TOKEN

FLEET = Scenario(
    machines=60, subscriptions=6, speed=15.0, limits_speed=100.0, durations="regular", patches=2, token=TOKEN
)
LONG_S = 90.0
# A worker that is not heard of for five seconds counts as dead.
SOON_DEAD = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "1s"}
FIRST_DEATH = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
# What a worker loads before it works: the second shard ends each process that begins it.
# (Dask loads it twice.)
DEADLY = """
import os
from fleetscan.cluster import task
whole = vars(task).setdefault("whole", task.scan_shard)
def scan_shard(text):
    return os._exit(9) if '"number":2,' in text else whole(text)
task.scan_shard = scan_shard
"""


@pytest.mark.thorough
def test_a_worker_that_hangs_keeps_its_shard_until_it_is_gone(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with (
        Azure(FLEET, tmp_path) as azure,
        DaskCluster(tmp_path / "c", 3, scheduler_env=SOON_DEAD) as cluster,
        Driver(cluster.address, azure.endpoint, out, "--shards", "2") as driver,
    ):
        assert driver.wait_until(lambda: len(driver.rows()) == 2 and min(driver.rows().values()) > 3, LONG_S)
        hung = at_work(cluster, out, random.Random(1))
        assert hung is not None
        hung.process.send_signal(signal.SIGSTOP)
        scheduler = cluster.place / "scheduler.log"
        assert driver.wait_until(lambda: "Remove worker" in scheduler.read_text(), LONG_S)
        # Another worker has the task by now, and waits for the journal.
        before = driver.rows()
        driver.wait(2.0)
        begun = [line for path in out.glob("shards/*/journal.jsonl") for line in begun_in(path)]
        assert len(begun) == 2
        assert driver.rows().keys() == before.keys()
        # It comes back to life, hears that it is no worker any more, and lets its shard go.
        hung.process.send_signal(signal.SIGCONT)
        assert driver.wait(LONG_S) in (0, 3), driver.said
    assert breaches_of(out, FLEET, azure.account) == []


def begun_in(journal: Path) -> list[bytes]:
    """A line for each process that took the journal up."""
    return [line for line in journal.read_bytes().splitlines() if b'"event":"begun"' in line]


@pytest.mark.thorough
def test_a_shard_that_kills_its_workers_is_given_up_and_said(tmp_path: Path) -> None:
    deadly, out = tmp_path / "deadly.py", tmp_path / "run"
    deadly.write_text(DEADLY)
    fleet = replace(FLEET, speed=60.0)
    with (
        Azure(fleet, tmp_path) as azure,
        DaskCluster(tmp_path / "c", 0, scheduler_env=FIRST_DEATH) as cluster,
    ):
        for _ in range(3):
            cluster.add_worker("--preload", str(deadly))
        with Driver(cluster.address, azure.endpoint, out, "--shards", "2") as driver:
            assert driver.wait(LONG_S) == 5, driver.said
            said = driver.said
    dead = [worker for worker in cluster.workers if worker.process.returncode == 9]
    assert len(dead) == 2
    assert "shard 2 of 2: its workers died, one after another" in said
    assert "run the same command with --resume --out" in said
    facts = orjson.loads((out / "run.json").read_bytes())
    assert (facts["exit_code"], [source["shard"] for source in facts["sources"]]) == (5, ["1/2"])


@pytest.mark.thorough
async def test_a_shard_that_another_process_holds_for_ever_counts_as_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE_S", 1.0)
    out = tmp_path / "run"
    with Azure(FLEET, tmp_path) as azure, DaskCluster(tmp_path / "c", 2) as cluster:
        with Driver(cluster.address, azure.endpoint, out, "--shards", "2", "--drain", "0.1s") as driver:
            assert driver.wait_until(lambda: len(driver.rows()) == 2, LONG_S)
            driver.send(signal.SIGTERM)
            assert driver.wait(LONG_S) == 5, driver.said
        settings = Settings(
            endpoint=azure.endpoint,
            engine="dask",
            scheduler=cluster.address,
            out=str(out),
            resume=True,
            operation_timeout_s=2.0,
        )
        with (out / "shards" / "2-of-2" / "journal.jsonl").open("ab") as held, anyio.fail_after(LONG_S):
            fcntl.flock(held, fcntl.LOCK_EX)
            async with fleetscan.scan_on_dask(settings) as scan:
                summary = await scan.finish()
    assert summary.exit_code == 5
    assert summary.totals["outcomes"]["interrupted"] > 0
