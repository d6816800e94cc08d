"""azure-mgmt-compute's ordinary client in a pool of threads, one machine to a thread at a time.

Everything but the polling interval is the client's default. An error costs its machine and nothing else.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from azure.mgmt.compute import ComputeManagementClient

from benchmarks.clients.inputs import Inputs, Lines, Machine
from benchmarks.clients.sdk import NoCredential, in_the_header, plain


def assess(clients: dict[str, ComputeManagementClient], lines: Lines, machine: Machine) -> None:
    """One machine, from its start to its line."""
    operations = clients[machine.subscription_id].virtual_machines
    try:
        poller = operations.begin_assess_patches(machine.resource_group, machine.name)
        lines.result(machine.resource_id, plain(poller.result()))
    except Exception as error:  # noqa: BLE001 - whatever the client raises is this machine's line
        lines.error(machine.resource_id, error)


def main() -> None:
    """Assess every machine of an inventory."""
    inputs = Inputs.from_arguments(__doc__ or "")
    machines, lines = inputs.machines(), Lines(inputs.out)
    clients = {
        subscription_id: ComputeManagementClient(
            NoCredential(),
            subscription_id,
            base_url=inputs.endpoint,
            authentication_policy=in_the_header(),
            polling_interval=inputs.wait_s,
        )
        for subscription_id in dict.fromkeys(machine.subscription_id for machine in machines)
    }
    with ThreadPoolExecutor(inputs.width) as pool:
        list(pool.map(partial(assess, clients, lines), machines))


if __name__ == "__main__":
    main()
