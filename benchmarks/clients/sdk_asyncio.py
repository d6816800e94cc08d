"""azure-mgmt-compute's asyncio client as people write it: a task a machine, and a semaphore around each.

Everything but the polling interval is the client's default. An error costs its machine and nothing else.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from azure.mgmt.compute.aio import ComputeManagementClient

from benchmarks.clients.inputs import Inputs, Lines, Machine
from benchmarks.clients.sdk import NoCredential, in_the_header, plain


async def assess(
    client: ComputeManagementClient, machine: Machine, places: asyncio.Semaphore, lines: Lines
) -> None:
    """One machine, from its start to its line."""
    async with places:
        try:
            poller = await client.virtual_machines.begin_assess_patches(machine.resource_group, machine.name)
            lines.result(machine.resource_id, plain(await poller.result()))
        except Exception as error:  # noqa: BLE001 - whatever the client raises is this machine's line
            lines.error(machine.resource_id, error)


async def main() -> None:
    """Assess every machine of an inventory."""
    inputs = Inputs.from_arguments(__doc__ or "")
    machines, lines = inputs.machines(), Lines(inputs.out)
    places = asyncio.Semaphore(inputs.width)
    async with AsyncExitStack() as open_clients, asyncio.TaskGroup() as group:
        clients: dict[str, ComputeManagementClient] = {}
        for subscription_id in dict.fromkeys(machine.subscription_id for machine in machines):
            clients[subscription_id] = await open_clients.enter_async_context(
                ComputeManagementClient(
                    NoCredential(),  # type: ignore[arg-type]
                    subscription_id,
                    base_url=inputs.endpoint,
                    authentication_policy=in_the_header(),
                    polling_interval=inputs.wait_s,
                )
            )
        for machine in machines:
            group.create_task(assess(clients[machine.subscription_id], machine, places, lines))


if __name__ == "__main__":
    asyncio.run(main())
