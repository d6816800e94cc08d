"""A scheduler that dies or hangs: the scan ends with what there is, and goes on with the next scheduler."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from fleetscan.simulator.scenario import Scenario
from tests.cluster.checks import breaches_of
from tests.cluster.dask_cluster import DaskCluster
from tests.cluster.driven import Driver
from tests.process.azure import Azure
from tests.process.scanner import TOKEN

FLEET = Scenario(
    machines=80, subscriptions=6, speed=10.0, limits_speed=100.0, durations="regular", patches=2, token=TOKEN
)
LONG_S = 90.0


def has_rows(driver: Driver) -> bool:
    """Whether both shards have a few rows."""
    return len(driver.rows()) == 2 and min(driver.rows().values()) > 3


def test_a_scheduler_that_dies_ends_the_scan_and_the_next_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Azure(FLEET, tmp_path) as azure:
        with (
            DaskCluster(tmp_path / "first", 2) as cluster,
            Driver(cluster.address, azure.endpoint, out, "--shards", "2", "--drain", "1s") as driver,
        ):
            assert driver.wait_until(lambda: has_rows(driver), LONG_S)
            cluster.scheduler.kill()
            assert driver.wait(LONG_S) == 5, driver.said
            assert "shard 1 of 2: the scheduler went away" in driver.said
            assert "run the same command with --resume --out" in driver.said
            # Nor what Dask itself logs.
            assert "Traceback" not in driver.said
            assert "distributed" not in driver.said
        with (
            DaskCluster(tmp_path / "second", 1) as cluster,
            Driver(cluster.address, azure.endpoint, out, "--resume", log="second") as second,
        ):
            assert second.wait(LONG_S) in (0, 3), second.said
            assert "shard 1 of 2: resuming" in second.said
    assert breaches_of(out, FLEET, azure.account) == []


@pytest.mark.thorough
def test_a_stop_under_a_scheduler_that_hangs_still_merges_what_there_is(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with (
        Azure(FLEET, tmp_path) as azure,
        DaskCluster(tmp_path / "c", 2) as cluster,
        Driver(cluster.address, azure.endpoint, out, "--shards", "2", "--drain", "1s") as driver,
    ):
        assert driver.wait_until(lambda: has_rows(driver), LONG_S)
        cluster.scheduler.send_signal(signal.SIGSTOP)
        driver.send(signal.SIGTERM)
        assert driver.wait(LONG_S) in (0, 3, 5), driver.said
        assert "it was ended where it was" not in driver.said
        assert (out / "run.json").exists()
