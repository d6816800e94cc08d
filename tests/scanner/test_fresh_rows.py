"""Earlier assessments: which count, what their rows tell, and that nothing else is asked of their VMs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from fleetscan.errors import CannotScanError, UsageError
from fleetscan.model import Reply, Request
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.strict_reader import Run, read_run
from tests.virtual import ENDPOINT, EPOCH, cloud_of
from tests.virtual_scan import Clock, run_to_end, virtual

DAY_S = 86_400.0
Change = Callable[[Request, Reply], Reply]


class Wire:
    """A simulated Azure 50 ms away that notes the VMs that are started, and the queries for patches."""

    def __init__(self, cloud: Cloud, clock: Clock, change: Change = lambda _, reply: reply) -> None:
        self._cloud = cloud
        self._clock = clock
        self._change = change
        self.started: list[str] = []
        self.queries: list[str] = []

    async def exchange(self, request: Request) -> Reply:
        if "/assessPatches" in request.url:
            self.started.append(request.url.partition(ENDPOINT)[2].lower().partition("/assesspatches")[0])
        if b"patchassessmentresources | where type" in request.body:
            self.queries.append(json.loads(request.body)["query"])
        reply = self._cloud.handle(request, self._clock.now)
        await anyio.sleep(0.05)
        return self._change(request, reply)


def scan(wire: Wire, clock: Clock, out: Path, **more: Any) -> ScanSummary:
    with virtual(clock):
        return run_to_end(scan_over(wire, Settings(endpoint=ENDPOINT, out=str(out), **more)), clock)


def all_rows(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """What Graph's table has of each VM, read plainly: its summary, and its patches."""
    found: dict[str, dict[str, Any]] = {}
    query = (
        "patchassessmentresources | where type in~ ("
        "'microsoft.compute/virtualmachines/patchassessmentresults', "
        "'microsoft.compute/virtualmachines/patchassessmentresults/softwarepatches') "
        "| project id, type, properties | order by id asc"
    )
    token: str | None = None
    at = 0.0
    while True:
        options = {"$top": 1000} | ({} if token is None else {"$skipToken": token})
        body = json.dumps({"subscriptions": [], "query": query, "options": options}).encode()
        url = f"{ENDPOINT}/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
        reply = json.loads(cloud.handle(Request("POST", url, body), at).body)
        for row in reply["data"]:
            key = row["id"].lower().partition("/patchassessmentresults/")[0]
            one = found.setdefault(key, {"summary": None, "patches": []})
            if row["type"].lower().endswith("/softwarepatches"):
                one["patches"].append(row["properties"])
            else:
                one["summary"] = row["properties"]
        token = reply.get("$skipToken")
        if token is None:
            return found


def is_fresh(summary: dict[str, Any] | None, max_age_s: float) -> bool:
    """The rule once more, written for one plain row."""
    if summary is None or summary["status"] not in ("Succeeded", "CompletedWithWarnings"):
        return False
    if not summary.get("availablePatchCountByClassification"):
        return False
    age_s = (EPOCH - datetime.fromisoformat(summary["lastModifiedDateTime"])).total_seconds()
    return -300 <= age_s <= max_age_s


def seeded(seed: int, **more: Any) -> Cloud:
    """A fleet with assessments of all ages and ends, with gaps and dead ones."""
    plain: dict[str, Any] = {
        "machines": 120 + 40 * (seed % 3),
        "seed": seed,
        "speed": 600.0,
        "patches": 12,
        "page_size": (1000, 37, 100)[seed % 3],
        "stopped_pct": 10.0,
        "warned_pct": 20.0,
        "assessed_before_pct": 80.0,
        "earlier_least_days": 0.0,
        "earlier_most_days": 8.0,
        "earlier_failed_pct": 10.0,
        "earlier_gaps_pct": 20.0,
        "stuck_pct": 8.0,
        "wrong_clock_pct": 5.0,
        "failing_pct": 3.0,
    }
    return cloud_of(Scenario(**(plain | more)))


@pytest.mark.parametrize("seed", range(8))
def test_each_row_equals_a_plain_evaluation(tmp_path: Path, seed: int) -> None:
    max_age_s = (DAY_S, 3 * DAY_S, 7 * DAY_S)[seed % 3]
    plain, stopped = (
        all_rows(seeded(seed, limits_speed=0.0)),
        ("stopped", "deallocated", "stopping", "deallocating"),
    )
    clock, cloud = Clock(), seeded(seed)
    wire = Wire(cloud, clock)
    scan(wire, clock, tmp_path / "run", max_age_s=max_age_s)
    rows = read_run(tmp_path / "run").rows
    fresh = {key for key, one in plain.items() if is_fresh(one["summary"], max_age_s)}
    assert {row["resource_id"].lower() for row in rows if row["reason"] == "fresh"} == fresh
    assert 10 < len(fresh) < len(rows) - 10
    assert not fresh & set(wire.started)
    for row in rows:
        key = row["resource_id"].lower()
        if key in fresh:
            check_fresh(row, plain[key])
        elif row["power_state"] in stopped:
            assert (row["outcome"], row["reason"]) == ("skipped", "not_running")
        else:
            assert row["reason"] == "busy" or key in wire.started or row["source"] == "instance_view"


def check_fresh(row: dict[str, Any], told: dict[str, Any]) -> None:
    """The row of a fresh VM, by what Graph tells of it."""
    summary = told["summary"]
    counts = {name.lower(): count for name, count in summary["availablePatchCountByClassification"].items()}
    pressing = counts.get("critical", 0) + counts["security"]
    assert (row["outcome"], row["source"], row["operation"]) == ("assessed", "graph", None)
    assert row["critical_and_security_count"] == pressing
    assert row["critical_and_security_count"] + row["other_count"] == sum(counts.values())
    assert row["patch_count"] == len(told["patches"])
    by_id = {patch["patchId"]: patch for patch in told["patches"]}
    assert {patch["patchId"]: patch for patch in row["assessment"]["patches"]} == by_id
    assert {**row["assessment"], "patches": None} == {**summary, "patches": None}
    is_whole = len(told["patches"]) == sum(counts.values())
    assert row["patches_complete"] is is_whole
    made_at = datetime.fromisoformat(summary["lastModifiedDateTime"])
    assert abs((datetime.fromisoformat(row["assessed_at"]) - made_at).total_seconds()) < 0.001


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("with_patches", [False, True])
def test_cached_only_starts_nothing_and_tells_each_vm_as_it_is(
    tmp_path: Path, seed: int, with_patches: bool
) -> None:
    plain = all_rows(seeded(seed, limits_speed=0.0))
    max_age_s = (None, 2 * DAY_S)[seed % 2]
    clock = Clock()
    wire = Wire(seeded(seed), clock)
    more = {"cached_only": True, "with_patches": with_patches, "max_age_s": max_age_s}
    summary = scan(wire, clock, tmp_path / "run", **more)
    run = read_run(tmp_path / "run")
    assert summary.exit_code == 0
    requests = run.fleet["requests"]
    assert (wire.started, requests["start"], requests["poll"]) == ([], 0, 0)
    fresh = {key for key, one in plain.items() if is_fresh(one["summary"], max_age_s or 7 * DAY_S + 3600)}
    assert {row["resource_id"].lower() for row in run.rows if row["outcome"] == "assessed"} == fresh
    for row in run.rows:
        key = row["resource_id"].lower()
        if key in fresh and with_patches:
            check_fresh(row, plain[key])
        elif key in fresh:
            assert (row["patch_count"], row["patches_complete"]) == (None, None)
            assert row["assessment"] == plain[key]["summary"]
        else:
            is_stopped = row["power_state"] not in ("running", None, "starting")
            assert row["reason"] == ("not_running" if is_stopped else "not_cached")


def test_an_audit_of_forty_fresh_vms_asks_three_things_and_takes_no_second(tmp_path: Path) -> None:
    """Named by their ids, whatever else the tenant has."""
    cloud, clock = cloud_of(Scenario(machines=3000, failing_pct=0.0, assessed_before_pct=100.0)), Clock()
    names = [machine.resource_id for machine in list(cloud.fleet)[::75]]
    file = tmp_path / "vms.txt"
    file.write_text("\n".join(names))
    wire = Wire(cloud, clock)
    summary = scan(wire, clock, tmp_path / "run", max_age_s=7 * DAY_S, inventory=str(file))
    assert (summary.exit_code, summary.totals["listed"], wire.started) == (0, 40, [])
    assert summary.totals["reasons"] == {"fresh": 40}
    # The counts of the forty, and their patches with at most a thousand rows a page.
    assert len(wire.queries) == 2
    assert clock.now < 1.0


def test_a_young_assessment_that_runs_is_no_fresh_one_and_a_dead_one_is_said(tmp_path: Path) -> None:
    clock = Clock()
    wire = Wire(cloud_of(Scenario(machines=60, stopped_pct=0.0, stuck_pct=30.0)), clock)
    scan(wire, clock, tmp_path / "run", cached_only=True)
    told = read_run(tmp_path / "run").facts["warnings"]
    assert any("shown as running for more than 6 h: it does not count" in line for line in told)


def broken(status: int, after: int = 0) -> Change:
    """Graph's table of patches answers with an error, after some replies."""
    asked = Counter[str]()

    def change(request: Request, reply: Reply) -> Reply:
        if b"patchassessmentresources | where type in~" not in request.body:
            return reply
        asked["all"] += 1
        return (
            reply if asked["all"] <= after else Reply(status, {}, b'{"error":{"code":"No","message":"no"}}')
        )

    return change


def test_where_graph_cannot_be_read_max_age_assesses_all_and_says_so(tmp_path: Path) -> None:
    clock = Clock()
    wire = Wire(cloud_of(Scenario(machines=30, failing_pct=0.0)), clock, broken(403))
    summary = scan(wire, clock, tmp_path / "run", max_age_s=7 * DAY_S)
    run = read_run(tmp_path / "run")
    assert summary.exit_code == 0
    assert "fresh" not in summary.totals["reasons"]
    assert len(wire.started) == summary.totals["outcomes"]["assessed"]
    assert any("VMs are assessed instead" in line for line in run.facts["warnings"])


def test_where_graph_cannot_be_read_cached_only_says_of_no_vm_that_nothing_is_known(tmp_path: Path) -> None:
    clock = Clock()
    wire = Wire(cloud_of(Scenario(machines=30)), clock, broken(403))
    summary = scan(wire, clock, tmp_path / "run", cached_only=True)
    assert summary.exit_code == 4
    assert isinstance(summary.stopped_by, CannotScanError)
    assert summary.totals["outcomes"]["interrupted"] == summary.totals["listed"]
    assert read_run(tmp_path / "run").rows == []


def test_a_cached_run_whose_graph_fails_midway_is_resumed_to_the_same_rows(tmp_path: Path) -> None:
    scenario = Scenario(machines=1600, subscriptions=1, patches=2)
    clock = Clock()
    stopped = scan(
        Wire(cloud_of(scenario), clock, broken(403, after=1)), clock, tmp_path / "run", cached_only=True
    )
    some = len(read_run(tmp_path / "run").rows)
    assert (stopped.exit_code, 0 < some < 1600) == (5, True)
    resumed = scan(Wire(cloud_of(scenario), clock), clock, tmp_path / "run", cached_only=True, resume=True)
    whole, clock = read_run(tmp_path / "run"), Clock()
    scan(Wire(cloud_of(scenario), clock), clock, tmp_path / "other", cached_only=True)
    assert resumed.exit_code == 0
    assert by_id(whole) == by_id(read_run(tmp_path / "other"))


def by_id(run: Run) -> dict[str, Any]:
    return {row["resource_id"]: {**row, "scan_id": None} for row in run.rows}


@pytest.mark.parametrize("graph", ["endless", "hollow", "broken"])
def test_a_graph_without_an_end_is_no_fleet_without_assessments(tmp_path: Path, graph: str) -> None:
    """The VMs come through Compute then."""
    clock = Clock()
    cloud = cloud_of(Scenario(machines=80, graph=graph))  # type: ignore[arg-type]
    summary = scan(Wire(cloud, clock), clock, tmp_path / "run", cached_only=True, inventory_source="compute")
    assert summary.exit_code in (4, 5)
    assert all(row["reason"] != "not_cached" for row in read_run(tmp_path / "run").rows)


def test_a_subscription_that_graph_is_silent_about_is_said(tmp_path: Path) -> None:
    clock = Clock()
    wire = Wire(cloud_of(Scenario(machines=80, hidden_subscriptions=1)), clock)
    scan(wire, clock, tmp_path / "run", cached_only=True)
    told = read_run(tmp_path / "run").facts["warnings"]
    assert "Resource Graph shows no earlier assessment in 1 subscription listed through Compute" in told


def test_a_run_with_an_age_that_is_stopped_is_resumed_to_one_row_a_vm(tmp_path: Path) -> None:
    scenario = Scenario(machines=200, failing_pct=0.0, stopped_pct=10.0, long_pct=0.0)
    cloud, clock = cloud_of(scenario), Clock()
    stopped = scan(Wire(cloud, clock), clock, tmp_path / "run", max_age_s=3 * DAY_S, deadline_s=20.0)
    fresh = {row["resource_id"] for row in read_run(tmp_path / "run").rows if row["reason"] == "fresh"}
    assert (stopped.exit_code, len(fresh) > 40) == (5, True)
    wire = Wire(cloud, clock)
    resumed = scan(wire, clock, tmp_path / "run", max_age_s=3 * DAY_S, resume=True)
    rows = read_run(tmp_path / "run").rows
    assert (resumed.exit_code, len(rows)) == (0, 200)
    assert len({row["resource_id"].lower() for row in rows}) == 200
    assert not {key.lower() for key in fresh} & set(wire.started)


def test_a_run_of_earlier_assessments_is_never_the_latest_and_no_other_scan_goes_on_with_it(
    tmp_path: Path,
) -> None:
    scenario, runs = Scenario(machines=1600, subscriptions=1, patches=2, speed=600.0), tmp_path / "runs"
    clock = Clock()

    def scan_under_runs(wire: Wire, **more: Any) -> ScanSummary:
        with virtual(clock):
            settings = Settings(endpoint=ENDPOINT, runs=str(runs), **more)
            return run_to_end(scan_over(wire, settings), clock)

    stopped = scan_under_runs(Wire(cloud_of(scenario), clock, broken(403, after=1)), cached_only=True)
    other = scan_under_runs(Wire(cloud_of(scenario), clock), resume=True, limit=3)
    whole = scan_under_runs(Wire(cloud_of(scenario), clock), cached_only=True, resume=True)
    assert (stopped.exit_code, whole.exit_code) == (5, 0)
    assert stopped.directory == whole.directory != other.directory
    assert not (runs / "latest").exists()


def test_patches_alone_need_earlier_assessments_to_be_about() -> None:
    with pytest.raises(UsageError, match="with-patches is about earlier assessments"):
        Settings(with_patches=True).check_together()


@pytest.mark.parametrize("seed", range(2))
def test_a_scan_with_an_age_ends_as_one_without_where_nothing_is_fresh(tmp_path: Path, seed: int) -> None:
    scenario = Scenario(machines=40, seed=seed, assessed_before_pct=0.0, failing_pct=0.0)
    runs = []
    for name, more in (("with", {"max_age_s": DAY_S}), ("without", {})):
        clock = Clock()
        scan(Wire(cloud_of(scenario), clock), clock, tmp_path / name, **more)
        runs.append({row["resource_id"]: row["outcome"] for row in read_run(tmp_path / name).rows})
    assert all(one == other for one, other in pairwise(runs))
