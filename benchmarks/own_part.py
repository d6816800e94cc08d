"""What a poll costs fleetscan that waits for its bucket, without the exchange: the scan's own code in real
time over a simulated Azure in the same process, whose time is taken away.

A program of its own, `python -m benchmarks.own_part OUT`, which writes what it measured as JSON to the file
OUT. It measures while no VM starts or ends, so that every request is a poll, and the limits bind.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import orjson

from benchmarks.paced import BARE_WAITS, BEGINS_S, FLEET, LASTS_S, POLLS_PER_S, OwnPart
from fleetscan.cli.running import run_until_stopped
from fleetscan.model import Reply, Request
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud


class Azure:
    """A transport to a simulated Azure in this process, which replies at once and counts its own time."""

    def __init__(self) -> None:
        self._cloud = Cloud(FLEET)
        self._opened_at = time.monotonic()
        self.cloud_s = 0.0
        self.polls = self.other = 0

    async def exchange(self, request: Request) -> Reply:
        """The cloud's reply."""
        # The CPU's clock and not the wall's, which runs on while another process has the core. To read it
        # twice takes 1 µs, and half of that counts as ours.
        began_s = time.process_time()
        reply = self._cloud.handle(request, time.monotonic() - self._opened_at)
        self.cloud_s += time.process_time() - began_s
        self.polls += is_poll(request)
        self.other += not is_poll(request)
        return reply

    def so_far(self) -> OwnPart:
        """The requests so far, and the process's CPU without the cloud's."""
        return OwnPart(self.polls, self.other, time.process_time() - self.cloud_s)


async def measure(azure: Azure, out: Path) -> OwnPart:
    """Scans until enough was seen, and stops."""
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: scan_over(azure, Settings(out=str(out), drain_s=0.0), stop=stop))
        await anyio.sleep(BEGINS_S)
        before = azure.so_far()
        await anyio.sleep(LASTS_S)
        after = azure.so_far()
        stop.set()
    polls, other = after.polls - before.polls, after.other - before.other
    return OwnPart(polls, other, after.own_s - before.own_s, await bare_us())


async def bare_us() -> float:
    """What a wait of the event loop alone takes, as often as polls are sent."""
    began_s = time.process_time()
    for _ in range(BARE_WAITS):
        await asyncio.sleep(1.0 / POLLS_PER_S)
    return (time.process_time() - began_s) * 1e6 / BARE_WAITS


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
