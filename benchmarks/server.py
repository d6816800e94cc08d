"""The simulated Azure of one run, in a process of its own: serves a scenario and leaves an account of it.

Prints its endpoint, and `accepted` once every machine of the inventory has an accepted start. SIGTERM ends
it, and then it writes what it saw as JSON. Moments in the account are of this machine's monotonic clock.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import uvloop

from benchmarks.bound import bound_of
from fleetscan.model import Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.ledger import Ask
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.server import serve

ACTION = "/assesspatches"


class WatchedCloud(Cloud):
    """A cloud that notes when machines were started, and when what it accepted ends."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.first_start_at: float | None = None
        self.ends_at: dict[str, float] = {}

    def handle(self, request: Request, now: float) -> Reply:
        """The cloud's reply, noted where it is a start's."""
        reply = super().handle(request, now)
        if request.method == "POST":
            key = urlsplit(request.url).path.lower()
            if key.endswith(ACTION):
                self._note(key.removesuffix(ACTION), reply, now)
        return reply

    def _note(self, key: str, reply: Reply, now: float) -> None:
        if self.first_start_at is None:
            self.first_start_at = now
        if reply.status == 202:
            self.ends_at[key] = now + self.fleet.machine(key).lot.duration_s
            if len(self.ends_at) == len(self.fleet):
                print("accepted", flush=True)


def account(cloud: WatchedCloud, opened_at: float) -> dict[str, object]:
    """What the cloud saw, for `simulated.Account`."""
    first, has_limits = cloud.first_start_at, cloud.scenario.limits_speed > 0
    return {
        "bound_s": bound_of(cloud.fleet, cloud.scenario, first or 0.0) if has_limits else None,
        "requests": _by_name(cloud.ledger.requests),
        "throttled": _by_name(cloud.ledger.throttled),
        "first_start_at": None if first is None else opened_at + first,
        "ends_at": {key: opened_at + at for key, at in cloud.ends_at.items()},
    }


def _by_name(counts: Counter[Ask]) -> dict[str, int]:
    return {ask.value: count for ask, count in counts.items()}


def write_inventory(cloud: Cloud, path: Path) -> None:
    """One JSON object a machine, with what every listing tells that a scan's timing may rest on."""
    with path.open("wb") as file:
        for machine in cloud.fleet:
            told = {
                "id": machine.resource_id,
                "location": machine.region,
                "os_type": "Windows" if machine.image.is_windows else "Linux",
            }
            file.write(orjson.dumps(told) + b"\n")


async def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", required=True, type=orjson.loads)
    parser.add_argument("--inventory", required=True, type=Path)
    parser.add_argument("--account", required=True, type=Path)
    parser.add_argument("--port", default=0, type=int)
    args = parser.parse_args()
    cloud = WatchedCloud(Scenario(**args.scenario))
    write_inventory(cloud, args.inventory)
    # A hundred thousand machines are no garbage: the collector must not slow one run and not another.
    gc.freeze()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    opened_at = time.monotonic()
    async with serve(cloud, port=args.port) as endpoint:
        print(endpoint, flush=True)
        await stop.wait()
    args.account.write_bytes(orjson.dumps(account(cloud, opened_at)))


if __name__ == "__main__":
    uvloop.run(main())
