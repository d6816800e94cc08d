"""The settings of `simulate` and `demo`, derived from the dials of the simulator's `Scenario`.

The scenario declares each dial once. Here its default's type and its name decide how its text reads.
"""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import Any, get_type_hints

from fleetscan.errors import UsageError
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import CheckedSettings, setting, settings_of
from fleetscan.settings.types import Duration, Number, OneOf, Switch, Text, ValueType, Whole
from fleetscan.simulator.dials import WORD, Dial, Theme, dials_of
from fleetscan.simulator.scenario import Scenario

DIALS = dials_of(Scenario)
OF_A_SCAN = {each.attribute: each for each in settings_of(Settings)}


def form_of(name: str, dial: Dial) -> ValueType:
    """How the text of a dial's value reads."""
    match dial.default:
        case _ if dial.choices:
            return OneOf(dial.choices)
        case bool():
            return Switch()
        case int():
            return Whole(int(dial.low), int(dial.high))
        case float() if name.endswith("_s"):
            return Duration(dial.low, dial.high)
        case float() if name.endswith("_pct"):
            return Number(dial.low, dial.high, "PCT", percent=1.0)
        case float():
            return Number(dial.low, dial.high, percent=0.01 if name.endswith("_share") else None)
        case _:
            return Text(name.upper(), dial.expected, WORD)


def from_dial(name: str, default: float | None = None, why: str = "") -> Any:
    """Declares a field that sets the scenario's dial `name`; `default` and `why` are the command's own."""
    dial = DIALS[name]
    text = dial.help, why or dial.why
    return setting(default or dial.default, form_of(name, dial), *text, group=dial.theme)


def from_scan(name: str, why: str = "") -> Any:
    """Declares a field that is a setting of a scan; `why` is the command's own."""
    same = OF_A_SCAN[name]
    return setting(same.default, same.form, same.help, why or same.why, group=same.group, letter=same.letter)


@dataclass(frozen=True, slots=True)
class ServeSettings(CheckedSettings):
    """Where `fleetscan simulate` serves."""

    port: int = setting(
        0, Whole(0, 65_535), "Serve on this loopback port; 0 takes any free one.", group=Theme.SERVER
    )


SimulateSettings: type[ServeSettings] = make_dataclass(
    "SimulateSettings",
    [(name, hint, from_dial(name)) for name, hint in get_type_hints(Scenario).items()],
    bases=(ServeSettings,),
    frozen=True,
    slots=True,
)
"""Where `fleetscan simulate` serves, and every dial of the scenario it serves."""


@dataclass(frozen=True, slots=True)
class DemoSettings(CheckedSettings):
    """The simulated fleet that `fleetscan demo` scans, and where the run goes."""

    machines: int = from_dial("machines")
    subscriptions: int = from_dial("subscriptions")
    regions: int = from_dial("regions")
    seed: int = from_dial("seed")
    speed: float = from_dial(
        "speed",
        240.0,
        "Three minutes become less than a second, and the slowest assessment still ends in half a minute.",
    )
    out: str | None = from_scan(
        "out", "Default: a new directory under fleetscan-demo, apart from the runs of a fleet."
    )
    quiet: bool = from_scan("quiet")
    verbose: bool = from_scan("verbose")


def scenario_of(settings: CheckedSettings) -> Scenario:
    """The scenario that the settings name; dials that they do not have keep their defaults.

    Raises UsageError where the percentages leave no room for each other.
    """
    named = {name: getattr(settings, name) for name in DIALS if hasattr(settings, name)}
    try:
        return Scenario(**named)
    except ValueError as refusal:
        raise UsageError(str(refusal)) from None
