"""An independent judge: azure-core's own operation poller must end where our engine ends."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import RequestIdPolicy
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.core.polling.arm_polling import ARMPolling

from fleetscan.engine.operation import Operation
from fleetscan.model import Ending, Json, Outcome, Reason, Target
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.scenario import Scenario
from tests.judge.virtual_transport import VirtualTransport
from tests.series import length
from tests.virtual import ENDPOINT, cloud_of, operations, play, rules

JUDGED_SEEDS = length(200, whole=1000)
TAKEN = (200, 202)


def scenario(seed: int) -> Scenario:
    return Scenario(machines=1, subscriptions=1, seed=seed, patches=3, failing_pct=35.0, truncated_pct=10.0)


def our_ending(seed: int) -> tuple[Machine, Ending]:
    cloud = cloud_of(scenario(seed))
    (machine,) = cloud.fleet
    target = Target(
        machine.resource_id, machine.subscription.subscription_id, machine.resource_group, machine.name
    )
    jobs: list[Operation] = operations([target], rules(seed))
    # Without latency both starts arrive at the same moment, and so tell the same times.
    play(cloud, jobs, latency_s=0.0)
    return machine, jobs[0].ending


def their_result(seed: int, machine: Machine) -> dict[str, Json] | HttpResponseError:
    """What azure-core's poller ends in for the same machine: a result, or its refusal."""
    transport = VirtualTransport(cloud_of(scenario(seed)))
    client: PipelineClient[HttpRequest, Any] = PipelineClient(
        ENDPOINT, transport=transport, policies=[RequestIdPolicy()]
    )
    url = f"{ENDPOINT}{machine.resource_id}/assessPatches?api-version=2022-08-01"
    started = client._pipeline.run(HttpRequest("POST", url))
    if started.http_response.status_code not in TAKEN:
        return HttpResponseError(response=started.http_response)
    poller: LROPoller[dict[str, Json]] = LROPoller(
        client, started, lambda response: response.http_response.json(), ARMPolling(30)
    )
    try:
        return poller.result()
    except HttpResponseError as error:
        return error


@pytest.mark.series
def test_azure_cores_poller_and_our_engine_end_alike_for_each_seed() -> None:
    results = refusals = 0
    for seed in range(JUDGED_SEEDS):
        machine, ours = our_ending(seed)
        theirs = their_result(seed, machine)
        if isinstance(theirs, HttpResponseError):
            refusals += 1
            assert ours.assessment is None, f"seed {seed}: {machine.fate}"
            assert ours.outcome is not Outcome.ASSESSED, f"seed {seed}: {machine.fate}"
            continue
        results += 1
        assert ours.assessment == theirs, f"seed {seed}: {machine.fate}"
        is_good = theirs["status"] in ("Succeeded", "CompletedWithWarnings") and "otherPatchCount" in theirs
        assert (ours.outcome is Outcome.ASSESSED) == is_good, f"seed {seed}: {machine.fate}"
        assert (ours.reason is Reason.ASSESSMENT_FAILED) == (theirs["status"] == "Failed"), f"seed {seed}"
    assert results > JUDGED_SEEDS / 2
    assert refusals > JUDGED_SEEDS / 10
