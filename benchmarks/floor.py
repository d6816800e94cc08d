"""The practical floor: what a program of bare aiohttp with no logic at all costs for the same machines.

64 tasks on uvloop, the collector tuned; each machine is one POST, a wait, one GET, one parse and one line
written. It retries nothing, knows no limits and believes everything: nobody should use it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import orjson
import uvloop
from yarl import URL

TASKS = 64


async def assess(
    session: aiohttp.ClientSession, endpoint: str, machines: Iterator[str], wait_s: float, out: int
) -> None:
    """Machine after machine until none is left."""
    for resource_id in machines:
        url = URL(f"{endpoint}{resource_id}/assessPatches?api-version=2022-08-01", encoded=True)
        async with session.post(url) as reply:
            await reply.read()
            status_url = reply.headers["Azure-AsyncOperation"]
        await asyncio.sleep(wait_s)
        async with session.get(URL(status_url, encoded=True)) as reply:
            body = orjson.loads(await reply.read())
        os.write(out, orjson.dumps({"id": resource_id, "result": body["properties"]["output"]}) + b"\n")


async def main() -> None:
    """Assess every machine of an inventory file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--inventory", required=True, type=Path)
    parser.add_argument("--wait-s", required=True, type=float)
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    gc.set_threshold(100_000, 50, 50)
    machines = iter(args.inventory.read_text().split())
    out = os.open(args.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    headers = {"Authorization": "Bearer floor"}
    connector = aiohttp.TCPConnector(limit=TASKS)
    async with (
        aiohttp.ClientSession(
            headers=headers, connector=connector, max_line_size=16384, max_field_size=16384
        ) as session,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(TASKS):
            group.create_task(assess(session, args.endpoint, machines, args.wait_s, out))
    os.close(out)


if __name__ == "__main__":
    uvloop.run(main())
