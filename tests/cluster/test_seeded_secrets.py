"""No secret of the driver's or the workers' shows: in no page, state, task, event or log of Dask's."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from fleetscan.simulator.scenario import Scenario
from tests.cluster.dask_cluster import DaskCluster
from tests.cluster.driven import Driver
from tests.process.azure import Azure

WORKERS_TOKEN = "seeded-worker-token-5c1f2a90"
DRIVERS_TOKEN = "seeded-driver-token-77aa01bc"
PROXY_PASSWORD = "seeded-proxy-password"
SECRETS = (WORKERS_TOKEN, DRIVERS_TOKEN, PROXY_PASSWORD)
# The last one is not needed: it would be used, and be refused, if it travelled to the workers.
DRIVERS = {
    "FLEETSCAN_ACCESS_TOKEN": DRIVERS_TOKEN,
    "FLEETSCAN_PROXY": f"http://nightly:{PROXY_PASSWORD}@127.0.0.1:9",
}
FLEET = Scenario(
    machines=60,
    subscriptions=4,
    speed=15.0,
    limits_speed=100.0,
    durations="regular",
    failing_pct=10.0,
    patches=2,
    token=WORKERS_TOKEN,
)
LONG_S = 60.0


def test_no_secret_shows(tmp_path: Path) -> None:
    env = {"FLEETSCAN_ACCESS_TOKEN": WORKERS_TOKEN}
    with Azure(FLEET, tmp_path) as azure, DaskCluster(tmp_path / "cluster", 2, env) as cluster:
        with Driver(cluster.address, azure.endpoint, tmp_path / "run", "-v", env=DRIVERS) as driver:
            assert driver.wait_until(lambda: is_half_done(driver), LONG_S)
            pages = crawled(cluster.dashboard)
            state = asyncio.run(state_of(cluster.address))
            assert driver.wait(LONG_S) in (0, 3), driver.said
        # What is kept of the tasks once they have ended.
        after = {f"after/{name}": page for name, page in crawled(cluster.dashboard).items()}
        events = asyncio.run(events_of(cluster.address))
        # A worker whose token Azure refuses says so, without it.
        refused = with_wrong_token(cluster, azure.endpoint, tmp_path)
    assert "shard-1-of-2" in "".join(pages.values())
    assert "scan_shard" in state
    assert "standing" in events
    words = {str(path): path.read_text(errors="replace") for path in tmp_path.rglob("*.log")}
    everything = {**pages, **after, **words, "state": state, "events": events, "refused": refused}
    assert {name for name, text in everything.items() if any(secret in text for secret in SECRETS)} == set()


def is_half_done(driver: Driver) -> bool:
    """Whether both shards have a few rows, more than are told at once, so that both tasks run."""
    return len(driver.rows()) == 2 and min(driver.rows().values()) > 3


def with_wrong_token(cluster: DaskCluster, endpoint: str, place: Path) -> str:
    """What a scan says, and the scheduler keeps, where the workers' token is refused."""
    for worker in cluster.workers:
        worker.kill()
    other = DaskCluster(place / "other", 1, {"FLEETSCAN_ACCESS_TOKEN": DRIVERS_TOKEN})
    with other, Driver(other.address, endpoint, place / "refused") as driver:
        assert driver.wait(LONG_S) == 4, driver.said
        assert "401" in driver.said or "token" in driver.said
        return "".join(crawled(other.dashboard).values()) + asyncio.run(events_of(other.address))


def crawled(dashboard: str) -> dict[str, str]:
    """Every page of the dashboard that others lead to, and those that programs read."""
    pages: dict[str, str] = {}
    first = ("info/main/workers.html", "info/main/tasks.html", "info/main/logs.html", "json/identity.json")
    left = [*first, "json/counts.json", "json/index.html", "metrics", "sitemap.json", "health"]
    while left:
        if (path := left.pop()) in pages or len(pages) > 200:
            continue
        try:
            with urlopen(f"{dashboard}/{path}", timeout=10) as reply:  # noqa: S310 - loopback
                pages[path] = reply.read().decode(errors="replace")
        except OSError:
            pages[path] = ""
            continue
        links = re.findall(r'href="(?:\.\./)*([^"#:]+\.html|[^"#]*tcp[^"#]*\.html)"', pages[path])
        left += [link if link.startswith("info/") else f"info/{link.lstrip('/')}" for link in links]
    return pages


async def state_of(scheduler: str) -> str:
    """All that the scheduler and the workers tell of themselves and their tasks, arguments too."""
    from distributed import Client

    async with Client(scheduler, asynchronous=True, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        state: Any = await client.scheduler.get_cluster_state(exclude=[])
        stacks = await client.call_stack(keys=list((await client.who_has()) or {}) or None)
        return (
            repr(state) + repr(stacks) + repr(await client.get_worker_logs()) + repr(client.scheduler_info())
        )


async def events_of(scheduler: str) -> str:
    """Everything that was logged as an event."""
    from distributed import Client

    async with Client(scheduler, asynchronous=True, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        return repr(await client.get_events())
