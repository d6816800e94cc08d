"""The options of `simulate` and `demo`, which follow from the scenario's dials."""

from __future__ import annotations

from dataclasses import fields

import pytest

from fleetscan.cli.dials import DemoSettings, SimulateSettings, form_of, scenario_of
from fleetscan.cli.main import run
from fleetscan.settings.setting import settings_of
from fleetscan.settings.types import Duration, Number, OneOf, Switch, Text, ValueType, Whole
from fleetscan.simulator import Scenario
from fleetscan.simulator.dials import Dial


def test_simulate_has_every_dial_of_a_scenario_and_the_port() -> None:
    names = {setting.attribute for setting in settings_of(SimulateSettings)}
    assert names == {field.name for field in fields(Scenario)} | {"port"}
    assert scenario_of(SimulateSettings()) == Scenario()


def test_the_demo_has_a_fast_scenario_s_fleet() -> None:
    assert [setting.name for setting in settings_of(DemoSettings)] == [
        "machines",
        "subscriptions",
        "regions",
        "seed",
        "speed",
        "out",
        "quiet",
        "verbose",
    ]
    assert scenario_of(DemoSettings(machines=7)) == Scenario(machines=7, speed=240.0)


@pytest.mark.parametrize(
    ("name", "dial", "form"),
    [
        ("trees", Dial(3, "", low=1, high=9), Whole(1, 9)),
        ("height", Dial(3.0, "", low=0, high=9), Number(0, 9)),
        ("rain_pct", Dial(3.0, "", low=0, high=100), Number(0, 100, "PCT", percent=1.0)),
        ("sun_share", Dial(0.5, "", low=0, high=1), Number(0, 1, percent=0.01)),
        ("lag_s", Dial(3.0, "", low=0, high=9), Duration(0, 9)),
        ("wind", Dial("east", "", choices=("east", "west")), OneOf(("east", "west"))),
        ("snow", Dial(False, ""), Switch()),
        ("token", Dial(None, ""), Text("TOKEN", "printable ASCII without blanks", r"[\x21-\x7e]+")),
    ],
)
def test_a_dial_s_type_and_name_decide_how_its_text_reads(name: str, dial: Dial, form: ValueType) -> None:
    assert form_of(name, dial) == form


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["simulate", "--regions", "17"], "--regions must be a whole number, from 1 to 16, not '17'"),
        (["demo", "--speed", "0"], "--speed must be a number, from 0.001 to 1000000, not '0'"),
    ],
)
def test_a_scenario_that_cannot_be_is_one_line_and_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], refusal: str
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err == f"fleetscan: error: {refusal}\n"
