"""Which commands there are, with the first line of each one's help and the settings it reads.

A command is found in the module of its name; modules load when they are used.
"""

from __future__ import annotations

from typing import NamedTuple

from fleetscan.cli.dials import DemoSettings, SimulateSettings
from fleetscan.settings.declared import PlanSettings, Settings
from fleetscan.settings.reading import ReportSettings
from fleetscan.settings.setting import CheckedSettings


class Command(NamedTuple):
    """What is known of a command before it is loaded."""

    help: str
    settings: type[CheckedSettings] | None = None


COMMANDS = {
    "scan": Command("List the fleet, assess every VM, write one run directory.", Settings),
    "resume": Command("Go on with an unfinished run."),
    "plan": Command("Estimate how long a scan takes. Lists VMs; starts nothing.", PlanSettings),
    "report": Command("Show a run: coverage, compliance, VMs and their patches.", ReportSettings),
    "simulate": Command("Serve a simulated Azure on this computer and print its endpoint.", SimulateSettings),
    "demo": Command("Scan a simulated fleet. No Azure account needed.", DemoSettings),
    "schema": Command("Print the JSON Schema of the records."),
    "help": Command("Show this help, or that of a command."),
    "version": Command("Print the version."),
}

SETTINGS = tuple(command.settings for command in COMMANDS.values() if command.settings is not None)
"""The settings of all commands: they tell a variable of another command from an unknown one."""
