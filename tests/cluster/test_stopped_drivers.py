"""A driver that is stopped, killed, or not alone: its shards stop well, and the same command goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from fleetscan.simulator.scenario import Scenario
from tests.cluster.checks import breaches_of
from tests.cluster.dask_cluster import DaskCluster
from tests.cluster.driven import Driver
from tests.process.azure import Azure
from tests.process.scanner import TOKEN

SHARDS = 2
FLEET = Scenario(
    machines=80, subscriptions=6, speed=15.0, limits_speed=100.0, durations="regular", patches=5, token=TOKEN
)
LONG_S = 60.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler with as many workers as there are shards."""
    with DaskCluster(tmp_path_factory.mktemp("cluster"), SHARDS) as cluster:
        yield cluster


def has_rows(driver: Driver) -> bool:
    """Whether every shard has a few rows, more than are told at once."""
    return len(driver.rows()) == SHARDS and min(driver.rows().values()) > 5


def test_a_stop_drains_and_the_same_command_goes_on(cluster: DaskCluster, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Azure(FLEET, tmp_path) as azure:
        with Driver(cluster.address, azure.endpoint, out, "--drain", "1s") as driver:
            assert driver.wait_until(lambda: has_rows(driver), LONG_S)
            # Another driver of the same directory is refused while this one drives.
            with Driver(cluster.address, azure.endpoint, out, "--resume", log="second") as second:
                assert second.wait(LONG_S) == 2, second.said
                assert "is being written by another scan on a cluster" in second.said
            driver.send(signal.SIGTERM)
            assert driver.wait(LONG_S) == 5, driver.said
            assert "run the same command with --resume --out" in driver.said
        stopped = orjson.loads((out / "run.json").read_bytes())
        assert (stopped["exit_code"], len(stopped["sources"])) == (5, SHARDS)
        # What ran when it was stopped was waited for.
        left = orjson.loads((out / "totals.jsonl").read_bytes().splitlines()[0])["outcomes"]["interrupted"]
        assert 0 < left < 80
        others = {"another os": ("--os", "linux"), "more than 1 s ago": ("--resume-within", "1s")}
        for words, more in others.items():
            with Driver(cluster.address, azure.endpoint, out, "--resume", *more, log="refused") as refused:
                assert refused.wait(LONG_S) == 2, refused.said
                assert words in refused.said
        with Driver(cluster.address, azure.endpoint, out, "--resume", log="resumed") as resumed:
            assert resumed.wait(LONG_S) in (0, 3), resumed.said
            assert "shard 1 of 2: resuming" in resumed.said
        rows = (out / "results.jsonl").read_bytes()
        with Driver(cluster.address, azure.endpoint, out, "--resume", log="again") as again:
            assert again.wait(LONG_S) in (0, 3)
            assert "nothing was scanned" in again.said
        assert (out / "results.jsonl").read_bytes() == rows
    assert breaches_of(out, FLEET, azure.account) == []


@pytest.mark.thorough
def test_a_driver_that_is_killed_is_followed_by_another_at_once(cluster: DaskCluster, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Azure(FLEET, tmp_path) as azure:
        with Driver(cluster.address, azure.endpoint, out) as driver:
            assert driver.wait_until(lambda: has_rows(driver), LONG_S)
            driver.kill()
        # The tasks of the first are still at work: the second's wait for them, and take up what they leave.
        with Driver(cluster.address, azure.endpoint, out, "--resume", log="second") as second:
            assert second.wait(LONG_S) in (0, 3), second.said
    assert breaches_of(out, FLEET, azure.account) == []


@pytest.mark.thorough
def test_a_second_interrupt_ends_the_driver_at_once(cluster: DaskCluster, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Azure(FLEET, tmp_path) as azure:
        with Driver(cluster.address, azure.endpoint, out, "--drain", "60s") as driver:
            assert driver.wait_until(lambda: has_rows(driver), LONG_S)
            driver.send(signal.SIGINT)
            assert driver.wait_until(lambda: "Stopping." in driver.said, LONG_S)
            driver.send(signal.SIGINT)
            assert driver.wait(LONG_S) == 130
            assert "Run the same command with --resume --out" in driver.said
        with Driver(cluster.address, azure.endpoint, out, "--resume", log="second") as second:
            assert second.wait(LONG_S) in (0, 3), second.said
    assert breaches_of(out, FLEET, azure.account) == []
