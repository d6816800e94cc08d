"""The files under configs/ say only what their command knows, and what is said of them is so."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetscan.cli.config_file import read_config
from fleetscan.cli.dials import DemoSettings
from fleetscan.cli.options import S, command
from fleetscan.judgement.exceptions import exceptions_of
from fleetscan.settings.declared import PlanSettings, Settings

CONFIGS = Path(__file__).parents[1] / "configs"


def load(name: str, settings: type[S]) -> S:
    """The settings that a command gets from a file in configs/ and nothing else."""
    seen: list[S] = []

    def keep(made: S) -> int:
        seen.append(made)
        return 0

    arguments = ["--config", str(CONFIGS / name)]
    CliRunner().invoke(command(settings)(keep), arguments, standalone_mode=False, catch_exceptions=False)
    return seen[0]


def test_the_nightly_scan_learns_from_the_last_and_leaves_half_the_limits() -> None:
    assert load("nightly.toml", Settings) == replace(
        Settings(),
        stats_interval_s=600.0,
        last_run="fleetscan-runs/latest",
        rate_share=0.5,
        operation_timeout_s=3600.0,
        history="fleetscan-runs/history.db",
        sla="critical=7d, security=30d, other=90d",
        group_by=("tag:owner",),
    )


def test_an_audit_groups_by_owner_and_environment_and_waits_two_hours() -> None:
    assert load("audit.toml", Settings) == replace(
        Settings(),
        group_by=("tag:owner", "tag:environment"),
        operation_timeout_s=7200.0,
        max_in_flight=32,
    )


def test_the_demo_file_spells_out_the_demo_s_defaults() -> None:
    assert load("demo.toml", DemoSettings) == DemoSettings()


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.name)
def test_every_file_is_for_a_command_and_says_why_in_comments(path: Path) -> None:
    settings = DemoSettings if path.name == "demo.toml" else Settings
    if path.name == "exceptions.toml":
        assert len(exceptions_of(path.read_text(encoding="utf-8"), path.name)) == 2
    else:
        assert read_config(str(path), settings)
    assert path.read_text(encoding="utf-8").count("\n#") >= 3


def test_constraints_pin_each_package_once_without_hashes_or_addresses() -> None:
    lines = (CONFIGS / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin)] == []
    names = [re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() for pin in pins]
    assert len(names) == len(set(names))


def test_a_plan_takes_the_file_of_its_scan() -> None:
    assert load("nightly.toml", PlanSettings).rate_share == 0.5
    assert load("audit.toml", PlanSettings).max_in_flight == 32
