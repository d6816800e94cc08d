"""The simulated Azure of one history, in a process of its own: it outlives the scans that are killed.

Prints its endpoint. SIGTERM ends it, and then it writes what it was sent as JSON, for `azure.Account`.
Moments in it are seconds since 1970, as in a journal.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from fleetscan.model import Json, Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.server import serve

ACTION = "/assesspatches"
# One request after the other, each so long: at any moment of a scan some are on their way.
REPLY_S = 0.01


class WatchedCloud(Cloud):
    """A cloud that takes its time, and notes every start and every token it was shown."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario, epoch=datetime.now(UTC))
        self.posts: dict[str, list[Json]] = defaultdict(list)
        self.unauthorized = 0

    def handle(self, request: Request, now: float) -> Reply:
        """The cloud's reply, noted where it is a start's."""
        time.sleep(REPLY_S)
        at, accepted = time.time(), self.ledger.accepted.total()
        reply = super().handle(request, now)
        path = urlsplit(request.url).path.lower()
        if request.method == "POST" and path.endswith(ACTION):
            is_accepted = self.ledger.accepted.total() > accepted
            self.posts[path.removesuffix(ACTION)].append([at, reply.status, is_accepted])
        return reply

    def refuse_token(self, authorization: str | None, now: float) -> Reply | None:
        """The cloud's refusal, counted."""
        refusal = super().refuse_token(authorization, now)
        self.unauthorized += refusal is not None
        return refusal


def account(cloud: WatchedCloud) -> dict[str, object]:
    """What the cloud was sent, and what is true of its machines."""
    return {
        "posts": dict(cloud.posts),
        "counts": {machine.key: _counts(cloud, machine.key) for machine in cloud.fleet},
        "superseded": cloud.ledger.superseded,
        "installations_killed": cloud.ledger.installations_killed,
        "unauthorized": cloud.unauthorized,
    }


def _counts(cloud: Cloud, key: str) -> list[Json] | None:
    result = cloud.ledger.result_of(key)
    names = ("criticalAndSecurityPatchCount", "otherPatchCount")
    return None if result is None else [result.get(name) for name in names]


async def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.process.server", description=__doc__)
    parser.add_argument("--scenario", required=True, type=orjson.loads)
    parser.add_argument("--account", required=True, type=Path)
    args = parser.parse_args()
    cloud = WatchedCloud(Scenario(**args.scenario))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serve(cloud) as endpoint:
        print(endpoint, flush=True)  # noqa: T201 - what whoever started it reads
        await stop.wait()
    args.account.write_bytes(orjson.dumps(account(cloud)))


if __name__ == "__main__":
    asyncio.run(main())
