"""What the environment says beside the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetscan.cli.commands import every_settings
from fleetscan.cli.environment import unknown_variables
from fleetscan.cli.main import run
from fleetscan.settings.setting import settings_of
from tests.report.small_runs import kb, small_run, unassessed, vm


def test_every_setting_s_variable_is_known_as_are_the_token_s_and_the_file_s() -> None:
    known = {setting.variable: "" for settings in every_settings() for setting in settings_of(settings)}
    beside = {"FLEETSCAN_ACCESS_TOKEN": "x", "FLEETSCAN_CONFIG": "x", "PATH": "x", "OTHER_LIMIT": "x"}
    assert list(unknown_variables(known | beside)) == []


def test_an_unknown_variable_is_warned_of_with_the_nearest_name() -> None:
    assert list(unknown_variables({"FLEETSCAN_MAX_INFLIGHT": "3", "FLEETSCAN_ZZZZZZ": "1"})) == [
        "unknown variable FLEETSCAN_MAX_INFLIGHT. Did you mean FLEETSCAN_MAX_IN_FLIGHT?",
        "unknown variable FLEETSCAN_ZZZZZZ. Run fleetscan help COMMAND to list them.",
    ]


def test_a_variable_s_value_is_never_told() -> None:
    assert "sesame" not in " ".join(unknown_variables({"FLEETSCAN_ACESS_TOKEN": "sesame"}))


def test_no_variable_of_one_command_breaks_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(small_run(tmp_path / "run", [vm("a", 1, 0, [kb(1)]), unassessed("b")], 3))
    said = {
        "SHOW_FORMAT": "csv",
        "SHOW_PATCHES": "true",
        "REPORT_FORMAT": "markdown",
        "INVENTORY_FORMAT": "csv",
        "DIFF_FORMAT": "markdown",
        "EXPORT_FORMAT": "sqlite",
        "EXPORT_OUT": str(tmp_path / "tables"),
        "OUT": "elsewhere",
        "PATCHES": "50",
    }
    for name, value in said.items():
        monkeypatch.setenv(f"FLEETSCAN_{name}", value)
    assert run(["report", path]) == 0
    assert capsys.readouterr().out.startswith("## Patches")
    assert run(["show", path]) == 0
    assert capsys.readouterr().out.startswith('"vms","patch"')
    assert run(["diff", path, path]) == 0
    assert run(["export", path]) == 0
    assert (tmp_path / "tables" / "fleetscan.sqlite").exists()
    assert not list(unknown_variables({f"FLEETSCAN_{name}": value for name, value in said.items()}))


def test_a_variable_that_commands_would_mean_different_things_by_names_theirs() -> None:
    [told] = unknown_variables({"FLEETSCAN_FORMAT": "csv"})
    assert told == (
        "unknown variable FLEETSCAN_FORMAT. Each command has its own: FLEETSCAN_DOCTOR_FORMAT, "
        "FLEETSCAN_PLAN_FORMAT, FLEETSCAN_INVENTORY_FORMAT, FLEETSCAN_REPORT_FORMAT, FLEETSCAN_SHOW_FORMAT, "
        "FLEETSCAN_DIFF_FORMAT, FLEETSCAN_EXPORT_FORMAT."
    )
