"""What the environment says beside the settings."""

from __future__ import annotations

from fleetscan.cli.commands import every_settings
from fleetscan.cli.environment import unknown_variables
from fleetscan.settings.setting import settings_of


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
