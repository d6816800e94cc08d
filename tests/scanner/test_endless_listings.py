"""A listing ends whatever Azure sends, and the deadline and a stop hold from the first request."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from fleetscan.errors import StoppedError
from fleetscan.model import Reply, Request
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.transport import SimulatedTransport
from tests.scanner.test_whole_scans import Notes, Transport, cloud_of, run_of, settings_for
from tests.strict_reader import read_run
from tests.virtual import ENDPOINT
from tests.virtual_scan import in_virtual_time

# What a request of each listing has in its URL or body.
LISTINGS = {
    "subscriptions": b"/subscriptions?",
    "graph": b"resources | where type",
    "compute": b"virtualMachines?",
    "busy": b"patchinstallationresources",
}
LATER = Reply(429, {"retry-after": "3600"}, b'{"error": {"code": "TooManyRequests", "message": "no"}}')


class Waiting:
    """A simulated Azure in which `hold` comes before each request of one listing."""

    def __init__(self, cloud: Cloud, listing: str, hold: Callable[[], Awaitable[Reply | None]]) -> None:
        self._wire = SimulatedTransport(cloud, time.monotonic)
        self._mark = LISTINGS[listing]
        self._hold = hold

    async def exchange(self, request: Request) -> Reply:
        await anyio.sleep(0.05)
        if self._mark in request.url.encode() + request.body and (reply := await self._hold()) is not None:
            return reply
        return await self._wire.exchange(request)


async def later() -> Reply:
    """Throttled for an hour."""
    return LATER


async def silence() -> None:
    """No reply for a day."""
    await anyio.sleep(86_400.0)


def wire_of(listing: str, hold: Callable[[], Awaitable[Reply | None]]) -> Waiting:
    return Waiting(cloud_of(machines=6, graph="denied" if listing == "compute" else "up"), listing, hold)


@pytest.mark.parametrize("graph", ["endless", "hollow"])
def test_a_graph_without_end_costs_a_page_or_two_and_the_fleet_comes_from_compute(
    graph: str, tmp_path: Path
) -> None:
    @in_virtual_time
    async def scan() -> None:
        cloud, notes = cloud_of(machines=30, page_size=10, graph=graph, subscriptions=2), Notes()
        summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"), notes)
        assert set(run.by_id) == {machine.key for machine in cloud.fleet}
        assert summary.exit_code == 0
        assert "2 subscriptions are listed through Compute" in notes.warnings[0]
        assert run.fleet["requests"]["list"] < 20

    scan()


@pytest.mark.parametrize("lists", ["endless", "hollow"])
def test_a_compute_list_without_end_is_an_inventory_error(lists: str, tmp_path: Path) -> None:
    @in_virtual_time
    async def scan() -> None:
        cloud = cloud_of(machines=4, page_size=1, graph="denied", subscriptions=1, lists=lists)
        settings = settings_for(None, limit=1)
        summary = await scan_over(Transport(cloud), settings)
        assert summary.exit_code == 3
        [*_, error] = summary.totals["inventory_errors"]
        assert (error["code"], error["http_status"]) == ("MalformedReply", 200)
        assert summary.totals["requests"]["list"] < 5_000

    scan()


@pytest.mark.parametrize("listing", ["subscriptions", "graph", "compute"])
@pytest.mark.parametrize("hold", [later, silence])
def test_the_deadline_holds_while_the_fleet_is_listed(
    listing: str, hold: Callable[[], Awaitable[Reply | None]], tmp_path: Path
) -> None:
    @in_virtual_time
    async def scan() -> None:
        settings = settings_for(tmp_path / "run", deadline_s=90.0, drain_s=20.0)
        with pytest.raises(StoppedError) as caught:
            await scan_over(wire_of(listing, hold), settings)
        assert caught.value.exit_code == 5
        assert str(caught.value) == (
            "the deadline passed before all VMs were listed; no assessment was started; "
            "allow more time: deadline_s"
        )
        assert time.monotonic() == pytest.approx(90.0)

    scan()


@pytest.mark.parametrize("listing", ["subscriptions", "graph", "compute"])
@pytest.mark.parametrize("hold", [later, silence])
def test_a_stop_while_the_fleet_is_listed_ends_the_scan_at_once(
    listing: str, hold: Callable[[], Awaitable[Reply | None]], tmp_path: Path
) -> None:
    @in_virtual_time
    async def scan() -> None:
        notes = Notes()
        with pytest.raises(StoppedError, match="stopped before all VMs were listed"):
            await stopped_after(30.0, wire_of(listing, hold), settings_for(tmp_path / "run"), notes)
        assert time.monotonic() == pytest.approx(30.0)
        assert notes.warnings == []

    scan()


async def stopped_after(at_s: float, wire: Waiting, settings: Settings, hooks: Hooks) -> int:
    """The exit code of a scan that is told to stop at a second of the clock."""
    stop = anyio.Event()

    async def tell() -> None:
        await anyio.sleep(at_s - time.monotonic())
        stop.set()

    async with anyio.create_task_group() as beside:
        beside.start_soon(tell)
        try:
            return (await scan_over(wire, settings, hooks=hooks, stop=stop)).exit_code
        except StoppedError as error:
            stopped = error
        finally:
            beside.cancel_scope.cancel()
    raise stopped


@pytest.mark.parametrize("hold", [later, silence])
def test_deadline_and_stop_hold_while_busy_machines_are_looked_for(
    hold: Callable[[], Awaitable[Reply | None]], tmp_path: Path
) -> None:
    @in_virtual_time
    async def scan() -> None:
        settings = settings_for(tmp_path / "one", deadline_s=90.0)
        assert (await scan_over(wire_of("busy", hold), settings)).exit_code == 5
        assert time.monotonic() == pytest.approx(90.0)
        code = await stopped_after(120.0, wire_of("busy", hold), settings_for(tmp_path / "two"), Notes())
        assert code == 5
        assert time.monotonic() == pytest.approx(120.0)
        assert read_run(tmp_path / "two").fleet["outcomes"]["interrupted"] == 6

    scan()


@in_virtual_time
async def test_a_stop_in_the_middle_of_a_resume_still_collects_what_runs(tmp_path: Path) -> None:
    cloud = cloud_of(machines=8, stopped_pct=0.0, speed=1.0, durations="regular")
    settings = Settings(endpoint=ENDPOINT, out=str(tmp_path / "run"), resume=True, drain_s=300.0)

    async def five_seconds() -> None:
        await anyio.sleep(5.0)

    class StopAtOnce(Hooks):
        stop = anyio.Event()

        def accepted(self) -> None:
            self.stop.set()

    hooks = StopAtOnce()
    first = Settings(endpoint=ENDPOINT, out=settings.out, drain_s=0.0, max_in_flight=1)
    assert (
        await scan_over(Waiting(cloud, "busy", no_hold), first, hooks=hooks, stop=hooks.stop)
    ).exit_code == 5
    begun = sum(cloud.ledger.accepted.values())
    assert 0 < begun < 8
    notes = Notes()
    code = await stopped_after(time.monotonic() + 2.0, Waiting(cloud, "busy", five_seconds), settings, notes)
    assert code == 5
    assert read_run(tmp_path / "run").fleet["outcomes"]["assessed"] == begun
    assert sum(cloud.ledger.accepted.values()) == begun
    assert notes.warnings == ["the scan was stopped: no new assessments; collecting results for up to 300 s"]


async def no_hold() -> None:
    """At once."""
