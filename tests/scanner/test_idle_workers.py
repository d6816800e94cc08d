"""What a scan holds while its workers wait: nothing of the requests, replies and VMs that are over."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import anyio

from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.operation import Operation
from fleetscan.engine.queues import Step
from fleetscan.model import Ending, Reply, Request
from fleetscan.scanner.live import scan_over
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.transport import SimulatedTransport
from tests.scanner.test_whole_scans import cloud_of, settings_for
from tests.strict_reader import read_run
from tests.virtual_scan import in_virtual_time

# More than the simulator's operations take at its speed.
LATE_S = 5.0


def alive() -> list[object]:
    """The operations that are over, and all replies, steps, ends and listings that are still there."""
    gc.collect()
    kinds = (Reply, Step, Ending, ListingJob)
    found = [
        each for each in gc.get_objects() if isinstance(each, Operation | Reply | Step | Ending | ListingJob)
    ]
    return [each for each in found if isinstance(each, kinds) or hasattr(each, "ending")]


class Delaying:
    """The simulated Azure, whose first VM to be started waits for its last poll until all others are over.

    `held` is what there is then, the request being exchanged and what other tests left apart.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._wire = SimulatedTransport(cloud, time.monotonic)
        self._late: str | None = None
        self._before = alive()
        self.held: list[object] | None = None

    async def exchange(self, request: Request) -> Reply:
        await anyio.lowlevel.checkpoint()
        reply = await self._wire.exchange(request)
        if self._late is None and "assessPatches" in request.url:
            self._late = reply.headers["azure-asyncoperation"].split("?")[0]
        elif self._late is not None and request.url.startswith(self._late) and self.held is None:
            if time.monotonic() < LATE_S:
                return Reply(200, reply.headers, b'{"status": "InProgress"}')
            others = {id(each) for each in (*self._before, reply)}
            self.held = [
                each for each in alive() if id(each) not in others and not _is_step_of(each, request)
            ]
        return reply


def _is_step_of(each: object, request: Request) -> bool:
    return isinstance(each, Step) and each.request is request


@in_virtual_time
async def test_workers_that_wait_hold_nothing_of_what_is_over(tmp_path: Path) -> None:
    azure = Delaying(cloud_of(machines=30, stopped_pct=0.0))
    settings = settings_for(tmp_path / "run", max_in_flight=8)
    assert (await scan_over(azure, settings)).exit_code == 0
    assert len(read_run(tmp_path / "run").rows) == 30
    assert azure.held == []
