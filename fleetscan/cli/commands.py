"""Which commands there are, with the first line of each one's help and the settings it reads.

A command is found in the module of its name; modules load when they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import NamedTuple

from fleetscan.settings.setting import CheckedSettings

Declaration = Callable[[], type[CheckedSettings]]


class Command(NamedTuple):
    """What is known of a command before it is loaded; `settings` returns those it reads."""

    help: str
    settings: Declaration | None = None


def _of(name: str, module: str = "settings.reading") -> Declaration:
    """What loads these settings where they are wanted: few commands need more than their own."""

    def load() -> type[CheckedSettings]:
        settings: type[CheckedSettings] = getattr(import_module(f"fleetscan.{module}"), name)
        return settings

    return load


COMMANDS = {
    "scan": Command(
        "List the fleet, assess every VM, write one run directory.", _of("Settings", "settings.declared")
    ),
    "resume": Command("Go on with an unfinished run."),
    "doctor": Command(
        "Check what would stop a scan. Starts nothing.", _of("DoctorSettings", "settings.examining")
    ),
    "plan": Command(
        "Estimate how long a scan takes. Lists VMs; starts nothing.", _of("PlanSettings", "settings.declared")
    ),
    "inventory": Command(
        "List VMs, as a scan would. Starts nothing.", _of("InventorySettings", "settings.selecting")
    ),
    "simulate": Command(
        "Serve a simulated Azure on this computer and print its endpoint.",
        _of("SimulateSettings", "cli.dials"),
    ),
    "demo": Command("Scan a simulated fleet. No Azure account needed.", _of("DemoSettings", "cli.dials")),
    "report": Command("Show a run: what was seen, what is missing, what failed.", _of("ReportSettings")),
    "show": Command("Show a run's VMs, or the patches they miss, as a table.", _of("ShowSettings")),
    "diff": Command("Show what changed from one run to a later one.", _of("DiffSettings")),
    "history": Command("Take earlier runs into a history.", _of("HistorySettings")),
    "export": Command("Write a run as flat tables: CSV, SQLite or Parquet.", _of("ExportSettings")),
    "merge": Command(
        "Make one run of the shards of a scan, or of a run and its retry.", _of("MergeSettings")
    ),
    "prune": Command("Remove old runs.", _of("PruneSettings")),
    "schema": Command(
        "Print the JSON Schema of the records, or DuckDB views of a run.", _of("SchemaSettings")
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
