"""The machines of a server that is not ours, as an inventory: for `make bench ENDPOINT=URL` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import orjson

from benchmarks.clients.inputs import bearer

SUBSCRIPTIONS = "/subscriptions?api-version=2022-12-01"
MACHINES = "/subscriptions/{}/providers/Microsoft.Compute/virtualMachines?api-version=2022-08-01"


async def list_machines(endpoint: str, inventory: Path) -> int:
    """Write every machine of the enabled subscriptions to `inventory`; how many there are."""
    async with aiohttp.ClientSession(headers=bearer(), raise_for_status=True) as session:
        machines = [
            machine
            for subscription in await _pages(session, endpoint, SUBSCRIPTIONS)
            if subscription["state"] == "Enabled"
            for machine in await _pages(session, endpoint, MACHINES.format(subscription["subscriptionId"]))
        ]
    with inventory.open("wb") as file:
        for machine in machines:
            os_type = machine["properties"]["storageProfile"]["osDisk"]["osType"]
            told = {"id": machine["id"], "location": machine["location"], "os_type": os_type}
            file.write(orjson.dumps(told) + b"\n")
    return len(machines)


async def _pages(session: aiohttp.ClientSession, endpoint: str, target: str) -> list[Any]:
    """The values of every page. Raises ValueError for a link that leads away: the token must not follow."""
    found: list[Any] = []
    link = endpoint + target
    while link:
        if not link.startswith(f"{endpoint}/"):
            raise ValueError(f"a nextLink leads away from {endpoint}")
        async with session.get(link) as reply:
            page = orjson.loads(await reply.read())
        found += page["value"]
        link = page.get("nextLink") or ""
    return found
