"""What a poll costs fleetscan that waits for its bucket, without the exchange: the scan's own code in real
time over a simulated Azure in the same process, whose CPU is taken away.

A program of its own, `python -m benchmarks.own_part OUT`, which writes what it measured as JSON to the file
OUT. It measures while no VM starts or ends, so that every request is a poll, and the limits bind.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import orjson

from benchmarks.paced import BEGINS_S, FLEET, LASTS_S, OwnPart
from fleetscan.cli.running import run_until_stopped
from fleetscan.model import Reply, Request
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
Seen = Sequence[tuple[Request, float]]


class Azure:
    """A transport to a simulated Azure in this process, which replies at once; `seen` is what it was sent."""

    def __init__(self) -> None:
        self._cloud = new_cloud()
        self._opened_at = time.monotonic()
        self.seen: list[tuple[Request, float]] = []

    async def exchange(self, request: Request) -> Reply:
        """The cloud's reply."""
        now = time.monotonic() - self._opened_at
        self.seen.append((request, now))
        return self._cloud.handle(request, now)


def new_cloud() -> Cloud:
    """The simulated Azure: asked the same at the same times, it does the same."""
    return Cloud(FLEET, epoch=EPOCH)


async def measure(azure: Azure, out: Path) -> OwnPart:
    """Scans until enough was seen, and stops."""
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: scan_over(azure, Settings(out=str(out), drain_s=0.0), stop=stop))
        await anyio.sleep(BEGINS_S)
        first, began_s = len(azure.seen), time.process_time()
        await anyio.sleep(LASTS_S)
        last, ended_s = len(azure.seen), time.process_time()
        stop.set()
    polls = sum(is_poll(request) for request, _ in azure.seen[first:last])
    cloud_s = cloud_part_s(azure.seen[:first], azure.seen[first:last])
    return OwnPart(polls, last - first - polls, ended_s - began_s - cloud_s)


def cloud_part_s(before: Seen, measured: Seen) -> float:
    """The CPU that the simulated Azure takes for the requests measured, when they alone are played again.

    To read the CPU clock at each exchange would cost more than a poll.
    """
    cloud = new_cloud()
    for request, now in before:
        cloud.handle(request, now)
    began_s = time.process_time()
    for request, now in measured:
        cloud.handle(request, now)
    return time.process_time() - began_s


def is_poll(request: Request) -> bool:
    """The status URL of an operation is the only GET under the locations of Microsoft.Compute."""
    return request.method == "GET" and "/locations/" in request.url


def main() -> None:
    """Measure, and write it to the file that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out

    async def job(_: anyio.Event) -> int:
        with TemporaryDirectory() as place:
            out.write_bytes(orjson.dumps(asdict(await measure(Azure(), Path(place, "run")))))
        return 0

    # As the command line runs a scan: on uvloop, with the collector tuned.
    run_until_stopped(job)


if __name__ == "__main__":
    main()
