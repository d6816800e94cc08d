"""Whole scans with Arc servers, in virtual time: listed where asked for, followed, found again where lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fleetscan.model import Request
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.ledger import Ask
from fleetscan.simulator.scenario import Scenario
from tests.scanner.test_whole_scans import Notes, Transport, cloud_of, run_of, settings_for
from tests.strict_reader import read_run
from tests.virtual import cloud_of as cloud_at_0
from tests.virtual_scan import Clock, in_virtual_time, scan_in_virtual_time

CLASSES = ("definition", "updateRollup", "featurePack", "servicePack", "tools", "updates", "other")


def servers_of(cloud: Cloud) -> set[str]:
    return {machine.key for machine in cloud.fleet if machine.is_arc}


@in_virtual_time
async def test_an_arc_server_is_neither_listed_nor_started_unless_asked_for(tmp_path: Path) -> None:
    cloud = cloud_of(machines=20, arc_servers=20)
    asked: list[str] = []

    def note(request: Request, reply: Any) -> Any:
        asked.append(request.url + request.body.decode())
        return reply

    summary, run = await run_of(Transport(cloud, note), settings_for(tmp_path / "run"))
    assert summary.exit_code == 0
    assert run.fleet["listed"] == 20
    assert {row["kind"] for row in run.rows} == {"vm"}
    assert servers_of(cloud).isdisjoint(cloud.ledger.starts)
    assert not [
        each
        for each in asked
        if "hybridcompute/machines/patch" not in each.lower() and "hybrid" in each.lower()
    ]


@in_virtual_time
async def test_each_connected_server_has_the_counts_that_azure_told_and_no_list(tmp_path: Path) -> None:
    cloud = cloud_of(machines=20, arc_servers=60, stopped_pct=30.0)
    summary, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", include_arc=True))
    servers = {key: row for key, row in run.by_id.items() if row["kind"] == "arc"}

    assert summary.exit_code == 0
    assert set(servers) == servers_of(cloud)
    assert run.fleet["listed"] == 80
    ended = {row["outcome"] for row in servers.values()}
    assert ended == {"assessed", "skipped"}
    for key, row in servers.items():
        server = cloud.fleet.machine(key)
        if server.lot.power_state == "running":
            result = cloud.ledger.result_of(key)
            assert result is not None
            counts: Any = result["availablePatchCountByClassification"]
            assert (row["outcome"], row["source"], row["power_state"]) == (
                "assessed",
                "operation",
                "connected",
            )
            assert row["assessment"] == result
            pressing = counts["security"] + counts.get("critical", 0)
            assert row["critical_and_security_count"] == pressing
            assert row["other_count"] == sum(counts.get(name, 0) for name in CLASSES)
            assert (row["patch_count"], row["patches_complete"]) == (None, None)
            assert cloud.ledger.starts[key] == 1
        else:
            assert (row["outcome"], row["reason"]) == ("skipped", "not_running")
            assert row["power_state"] in ("disconnected", "expired")
            assert cloud.ledger.starts[key] == 0


@in_virtual_time
async def test_an_arc_server_and_a_vm_of_one_name_and_group_are_two_machines(tmp_path: Path) -> None:
    cloud = cloud_of(machines=20, arc_servers=20, stopped_pct=0.0)
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", include_arc=True))
    names = [(row["subscription_id"], row["resource_group"].lower(), row["name"]) for row in run.rows]
    assert len(run.by_id) == 40
    assert len(names) - len(set(names)) == 2


@in_virtual_time
async def test_what_azure_tells_of_licenses_and_hotpatching_stands_in_the_rows(tmp_path: Path) -> None:
    cloud = cloud_of(machines=5, arc_servers=80)
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", include_arc=True))
    windows = [row for row in run.rows if row["kind"] == "arc" and row["os_type"] == "Windows"]
    others = [row for row in run.rows if row not in windows]
    assert {row["esu_status"] for row in windows} == {None, "Ineligible", "NotAssigned", "Assigned"}
    assert {row["hotpatch_status"] for row in windows} == {None, "Enabled", "Disabled", "PendingEvaluation"}
    assert {(row["esu_status"], row["hotpatch_status"]) for row in others} == {(None, None)}
    assert all(row["os_name"] and row["os_version"] for row in windows)


@pytest.mark.parametrize(
    "how",
    [
        {"inventory_source": "compute"},
        {"graph": "denied"},
        {"hidden_subscriptions": 2},
        {"empty_subscriptions": 4},
    ],
    ids=str,
)
@in_virtual_time
async def test_every_way_of_listing_finds_the_same_servers(how: dict[str, Any], tmp_path: Path) -> None:
    source = how.pop("inventory_source", "auto")
    cloud = cloud_of(machines=20, arc_servers=30, page_size=7, **how)
    settings = settings_for(tmp_path / "run", include_arc=True, inventory_source=source)
    summary, run = await run_of(Transport(cloud), settings)
    assert summary.exit_code == 0
    assert set(run.by_id) == {machine.key for machine in cloud.fleet}
    told = {key: (row["os_type"], row["power_state"], row["patch_mode"]) for key, row in run.by_id.items()}
    plain = cloud_of(machines=20, arc_servers=30)
    _, run = await run_of(Transport(plain), settings_for(tmp_path / "plain", include_arc=True))
    assert told == {
        key: (row["os_type"], row["power_state"], row["patch_mode"]) for key, row in run.by_id.items()
    }


@pytest.mark.parametrize(
    "rule",
    [
        {"os": ("linux",)},
        {"tag": ("environment=prod",)},
        {"exclude_tag": ("owner=team-crm",)},
        {"name": ("srv-*",)},
        {"exclude_name": ("srv-*",)},
        {"location": ("westeurope",)},
        {"resource_group": ("rg-crm-*",)},
        {"power_state": ("connected",)},
        {"exclude_power_state": ("disconnected",)},
        {"patch_mode": ("AutomaticByPlatform",)},
    ],
    ids=str,
)
@in_virtual_time
async def test_rules_hold_for_both_kinds_pushed_down_or_not(rule: dict[str, Any], tmp_path: Path) -> None:
    found = []
    for source in ("resource-graph", "compute"):
        cloud = cloud_of(machines=40, arc_servers=60, stopped_pct=20.0)
        settings = settings_for(tmp_path / source, include_arc=True, inventory_source=source, **rule)
        _, run = await run_of(Transport(cloud), settings)
        found.append(set(run.by_id))
    assert found[0] == found[1]
    assert found[0] & servers_of(cloud) or rule == {"exclude_name": ("srv-*",)}
    assert len(found[0]) < 100


@in_virtual_time
async def test_servers_of_a_file_are_left_out_and_said_unless_they_are_asked_for(tmp_path: Path) -> None:
    cloud = cloud_of(machines=3, arc_servers=2, stopped_pct=0.0)
    file = tmp_path / "machines.txt"
    file.write_text("".join(f"{machine.resource_id}\n" for machine in cloud.fleet))
    notes = Notes()
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "vms", inventory=str(file)), notes)
    assert len(run.rows) == 3
    assert notes.warnings == [
        f"2 Arc servers are left out of {file}: an assessed Arc server can be billed; "
        "set include-arc to scan them"
    ]
    assert servers_of(cloud).isdisjoint(cloud.ledger.starts)
    both = settings_for(tmp_path / "both", inventory=str(file), include_arc=True)
    _, run = await run_of(Transport(cloud), both)
    assert len(run.rows) == 5
    _, run = await run_of(
        Transport(cloud), settings_for(tmp_path / "again", inventory=str(tmp_path / "both"))
    )
    assert {row["kind"] for row in run.rows} == {"vm"}


@pytest.mark.parametrize("seed", range(1, 21))
def test_with_faults_each_server_has_one_row_and_none_of_our_own_starts_ends_another(
    seed: int, tmp_path: Path
) -> None:
    scenario = Scenario(
        machines=15,
        arc_servers=25,
        subscriptions=2,
        patches=3,
        seed=seed,
        faults_pct=8.0,
        graph_lag_s=60.0 if seed % 2 else 3.0,
        troubled_pct=10.0,
        failing_pct=20.0,
    )
    cloud = cloud_at_0(scenario)
    settings = Settings(
        out=str(tmp_path / "run"),
        include_arc=True,
        ignore_busy=True,
        operation_timeout_s=3600.0,
        with_patches=seed % 2 == 1,
    )
    scan_in_virtual_time(cloud, Clock(), settings)
    run = read_run(tmp_path / "run")
    assert set(run.by_id) == {machine.key for machine in cloud.fleet}
    assert cloud.ledger.superseded == []
    for key in servers_of(cloud):
        row = run.by_id[key]
        result = cloud.ledger.result_of(key)
        if row["outcome"] == "assessed" and row["source"] == "operation":
            assert row["assessment"] == result
        assert cloud.ledger.starts[key] <= 6
        assert cloud.ledger.accepted[key] <= 2


def test_a_stopped_run_with_servers_is_resumed_and_starts_none_twice(tmp_path: Path) -> None:
    cloud = cloud_at_0(Scenario(machines=10, arc_servers=30, patches=3, failing_pct=0.0, stopped_pct=0.0))
    clock = Clock()
    plain = {"out": str(tmp_path / "run"), "include_arc": True, "ignore_busy": True}
    first = scan_in_virtual_time(cloud, clock, Settings(**plain, deadline_s=90.0, drain_s=1.0))  # type: ignore[arg-type]
    assert first.exit_code == 5
    clock.now += 30.0
    second = scan_in_virtual_time(cloud, clock, Settings(**plain, resume=True))  # type: ignore[arg-type]
    run = read_run(tmp_path / "run")
    assert second.exit_code == 0
    assert {row["outcome"] for row in run.rows} == {"assessed"}
    assert len(run.rows) == 40
    assert set(cloud.ledger.accepted.values()) == {1}


def test_servers_are_polled_no_sooner_than_azure_asks_and_cost_nothing_of_compute_s_limits(
    tmp_path: Path,
) -> None:
    scenario = Scenario(
        machines=0,
        subscriptions=1,
        regions=1,
        arc_servers=1500,
        patches=1,
        failing_pct=0.0,
        stopped_pct=0.0,
        durations="regular",
    )
    cloud, clock = cloud_at_0(scenario), Clock()
    settings = Settings(out=str(tmp_path / "run"), include_arc=True, ignore_busy=True)
    scan_in_virtual_time(cloud, clock, settings)
    run = read_run(tmp_path / "run")
    assert {row["outcome"] for row in run.rows} == {"assessed"}
    # ARM alone binds: 200 starts at once and 10 a second; Compute's bucket would take 4.5 minutes.
    starts = sorted(row["operation"]["started_at"] for row in run.rows)
    assert starts[-1] < "2026-01-01T00:02:30Z"
    assert cloud.ledger.throttled[Ask.START] == 0
    longest = max(row["operation"]["duration_s"] / row["operation"]["polls"] for row in run.rows)
    assert longest >= 60.0
    assert all(row["operation"]["polls"] <= row["operation"]["duration_s"] / 60.0 + 1 for row in run.rows)


def test_a_server_with_a_running_installation_is_not_assessed_over_it(tmp_path: Path) -> None:
    scenario = Scenario(machines=0, arc_servers=40, patches=3, stopped_pct=0.0, installing_pct=50.0)
    cloud = cloud_at_0(scenario)
    installing = {machine.key for machine in cloud.fleet if machine.lot.installs_until is not None}
    settings = Settings(out=str(tmp_path / "run"), include_arc=True)
    scan_in_virtual_time(cloud, Clock(), settings)
    run = read_run(tmp_path / "run")
    skipped = {key for key, row in run.by_id.items() if row["reason"] == "busy"}
    assert cloud.ledger.installations_killed == []
    assert skipped
    assert skipped <= installing


@pytest.mark.parametrize("lag_s", [0.0, 25.0, 500.0])
def test_each_server_that_was_assessed_has_its_list_where_graph_shows_it_in_time(
    lag_s: float, tmp_path: Path
) -> None:
    scenario = {"machines": 5, "arc_servers": 20, "truncated_pct": 0.0, "speed": 1.0}
    cloud = cloud_of(**scenario, graph_lag_s=lag_s)  # type: ignore[arg-type]

    @in_virtual_time
    async def scan() -> None:
        how = {"first_poll_s": 60.0, "poll_interval_s": 30.0, "include_arc": True, "with_patches": True}
        settings = settings_for(tmp_path / "run", **how)
        await run_of(Transport(cloud), settings)

    scan()
    rows = [row for row in read_run(tmp_path / "run").rows if row["kind"] == "arc"]
    assessed = [row for row in rows if row["outcome"] == "assessed"]
    assert len(assessed) > 10
    for row in assessed:
        counted = row["critical_and_security_count"] + row["other_count"]
        told = ("graph", counted, True) if lag_s < 60.0 else ("operation", None, None)
        assert (row["source"], row["patch_count"], row["patches_complete"]) == told
        assert row["operation"]["starts"] == 1
        assert cloud.ledger.starts[row["resource_id"].lower()] == 1
