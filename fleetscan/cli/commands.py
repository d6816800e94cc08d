"""Which commands there are, with the first line of each one's help and the settings it reads.

A command is found in the module of its name; modules load when they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from fleetscan.settings.declared import PlanSettings, Settings
from fleetscan.settings.examining import DoctorSettings
from fleetscan.settings.reading import (
    DiffSettings,
    ExportSettings,
    HistorySettings,
    PruneSettings,
    ReportSettings,
    SchemaSettings,
    ShowSettings,
)
from fleetscan.settings.selecting import InventorySettings
from fleetscan.settings.setting import CheckedSettings

Declaration = Callable[[], type[CheckedSettings]]


class Command(NamedTuple):
    """What is known of a command before it is loaded; `settings` returns those it reads."""

    help: str
    settings: Declaration | None = None


def _of_simulate() -> type[CheckedSettings]:
    from fleetscan.cli.dials import SimulateSettings

    return SimulateSettings


def _of_demo() -> type[CheckedSettings]:
    from fleetscan.cli.dials import DemoSettings

    return DemoSettings


COMMANDS = {
    "scan": Command("List the fleet, assess every VM, write one run directory.", lambda: Settings),
    "resume": Command("Go on with an unfinished run."),
    "doctor": Command("Check what would stop a scan. Starts nothing.", lambda: DoctorSettings),
    "plan": Command("Estimate how long a scan takes. Lists VMs; starts nothing.", lambda: PlanSettings),
    "inventory": Command("List VMs, as a scan would. Starts nothing.", lambda: InventorySettings),
    "simulate": Command("Serve a simulated Azure on this computer and print its endpoint.", _of_simulate),
    "demo": Command("Scan a simulated fleet. No Azure account needed.", _of_demo),
    "report": Command("Show a run: what was seen, what is missing, what failed.", lambda: ReportSettings),
    "show": Command("Show a run's VMs, or the patches they miss, as a table.", lambda: ShowSettings),
    "diff": Command("Show what changed from one run to a later one.", lambda: DiffSettings),
    "history": Command("Take earlier runs into a history.", lambda: HistorySettings),
    "export": Command("Write a run as flat tables: CSV, SQLite or Parquet.", lambda: ExportSettings),
    "prune": Command("Remove old runs.", lambda: PruneSettings),
    "schema": Command(
        "Print the JSON Schema of the records, or DuckDB views of a run.", lambda: SchemaSettings
    ),
    "completion": Command("Print the script with which a shell completes commands."),
    "help": Command("Show this help, or that of a command."),
    "version": Command("Print the version."),
}


def every_settings() -> Iterator[type[CheckedSettings]]:
    """The settings of all commands, each loaded when it is come to; a scan's are the first."""
    for command in COMMANDS.values():
        if command.settings is not None:
            yield command.settings()
