"""The VMs of scale sets in uniform mode: counted beside the listing, by the rules that a set can answer."""

from __future__ import annotations

import io
import json
from typing import Any

import anyio
import pytest

from fleetscan.inventory.rules import rules_of
from fleetscan.inventory.scale_sets import UniformSets, UniformUntold, query_uniform, uniform_vms
from fleetscan.model import Reply, Request
from fleetscan.planning.planner import foresee, list_over
from fleetscan.report.commands import Spelled
from fleetscan.report.digest import report_of
from fleetscan.report.markdown import markdown_of
from fleetscan.report.plan_summary import print_plan
from fleetscan.runs.reader import open_run
from fleetscan.scanner.hooks import Hooks
from fleetscan.settings.declared import PlanSettings
from fleetscan.simulator.cloud import Cloud
from tests.scanner.test_whole_scans import Transport, cloud_of, run_of, settings_for
from tests.virtual_scan import in_virtual_time

ARM = "https://management.azure.com"
SUBSCRIPTION = "3f8c0d5e-7a61-4c2b-9b0e-51d2a7c4e901"


def row_of(name: str, capacity: object, **more: object) -> dict[str, object]:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-pool"
    return {
        "id": f"{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{name}",
        "location": "westeurope",
        "tags": {"env": "prod"},
        "capacity": capacity,
        "osType": "Linux",
        **more,
    }


def told(*rows: object, status: int = 200) -> UniformSets | UniformUntold:
    pages = query_uniform(ARM, [SUBSCRIPTION])
    next(pages)
    body = {"totalRecords": len(rows), "count": len(rows), "data": rows}
    with pytest.raises(StopIteration) as ended:
        pages.send(Reply(status, {}, json.dumps(body).encode()))
    found: UniformSets | UniformUntold = ended.value.value
    return found


@pytest.mark.parametrize(
    ("wanted", "vms"),
    [
        ({}, 17),
        ({"name": ("pool-1",)}, 5),
        ({"exclude_name": ("pool-*",)}, 0),
        ({"location": ("North Europe",)}, 12),
        ({"tag": ("env=prod",)}, 5),
        ({"os": ("windows",)}, 0),
        ({"resource_group": ("RG-*",)}, 17),
        ({"power_state": ("running",), "patch_mode": ("Manual",)}, 17),
    ],
)
def test_the_rules_hold_that_a_set_can_answer(wanted: dict[str, tuple[str, ...]], vms: int) -> None:
    sets = told(row_of("pool-1", 5), row_of("pool-2", 12, location="northeurope", tags=None))
    assert uniform_vms([sets], rules_of(wanted)) == vms


@pytest.mark.parametrize("capacity", [None, "5", -1, 2.5, True])
def test_a_set_without_a_number_of_vms_leaves_the_sum_untold(capacity: object) -> None:
    assert uniform_vms([told(row_of("pool-1", 5)), told(row_of("pool-2", capacity))], []) is None


def test_a_refused_query_leaves_the_sum_untold() -> None:
    assert uniform_vms([told(status=403)], []) is None


def truth_of(cloud: Cloud) -> int:
    """What the simulated sets hold, by Graph's own rows."""
    query = "resources | where type =~ 'microsoft.compute/virtualmachinescalesets' | order by id asc"
    url = f"{ARM}/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    reply = cloud.handle(Request("POST", url, json.dumps({"query": query}).encode()), 0.0)
    rows = json.loads(reply.body)["data"]
    return sum(
        row["sku"]["capacity"] for row in rows if row["properties"].get("orchestrationMode") != "Flexible"
    )


@in_virtual_time
async def test_a_scan_says_how_many_there_are_and_scans_those_of_flexible_sets(tmp_path: Any) -> None:
    cloud = cloud_of(machines=30, uniform_scale_sets=9, flexible_scale_sets=4)
    truth = truth_of(cloud)
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run"))
    assert truth > 9
    assert len(run.rows) == 30
    assert summary.exit_code == 0
    assert run.fleet["uniform_scale_set_vms"] == run.facts["scope"]["uniform_scale_set_vms"] == truth
    report = report_of(open_run(tmp_path / "run"))
    assert report["uniform_scale_set_vms"] == truth
    words = f"**Not seen**: {truth} VMs in scale sets of uniform mode, which Azure cannot assess"
    assert words in markdown_of(report, Spelled("fleetscan show", None, None))


@pytest.mark.parametrize(("how", "source"), [({}, "compute"), ({"graph": "denied"}, "auto")])
@in_virtual_time
async def test_the_number_is_unknown_where_graph_does_not_tell(
    how: dict[str, Any], source: str, tmp_path: Any
) -> None:
    cloud = cloud_of(machines=5, uniform_scale_sets=9, **how)
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", inventory_source=source))
    assert run.fleet["uniform_scale_set_vms"] is None


@in_virtual_time
async def test_a_plan_counts_them_and_the_arc_servers(tmp_path: Any) -> None:
    cloud = cloud_of(machines=10, arc_servers=20, uniform_scale_sets=9, stopped_pct=40.0)
    settings = PlanSettings(include_arc=True)
    roster = await list_over(Transport(cloud), settings, hooks=Hooks(), stop=anyio.Event())
    plan = foresee(roster, settings, warn=lambda sentence: None)
    connected = sum(each.is_arc and each.lot.power_state == "running" for each in cloud.fleet)
    assert plan["uniform_scale_set_vms"] == truth_of(cloud)
    assert plan["arc"] == {"listed": 20, "to_assess": connected}
    assert 0 < connected < 20
    words = io.StringIO()
    print_plan(plan, stream=words)
    assert f"Arc servers  {connected} to assess: each can be billed, $0.16 a day" in words.getvalue()
    assert f"Not seen     {truth_of(cloud)} VMs in scale sets of uniform mode" in words.getvalue()
