"""A subscription of which Resource Graph shows nothing: empty, hidden or forbidden, and never simply gone."""

from __future__ import annotations

import time
from pathlib import Path

from fleetscan.model import Fault, Reply, Request
from fleetscan.simulator.cloud import Cloud
from tests.scanner.test_whole_scans import Notes, Transport, cloud_of, run_of, settings_for
from tests.virtual_scan import in_virtual_time


def hidden_keys(cloud: Cloud) -> set[str]:
    """The machines of the one hidden subscription."""
    hidden = cloud.fleet.estate.subscriptions[0]
    return {machine.key for machine in cloud.fleet if machine.subscription == hidden}


@in_virtual_time
async def test_empty_subscriptions_cost_one_request_each_and_are_no_error(tmp_path: Path) -> None:
    cloud, notes = cloud_of(machines=30, empty_subscriptions=40), Notes()
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"), notes)
    assert (summary.exit_code, len(run.rows), notes.warnings, notes.inventory_errors) == (0, 30, [], [])
    # The subscriptions, Resource Graph's VMs and scale sets, and one page of each empty one.
    assert run.fleet["requests"]["list"] == 43
    assert len(run.facts["scope"]["subscriptions"]) == 44


@in_virtual_time
async def test_a_hidden_subscription_is_scanned_and_a_forbidden_one_makes_the_exit_code_3(
    tmp_path: Path,
) -> None:
    cloud, notes = cloud_of(machines=40, hidden_subscriptions=1, denied_subscriptions=1), Notes()
    hidden, *_, denied = cloud.fleet.estate.subscriptions
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"), notes)
    assert set(run.by_id) == {machine.key for machine in cloud.fleet if machine.subscription != denied}
    [error] = run.fleet["inventory_errors"]
    assert (error["subscription_id"], error["http_status"]) == (denied.subscription_id, 403)
    assert summary.exit_code == 3
    assert notes.inventory_errors[0].remedy == (
        "give the identity Microsoft.Compute/virtualMachines/read there (in the role Reader)"
    )
    assert notes.warnings == [
        f"Resource Graph shows no VM of {hidden.subscription_id}, but Compute does: "
        "1 subscription is listed through Compute",
        "running patch installations are not seen in 1 subscription listed through Compute; "
        "an assessment may cancel one",
    ]


@in_virtual_time
async def test_a_silent_subscription_that_is_throttled_holds_the_first_start_up_for_a_minute_at_most(
    tmp_path: Path,
) -> None:
    cloud = cloud_of(machines=20, empty_subscriptions=2)
    throttled = cloud.fleet.estate.empty[1].subscription_id

    def throttle(request: Request, reply: Reply) -> Reply:
        is_throttled = f"/subscriptions/{throttled}/providers/Microsoft.Compute" in request.url
        return (
            Reply(429, {"retry-after": "20"}, b'{"code": "Slow", "message": "no"}') if is_throttled else reply
        )

    summary, run = await run_of(Transport(cloud, throttle), settings_for(tmp_path / "run"))
    [error] = run.fleet["inventory_errors"]
    assert (error["subscription_id"], error["code"], error["http_status"]) == (throttled, "Slow", 429)
    assert (summary.exit_code, len(run.rows)) == (3, 20)
    assert time.monotonic() < 65.0


@in_virtual_time
async def test_an_identity_that_may_read_nothing_has_no_empty_fleet(tmp_path: Path) -> None:
    cloud, notes = (
        cloud_of(machines=8, subscriptions=2, denied_subscriptions=1, hidden_subscriptions=1),
        Notes(),
    )
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"), notes)
    assert summary.exit_code == 3
    assert set(run.by_id) == hidden_keys(cloud)


@in_virtual_time
async def test_a_lost_start_in_a_hidden_subscription_ends_by_the_instance_view(tmp_path: Path) -> None:
    scenario: dict[str, object] = {"speed": 1.0, "durations": "regular", "stopped_pct": 0.0}
    cloud = cloud_of(machines=6, subscriptions=1, hidden_subscriptions=1, **scenario)

    class Losing(Transport):
        async def exchange(self, request: Request) -> Reply:
            reply = await super().exchange(request)
            is_start = request.method == "POST" and "assessPatches" in request.url
            # Azure takes every start, and its reply is lost.
            return Reply(0, fault=Fault.CUT) if is_start else reply

    _, run = await run_of(Losing(cloud), settings_for(tmp_path / "run"))
    assert run.fleet["outcomes"]["assessed"] == 6
    assert {row["source"] for row in run.rows} == {"instance_view"}
    assert set(cloud.ledger.starts.values()) == {1}
    for key, row in run.by_id.items():
        result = cloud.ledger.result_of(key)
        assert result is not None
        assert row["critical_and_security_count"] == result["criticalAndSecurityPatchCount"]
        assert row["patches_complete"] is None


@in_virtual_time
async def test_machines_that_graph_leaves_out_of_a_subscription_it_shows_are_not_missed_by_compute(
    tmp_path: Path,
) -> None:
    # What Resource Graph leaves out beside what it shows cannot be told from a smaller subscription.
    cloud = cloud_of(machines=40, hidden_pct=30.0, graph="broken")
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"))
    assert set(run.by_id) == {machine.key for machine in cloud.fleet}
