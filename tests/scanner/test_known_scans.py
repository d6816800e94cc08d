"""Scans with --facts: rows and sums are what a plain look at the simulated world finds, resumed or not."""

from __future__ import annotations

from collections import Counter
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from fleetscan.judgement.gates import breaches, gates_of
from fleetscan.model import Reply, Request
from fleetscan.records.known_facts import COUNTED, NAMES
from fleetscan.report.digest import report_of
from fleetscan.report.fact_words import HEADING, fact_clauses
from fleetscan.report.markdown import markdown_of
from fleetscan.report.terminal import print_report
from fleetscan.runs.reader import open_run
from fleetscan.scanner.live import scan_over
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.maintenance import PATCH_NAMES
from tests.report.test_report_on_a_screen import SPELLED
from tests.scanner.test_whole_scans import Notes, StopAfter, Transport, cloud_of, run_of, settings_for
from tests.strict_reader import read_run
from tests.virtual_scan import in_virtual_time

NEW_YEAR = date(2026, 1, 1)
# By what each old or new system of the simulated fleet tells of itself.
ENDS = {
    ("Windows Server 2022", ""): "2031-10-14",
    ("Windows Server 2019", ""): "2029-01-09",
    ("Windows Server 2016", ""): "2027-01-12",
    ("Windows Server 2012 R2", ""): "2023-10-10",
    ("ubuntu", "24.04"): "2029-04-30",
    ("ubuntu", "22.04"): "2027-04-30",
    ("ubuntu", "20.04"): "2025-05-31",
    ("ubuntu", "18.04"): "2023-05-31",
    ("redhat", "9.4"): "2032-05-31",
    ("redhat", "8.10"): "2029-05-31",
    ("redhat", "7.9"): "2024-06-30",
    ("sles", "15.5"): "2024-12-31",
    ("sles", "12.5"): "2024-10-31",
    ("debian", "12.7"): "2028-06-30",
    ("debian", "10.13"): "2024-06-30",
}
RESULTS = {
    "succeeded": ("Succeeded", 0, 0, False, "NotNeeded"),
    "failed": ("Failed", 3, 0, False, "NotNeeded"),
    "exceeded": ("CompletedWithWarnings", 0, 5, True, "NotNeeded"),
    "reboot": ("Succeeded", 0, 1, False, "Required"),
}
WRITTEN = "facts_read", "last_installation_at"


def plain_look(machine: Machine) -> dict[str, Any]:
    """What is true of a machine, as its lot says it."""
    lot, image, things = machine.lot, machine.image, machine.lot.known
    usual = {"ubuntu": "APT", "debian": "APT", "redhat": "YUM", "suse": "Zypper"}.get(image.distro, "WU")
    [ends_on] = {
        day
        for (name, version), day in ENDS.items()
        if image.os_name.startswith(name) and version in ("", image.os_version)
    }
    last = max(things.installations, key=lambda each: each.began_at, default=None)
    by_platform = lot.patch_mode == "AutomaticByPlatform"
    status, failed, pending, exceeded, reboot = (None,) * 5 if last is None else RESULTS[last.result]
    return {
        "patch_service": things.patch_service or usual,
        "maintenance_has_effect": by_platform and things.bypasses_checks if things.has_schedule else None,
        "last_installation_status": status,
        "last_installation_failed": failed,
        "last_installation_pending": pending,
        "last_installation_window_exceeded": exceeded,
        "last_installation_reboot": reboot,
        "periodic_assessment": lot.assessment_mode == "AutomaticByPlatform",
        "os_support_ends_on": ends_on,
        "os_support_ended": date.fromisoformat(ends_on) < NEW_YEAR,
    }


def counts_of(rows: list[dict[str, Any]]) -> list[int]:
    """The counts, in the order of the totals, over rows of which all was read."""
    return [
        sum("WSUS" in (row["patch_service"] or "") for row in rows),
        sum(row["maintenance_has_effect"] is False for row in rows),
        sum(bool(row["last_installation_failed"]) for row in rows),
        sum(bool(row["last_installation_window_exceeded"]) for row in rows),
        sum(row["periodic_assessment"] is False for row in rows),
        sum(row["os_support_ended"] is True for row in rows),
    ]


def misleading(seed: int = 1, machines: int = 80, **more: object) -> Cloud:
    return cloud_of(machines=machines, seed=seed, misleading_pct=35, assessed_before_pct=100, **more)


@pytest.mark.parametrize("seed", range(1, 5))
def test_rows_are_what_a_plain_look_at_the_world_finds(seed: int, tmp_path: Path) -> None:
    @in_virtual_time
    async def scan() -> None:
        cloud = misleading(seed, stuck_pct=30, page_size=7)
        _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", facts=True))
        assert len(run.rows) == 80
        for machine in cloud.fleet:
            row, wanted = run.by_id[machine.key], plain_look(machine)
            if machine.lot.stuck is not None and not machine.lot.stuck.is_installation:
                # An assessment that died: its row tells no service.
                wanted["patch_service"] = None
            assert {name: row[name] for name in wanted} == wanted, machine.key
            name = (row["maintenance_configuration"] or "").partition("/maintenanceConfigurations/")[2]
            assert (name in PATCH_NAMES) is machine.lot.known.has_schedule
            assert bool(row["last_installation_at"]) is bool(machine.lot.known.installations)
        for line in run.totals:
            if line["scope"] == "fleet" or line["scope"] == "os_type":
                of_line = [row for row in run.rows if line["key"] in (None, row["os_type"])]
                assert [line[name] for name in COUNTED] == counts_of(of_line)

    scan()


@in_virtual_time
async def test_without_the_flag_nothing_is_asked_and_all_of_it_is_null(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def listen(request: Request, reply: Reply) -> Reply:
        asked.append(request.body)
        return reply

    _, run = await run_of(Transport(misleading(), listen), settings_for(tmp_path / "run"))
    assert {row[name] for row in run.rows for name in NAMES} == {None}
    assert {line[name] for line in run.totals for name in COUNTED} == {None}
    assert not any(b"maintenanceresources" in body for body in asked)


@in_virtual_time
async def test_a_resumed_run_has_the_same_facts_and_the_same_sums(tmp_path: Path) -> None:
    cloud, out = misleading(), tmp_path / "run"
    hooks = StopAfter(rows=10)
    settings = settings_for(out, max_in_flight=4, drain_s=0.0, facts=True)
    stopped = await scan_over(Transport(cloud), settings, hooks=hooks, stop=hooks.stop)
    assert stopped.exit_code == 5
    partly = read_run(out).fleet
    assert (await scan_over(Transport(cloud), settings_for(out, facts=True, resume=True))).exit_code == 0
    run = read_run(out)
    assert {name: run.fleet[name] for name in COUNTED} == {name: partly[name] for name in COUNTED}
    assert [run.fleet[name] for name in COUNTED] == counts_of(run.rows)
    assert all(row["facts_read"] for row in run.rows)


@pytest.mark.parametrize(
    ("table", "unknown", "said"),
    [
        ("patchassessmentresources", ["wsus"], "patch services are unknown"),
        (
            "patchinstallationresources",
            ["failed_installation", "window_exceeded"],
            "last installations are unknown",
        ),
        ("maintenanceresources", ["schedule_without_effect"], "maintenance schedules are unknown"),
    ],
)
def test_a_table_that_is_refused_is_a_warning_and_an_unknown_figure(
    table: str, unknown: list[str], said: str, tmp_path: Path
) -> None:
    def refuse(request: Request, reply: Reply) -> Reply:
        is_of_table = f'"{table} | where type in~'.encode() in request.body
        is_assigned = f"\"{table} | where type =~ 'microsoft.maintenance".encode() in request.body
        return Reply(403, body=b'{"error":{"code":"No"}}') if is_of_table or is_assigned else reply

    @in_virtual_time
    async def scan() -> None:
        notes = Notes()
        summary, run = await run_of(
            Transport(misleading(), refuse), settings_for(tmp_path / "run", facts=True), notes
        )
        assert summary.exit_code == 0
        assert f"Resource Graph was denied (403 No): {said}" in notes.warnings
        assert [name for name in COUNTED if run.fleet[name] is None] == unknown
        assert run.facts["warnings"][0].endswith(said)

    scan()


@in_virtual_time
async def test_of_vms_that_graph_hides_nothing_is_concluded(tmp_path: Path) -> None:
    notes = Notes()
    cloud = misleading(hidden_subscriptions=1)
    _, run = await run_of(Transport(cloud), settings_for(tmp_path / "run", facts=True), notes)
    hidden = cloud.fleet.estate.subscriptions[0].subscription_id
    of_hidden = [row for row in run.rows if row["subscription_id"] == hidden]
    assert {row[name] for row in of_hidden for name in NAMES} == {None}
    assert all(run.fleet[name] is None for name in COUNTED)
    assert any(f"does not show {len(of_hidden)} VMs: no facts are known of them" in w for w in notes.warnings)
    shown = [each for each in run.totals if each["scope"] == "subscription" and each["key"] != hidden]
    assert all(line["periodic_assessment_off"] is not None for line in shown)


@in_virtual_time
async def test_of_arc_servers_no_facts_are_read_and_a_warning_says_so(tmp_path: Path) -> None:
    notes, cloud = Notes(), misleading(arc_servers=3)
    settings = settings_for(tmp_path / "run", facts=True, include_arc=True)
    _, run = await run_of(Transport(cloud), settings, hooks=notes)
    assert "facts are read of VMs alone: none are known of 3 Arc servers" in notes.warnings
    assert not any("does not show" in warning for warning in notes.warnings)
    assert {row["facts_read"] for row in run.rows if row["kind"] == "arc"} == {None}
    assert run.fleet["unsupported_os"] is None


@in_virtual_time
async def test_a_gate_on_a_fact_is_breached_by_its_figure_and_by_not_knowing_it(tmp_path: Path) -> None:
    await scan_over(Transport(misleading()), settings_for(tmp_path / "known", facts=True))
    await scan_over(Transport(misleading()), settings_for(tmp_path / "unknown"))
    gates = gates_of("wsus>0, unsupported_os>1000")
    known, unknown = (open_run(tmp_path / name).totals() for name in ("known", "unknown"))
    [breach] = breaches(gates, known, None)
    assert breach.sentence == f"wsus is {known['wsus']}, more than 0: of 80 VMs listed"
    why = "it takes a scan that reads facts, and Resource Graph telling it of the VMs listed"
    assert [each.sentence for each in breaches(gates, unknown, None)] == [
        f"wsus is unknown, which breaches wsus>0: {why}",
        f"unsupported_os is unknown, which breaches unsupported_os>1000: {why}",
    ]


@in_virtual_time
async def test_an_earlier_runs_failures_are_retried_with_their_facts(tmp_path: Path) -> None:
    cloud = misleading(failing_pct=60.0, stopped_pct=0.0, warned_pct=0.0, truncated_pct=0.0)
    await scan_over(Transport(cloud), settings_for(tmp_path / "first"))
    _, run = await run_of(
        Transport(cloud),
        settings_for(tmp_path / "again", retry_failed=str(tmp_path / "first"), facts=True),
    )
    fates = Counter(machine.fate is Fate.SUCCEEDED for machine in cloud.fleet)
    assert 0 < len(run.rows) <= fates[False]
    assert any(row["facts_read"] for row in run.rows)


@in_virtual_time
async def test_every_view_tells_them_where_they_were_asked_for(tmp_path: Path) -> None:
    await scan_over(Transport(misleading()), settings_for(tmp_path / "with", facts=True))
    await scan_over(Transport(misleading()), settings_for(tmp_path / "without"))
    known, unknown = (report_of(open_run(tmp_path / name)) for name in ("with", "without"))
    clauses = [*fact_clauses(known["fleet"])]
    assert len(clauses) == 6
    stream = StringIO()
    print_report(known, stream=stream, spelled=SPELLED)
    assert all(clause in stream.getvalue() for clause in clauses)
    assert f"### {HEADING}\n\n- {clauses[0]}\n" in markdown_of(known, SPELLED)
    assert not [*fact_clauses(unknown["fleet"])]
    assert HEADING not in markdown_of(unknown, SPELLED)


def test_what_is_unknown_in_part_is_said_and_nothing_found_is_an_answer() -> None:
    told: Any = dict.fromkeys(COUNTED, 0)
    assert [*fact_clauses(told)] == ["nothing of what was read"]
    assert [*fact_clauses(told | {"wsus": 1, "unsupported_os": None})] == [
        "1 VM has a WSUS that decides what is missing",
        "unknown, at least in part: ends of OS support",
    ]
