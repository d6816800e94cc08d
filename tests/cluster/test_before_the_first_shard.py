"""What keeps a scan on a cluster from its first shard is said soon, by the right code, and ends no worker."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from fleetscan.cluster.driver import ShardEnd
from fleetscan.cluster.live import error_of
from fleetscan.cluster.patience import Patience
from fleetscan.cluster.place import Place, driven, forget, make_place, place_in, refuse_begun
from fleetscan.cluster.standing import Told
from fleetscan.errors import CannotScanError, LockedError, StoppedError, UsageError
from fleetscan.simulator.scenario import Scenario
from tests.cluster.checks import breaches_of
from tests.cluster.dask_cluster import DaskCluster
from tests.cluster.driven import Driver
from tests.process.azure import Azure
from tests.process.scanner import TOKEN

NOWHERE = "http://127.0.0.1:9"
# Less than the two minutes in which a cluster gets its first worker, or the half that a connection takes.
SOON_S = 25.0
LONG_S = 60.0
FLEET = Scenario(
    machines=30, subscriptions=4, speed=60.0, limits_speed=100.0, durations="regular", patches=2, token=TOKEN
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler without workers."""
    with DaskCluster(tmp_path_factory.mktemp("cluster"), 0) as cluster:
        yield cluster


def lacking(place: Path) -> dict[str, str]:
    """Variables of a Python that has no fleetscan."""
    package = place / "lacking" / "fleetscan"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'fleetscan'\")\n")
    return {"PYTHONPATH": str(package.parent)}


def test_a_stop_ends_the_wait_for_a_first_worker(empty: DaskCluster, tmp_path: Path) -> None:
    with Driver(empty.address, NOWHERE, tmp_path / "run") as driver:
        assert driver.wait_until(lambda: "nothing is listed yet" in driver.said, LONG_S)
        driver.wait(2.0)
        driver.send(signal.SIGTERM)
        assert driver.wait(SOON_S) == 5, driver.said
        assert "stopped before all VMs were listed" in driver.said
    assert not (tmp_path / "run").exists()


def test_the_deadline_ends_the_wait_for_a_first_worker(empty: DaskCluster, tmp_path: Path) -> None:
    with Driver(empty.address, NOWHERE, tmp_path / "run", "--deadline", "1s") as driver:
        assert driver.wait(SOON_S) == 5, driver.said
        assert "the deadline passed before all VMs were listed" in driver.said


def test_the_deadline_ends_the_wait_for_a_scheduler(tmp_path: Path) -> None:
    with Driver("tcp://127.0.0.1:9", NOWHERE, tmp_path / "run", "--deadline", "1s") as driver:
        assert driver.wait(SOON_S) == 5, driver.said
        assert "Traceback" not in driver.said


def test_a_worker_without_fleetscan_says_so_and_lives_on(tmp_path: Path) -> None:
    env = {"FLEETSCAN_ACCESS_TOKEN": TOKEN, **lacking(tmp_path)}
    with (
        DaskCluster(tmp_path / "c", 1, env, at=tmp_path) as cluster,
        Driver(cluster.address, NOWHERE, tmp_path / "run") as driver,
    ):
        assert driver.wait(LONG_S) == 2, driver.said
        assert "a worker lacks what it needs (No module named 'fleetscan')" in driver.said
        assert "install fleetscan[dask]" in driver.said
        assert cluster.workers[0].process.poll() is None


@pytest.mark.thorough
def test_a_scheduler_needs_no_fleetscan(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with (
        Azure(FLEET, tmp_path) as azure,
        DaskCluster(tmp_path / "c", 1, scheduler_env=lacking(tmp_path), at=tmp_path) as cluster,
        Driver(cluster.address, azure.endpoint, out) as driver,
    ):
        assert driver.wait(LONG_S) in (0, 3), driver.said
    assert breaches_of(out, FLEET, azure.account) == []


async def test_what_is_waited_for_comes_as_it_is() -> None:
    async def three() -> int:
        return 3

    async def none() -> int:
        raise CannotScanError("there is none")

    patience = Patience(anyio.Event(), None)
    assert await patience.until(three) == 3
    assert patience.left_s is None
    with pytest.raises(CannotScanError, match="there is none"):
        await patience.until(none)


@pytest.mark.parametrize(
    ("codes", "error"),
    [((2, 4), CannotScanError), ((4, 5), StoppedError), ((0, 2), UsageError), ((4, 2), CannotScanError)],
)
def test_the_worst_shard_s_error_is_the_scan_s(codes: tuple[int, int], error: type[Exception]) -> None:
    ends = [ShardEnd(n, code, Told("error", f"it is {code}", None)) for n, code in enumerate(codes, start=1)]
    found = error_of(ends, Place(Path("run"), "1", 2))
    assert type(found) is error
    if isinstance(found, StoppedError):
        assert found.remedy is not None
        assert found.remedy.settings == {"resume": True, "out": "run"}


def test_two_drivers_that_begin_at_once_make_one_scan(tmp_path: Path) -> None:
    with driven(tmp_path / "run") as path:
        # The other comes before the first has told how many shards there are.
        with pytest.raises(LockedError, match="another scan on a cluster"), driven(tmp_path / "run"):
            pass
        make_place(path, "1", 2)
    assert place_in(path) == Place(path, "1", 2)


def test_a_scan_without_a_begun_shard_leaves_its_directory_free(tmp_path: Path) -> None:
    with driven(tmp_path / "named") as path:
        place = make_place(path, "1", 2)
        place.shard(1).mkdir()
        forget(place, is_ours=False)
    refuse_begun(path)
    with driven(tmp_path / "ours") as path:
        forget(make_place(path, "1", 2), is_ours=True)
    assert not path.exists()


def test_a_shard_that_has_begun_is_not_forgotten(tmp_path: Path) -> None:
    with driven(tmp_path / "run") as path:
        place = make_place(path, "1", 2)
        place.shard(2).mkdir()
        (place.shard(2) / "journal.jsonl").touch()
        forget(place, is_ours=True)
    assert place_in(path) == place


def test_a_driver_that_died_before_its_scan_leaves_a_directory_for_the_next(tmp_path: Path) -> None:
    with driven(tmp_path / "run") as path:
        pass
    refuse_begun(path)
    make_place(path, "1", 2)
    with pytest.raises(UsageError, match="already holds the shards of a scan"):
        refuse_begun(path)
