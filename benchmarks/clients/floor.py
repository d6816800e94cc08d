"""The practical floor: what a program of bare aiohttp with no logic at all costs for the same machines.

Fixed: 64 tasks on uvloop, the collector tuned; each machine is one POST, a wait, one GET, one parse and one
line written. It retries nothing, knows no limits and believes everything: nobody should use it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import aiohttp
import orjson
import uvloop
from yarl import URL

from benchmarks.clients.inputs import Inputs, Lines, bearer

# The recorded signed URLs are 3.3 kB each, and a reply has two.
MAX_FIELD_BYTES = 16 * 1024


async def assess(
    session: aiohttp.ClientSession, endpoint: str, machines: Iterator[str], wait_s: float, lines: Lines
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
        lines.result(resource_id, body.get("properties", {}).get("output"))


async def main() -> None:
    """Assess every machine of an inventory."""
    inputs = Inputs.from_arguments(__doc__ or "")
    gc.set_threshold(100_000, 50, 50)
    machines = iter(inputs.resource_ids())
    lines = Lines(inputs.out)
    async with (
        aiohttp.ClientSession(
            headers=bearer(),
            connector=aiohttp.TCPConnector(limit=inputs.width),
            max_line_size=MAX_FIELD_BYTES,
            max_field_size=MAX_FIELD_BYTES,
        ) as session,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(inputs.width):
            group.create_task(assess(session, inputs.endpoint, machines, inputs.wait_s, lines))


if __name__ == "__main__":
    uvloop.run(main())
