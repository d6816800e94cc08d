"""Whole scans, retries and plans of a selection: what is not selected is no part of the fleet."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from fleetscan.errors import SettingError, UsageError
from fleetscan.inventory.rules import KINDS as RULE_KINDS
from fleetscan.planning.planner import list_over
from fleetscan.records.asked import KINDS, RULES
from fleetscan.report.comparison import diff_of
from fleetscan.runs.reader import open_run
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import check, scan_over
from fleetscan.settings.declared import PlanSettings, Settings
from fleetscan.settings.selecting import ListSettings
from fleetscan.settings.setting import settings_of
from tests.scanner.test_whole_scans import Notes, Transport, cloud_of, run_of, settings_for
from tests.virtual_scan import in_virtual_time


@in_virtual_time
async def test_a_vm_that_is_not_selected_has_no_row_and_is_in_no_total(tmp_path: Path) -> None:
    cloud = cloud_of(machines=60, stopped_pct=10.0)
    settings = settings_for(tmp_path / "run", os=("windows",), exclude_location=("West Europe",))
    summary, run = await run_of(Transport(cloud), settings)
    right = {
        machine.key
        for machine in cloud.fleet
        if machine.image.os_type == "Windows" and machine.region != "westeurope"
    }
    assert summary.exit_code == 0
    assert set(run.by_id) == right
    assert run.fleet["listed"] == len(right)
    for told in (run.fleet["selection"], run.facts["selection"]):
        assert (told["os"], told["exclude_location"]) == (["windows"], ["West Europe"])
        assert (told["tag"], told["inventory_source"]) == ([], "auto")


@in_virtual_time
async def test_a_selection_of_nothing_ends_with_0_and_names_the_rule(tmp_path: Path) -> None:
    notes = Notes()
    settings = settings_for(tmp_path / "run", tag=("owner", "environment=nowhere"))
    summary, run = await run_of(Transport(cloud_of()), settings, notes)
    assert (summary.exit_code, run.fleet["listed"]) == (0, 0)
    assert "no VMs selected: none is left by tag environment=nowhere" in run.facts["warnings"]


@in_virtual_time
async def test_a_vm_that_a_later_run_does_not_select_is_not_gone(tmp_path: Path) -> None:
    cloud = cloud_of(machines=40, stopped_pct=10.0)
    _, whole = await run_of(Transport(cloud), settings_for(tmp_path / "whole"))
    for name, rule in (("tag", "owner"), ("exclude_os", "linux"), ("power_state", "running")):
        _, part = await run_of(Transport(cloud), settings_for(tmp_path / name, **{name: (rule,)}))
        assert 0 < len(part.rows) < len(whole.rows)
        diff = diff_of(open_run(tmp_path / "whole"), open_run(tmp_path / name))
        assert (diff["gone"]["count"], diff["only_old"]) == (0, len(whole.rows) - len(part.rows))
        assert not diff["is_same_selection"]


def test_the_rules_that_make_a_run_a_part_are_those_there_are() -> None:
    assert tuple(KINDS) == tuple(RULE_KINDS)
    assert {*RULES} <= {each.attribute for each in settings_of(ListSettings)}


@in_virtual_time
async def test_a_plan_is_of_the_selection() -> None:
    cloud = cloud_of(machines=60)
    settings = PlanSettings(name=("web-*", "sql-*"))
    roster = await list_over(Transport(cloud), settings, hooks=Hooks(), stop=anyio.Event())
    assert roster.listed == sum(machine.name.startswith(("web-", "sql-")) for machine in cloud.fleet) > 0


@in_virtual_time
async def test_a_retry_is_of_the_selected_vms_of_the_run(tmp_path: Path) -> None:
    cloud = cloud_of(machines=60, failing_pct=60.0)
    _, first = await run_of(Transport(cloud), settings_for(tmp_path / "first"))
    failed = {row["resource_id"].lower() for row in first.rows if row["outcome"] in ("failed", "timed_out")}
    selected = {key for key in failed if "/virtualmachines/web-" in key}
    assert 0 < len(selected) < len(failed)
    retried = settings_for(tmp_path / "again", retry_failed=str(tmp_path / "first"), name=("web-*",))
    _, again = await run_of(Transport(cloud), retried)
    assert set(again.by_id) == selected
    # The power state of an earlier run is not known any more.
    notes = Notes()
    running = settings_for(tmp_path / "none", retry_failed=str(tmp_path / "first"), power_state=("running",))
    summary = await scan_over(Transport(cloud), running, hooks=notes)
    assert summary.directory is None


class Unasked:
    """Tokens that must not be asked for."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} is asked for")


@in_virtual_time
async def test_contradictory_rules_end_with_2_before_anything_is_asked(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run", os=("windows",), exclude_os=("Windows",))
    with pytest.raises(UsageError, match="no VM can pass both os windows and exclude-os Windows") as refused:
        await scan_over(Transport(cloud_of()), settings)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "run").exists()
    no_token = Settings(os=("windows",), exclude_os=("windows",), runs=str(tmp_path), resume=True)
    with pytest.raises(UsageError, match="no VM can pass both"):
        await scan_over(Transport(cloud_of()), no_token, tokens=Unasked())  # type: ignore[arg-type]


def test_a_run_does_not_tell_what_is_below_a_management_group() -> None:
    with pytest.raises(UsageError, match="a run does not tell what is below a management group"):
        check(Settings(retry_failed="run", management_group=("corp",)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"tag": ("=prod",)},
        {"tag": ("!=prod",)},
        {"tag": (" ",)},
        {"os": ("solaris",)},
        {"power_state": ("on",)},
        {"patch_mode": ("Automatic",)},
        {"management_group": ("../subscriptions",)},
        {"management_group": ("..",)},
        {"management_group": ("a/b",)},
        {"name": ("",)},
        {"inventory_source": "graph"},
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        Settings(**wrong)  # type: ignore[arg-type]
