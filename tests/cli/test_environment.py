"""What the environment says beside the settings."""

from __future__ import annotations

import pytest

from fleetscan.cli.environment import access_token, unknown_variables
from fleetscan.errors import UsageError
from fleetscan.settings.declared import SETTINGS
from fleetscan.settings.setting import settings_of


def test_every_setting_s_variable_is_known_as_are_the_token_s_and_the_file_s() -> None:
    known = {setting.variable: "" for settings in SETTINGS for setting in settings_of(settings)}
    beside = {"FLEETSCAN_ACCESS_TOKEN": "x", "FLEETSCAN_CONFIG": "x", "PATH": "x", "OTHER_LIMIT": "x"}
    assert list(unknown_variables(known | beside)) == []


def test_an_unknown_variable_is_warned_of_with_the_nearest_name() -> None:
    assert list(unknown_variables({"FLEETSCAN_MAX_INFLIGHT": "3", "FLEETSCAN_ZZZZZZ": "1"})) == [
        "unknown variable FLEETSCAN_MAX_INFLIGHT. Did you mean FLEETSCAN_MAX_IN_FLIGHT?",
        "unknown variable FLEETSCAN_ZZZZZZ.",
    ]


def test_a_variable_s_value_is_never_told() -> None:
    assert "sesame" not in " ".join(unknown_variables({"FLEETSCAN_ACESS_TOKEN": "sesame"}))


def test_the_token_comes_without_the_line_break_of_its_file() -> None:
    assert access_token({"FLEETSCAN_ACCESS_TOKEN": " eyJ0.e30.x\n"}) == "eyJ0.e30.x"


@pytest.mark.parametrize(
    "environment", [{}, {"FLEETSCAN_ACCESS_TOKEN": ""}, {"FLEETSCAN_ACCESS_TOKEN": "\n"}]
)
def test_an_absent_or_empty_token_is_none(environment: dict[str, str]) -> None:
    assert access_token(environment) is None


@pytest.mark.parametrize("token", ["Bearer x", "x\r\nHost: evil", "x\u00e9", "x\x00"])
def test_a_token_no_header_may_carry_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match=r"^FLEETSCAN_ACCESS_TOKEN is not a valid bearer token"):
        access_token({"FLEETSCAN_ACCESS_TOKEN": token})
