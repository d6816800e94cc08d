"""An independent judge over real HTTP: Azure's own async clients see the fleet and results that we see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import HeadersPolicy
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.resourcegraph.aio import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

from fleetscan.scanner.live import scan
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.server import serve
from tests.strict_reader import read_run

TOKEN = "judge"
QUERY = "resources | where type =~ 'microsoft.compute/virtualmachines' | project id | order by id asc"
# Times and activity ids are a new operation's own; everything else a machine tells must be the same.
TOLD = ("status", "rebootPending", "criticalAndSecurityPatchCount", "otherPatchCount")
TOLD_OF_A_PATCH = ("patchId", "name", "version", "kbId", "classifications", "rebootBehavior")


class NoCredential:
    """The clients insist on a credential; the header below carries the token."""

    async def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        raise AssertionError("the token is in the header")

    async def close(self) -> None:
        """Nothing to close."""

    async def __aexit__(self, *args: object) -> None:
        """Nothing to close."""


def in_the_header() -> HeadersPolicy:
    return HeadersPolicy({"Authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def cloud() -> Cloud:
    """A fleet of fourteen fates; none that makes a start wait half a minute for another operation."""
    scenario = Scenario(
        machines=60, subscriptions=2, seed=23, speed=1000.0, limits_speed=0.0, patches=8,
        failing_pct=25.0, page_size=25, token=TOKEN,
    )  # fmt: skip
    return Cloud(scenario, epoch=datetime.now(UTC))


@pytest.fixture
async def endpoint(cloud: Cloud) -> AsyncIterator[str]:
    async with serve(cloud) as url:
        yield url


def compute_client(endpoint: str, subscription_id: str) -> ComputeManagementClient:
    return ComputeManagementClient(
        NoCredential(),  # type: ignore[arg-type]
        subscription_id,
        base_url=endpoint,
        authentication_policy=in_the_header(),
        polling_interval=0,
    )


async def our_rows(endpoint: str, out: Path) -> dict[str, dict[str, Any]]:
    settings = Settings(endpoint=endpoint, out=str(out), first_poll_s=0.3, poll_interval_s=0.3)
    async with scan(settings, credential=TOKEN) as live:
        await live.finish()
    return read_run(out).by_id


async def their_result(client: ComputeManagementClient, machine: Machine) -> Mapping[str, Any] | None:
    """What the official client ends in for one machine; None where it raises or gets nothing."""
    try:
        poller = await client.virtual_machines.begin_assess_patches(machine.resource_group, machine.name)
        model: Any = await poller.result()
        # Clients before version 38 have other names in `as_dict`, and those of Azure's in `serialize`.
        is_old = hasattr(model, "serialize")
        result: Mapping[str, Any] = model.serialize(keep_readonly=True) if is_old else model.as_dict()
    except (HttpResponseError, json.JSONDecodeError):
        return None
    return result


def told(result: Mapping[str, Any]) -> tuple[object, ...]:
    patches = result.get("availablePatches") or []
    listed = [tuple(str(patch.get(name)) for name in TOLD_OF_A_PATCH) for patch in patches]
    return (*(result.get(name) for name in TOLD), listed)


async def test_the_official_clients_list_the_machines_we_list(
    cloud: Cloud, endpoint: str, tmp_path: Path
) -> None:
    ours = await our_rows(endpoint, tmp_path / "run")
    from_compute: set[str] = set()
    from_graph: set[str] = set()
    subscriptions = [subscription.subscription_id for subscription in cloud.fleet.estate.subscriptions]
    async with AsyncExitStack() as clients:
        for subscription_id in subscriptions:
            compute = await clients.enter_async_context(compute_client(endpoint, subscription_id))
            from_compute |= {str(vm.id).lower() async for vm in compute.virtual_machines.list_all()}
        graph = await clients.enter_async_context(
            ResourceGraphClient(
                NoCredential(),  # type: ignore[arg-type]
                base_url=endpoint,
                authentication_policy=in_the_header(),
            )
        )
        token = None
        while token is not None or not from_graph:
            query = QueryRequest(
                query=QUERY,
                subscriptions=subscriptions,
                options=QueryRequestOptions(top=25, skip_token=token, result_format="objectArray"),
            )
            page = await graph.resources(query)
            from_graph |= {str(row["id"]).lower() for row in cast("list[dict[str, str]]", page.data)}
            token = page.skip_token
    assert len(ours) == 60
    assert set(ours) == from_compute == from_graph


async def test_the_official_client_gets_our_results(cloud: Cloud, endpoint: str, tmp_path: Path) -> None:
    ours = await our_rows(endpoint, tmp_path / "run")
    theirs: dict[str, Mapping[str, Any] | None] = {}

    async def ask(client: ComputeManagementClient, machine: Machine) -> None:
        theirs[machine.key] = await their_result(client, machine)

    async with AsyncExitStack() as open_clients:
        clients = {
            subscription.subscription_id: await open_clients.enter_async_context(
                compute_client(endpoint, subscription.subscription_id)
            )
            for subscription in cloud.fleet.estate.subscriptions
        }
        async with anyio.create_task_group() as group:
            for machine in cloud.fleet:
                group.start_soon(ask, clients[machine.subscription.subscription_id], machine)
    compared = 0
    for key, result in theirs.items():
        assessment = ours[key]["assessment"]
        assert (result is None) == (assessment is None), f"{key}: {cloud.fleet.machine(key).fate}"
        if result is not None:
            compared += 1
            assert told(result) == told(assessment), key
    assert compared >= 40
