"""`fleetscan inventory`: the VMs that a scan would take, on stdout; what could not be listed, on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import anyio

from fleetscan.cli.command_help import Example
from fleetscan.cli.late_trust import trust_read_late
from fleetscan.cli.lines_out import write_lines
from fleetscan.cli.options import RUNS, command, is_said
from fleetscan.cli.running import run_until_stopped
from fleetscan.settings.selecting import InventorySettings

if TYPE_CHECKING:
    from fleetscan.model import Target
    from fleetscan.records.listed_vm import ListedVm

PART_NOT_LISTED = 3
EXAMPLES = (
    Example("What a scan would assess", "fleetscan inventory --tag owner --format table"),
    Example("What it would leave out, and why", "fleetscan inventory --os linux --show-excluded"),
    Example("List now, scan these later", "fleetscan inventory --location westeurope > vms.jsonl"),
)
# For people; programs get all there is.
FOR_PEOPLE = ("name", "resource_group", "subscription_name", "location", "os_type", "power_state", "tags")


@command(InventorySettings, EXAMPLES)
def inventory(settings: InventorySettings) -> int:
    """List VMs, as a scan would. Starts nothing.

    Prints one JSON object per VM, which `fleetscan scan --inventory FILE` takes, with the VM's id, where it
    is, what it runs, its power state, patch mode and tags.

    Exit codes: 0 complete; 2 usage; 3 something could not be listed; 4 nothing could be listed; 5 stopped;
    70 internal error; 130 second Ctrl-C.
    """
    with trust_read_late():
        from fleetscan.scanner.earlier_place import at_its_endpoint
    if not is_said("endpoint"):
        settings = at_its_endpoint(settings, RUNS)
    vms, is_whole = _list(settings)
    write_lines(_lines(vms, settings), are_verbatim=settings.format == "csv")
    return 0 if is_whole else PART_NOT_LISTED


def _list(settings: InventorySettings) -> tuple[list[tuple[Target, str | None]], bool]:
    """The VMs to print, each with what leaves it out, and whether everything could be listed."""
    from fleetscan.cli.progress import progress
    from fleetscan.scanner.listed import list_alone

    vms: list[tuple[Target, str | None]] = []
    errors: list[object] = []

    async def job(stop: anyio.Event) -> int:
        with progress(settings.quiet) as hooks:
            fleet = await list_alone(settings, None, hooks, stop, is_everything=settings.show_excluded)
        errors.extend(fleet.errors)
        vms.extend(fleet.refused if settings.show_excluded else ((each, None) for each in fleet.targets))
        return 0

    run_until_stopped(job)
    return vms, not errors


def _lines(vms: Iterable[tuple[Target, str | None]], settings: InventorySettings) -> Iterable[str]:
    from fleetscan import json_text
    from fleetscan.records.listed_vm import COLUMNS, listed_vm

    records = (listed_vm(*each) for each in vms)
    if settings.format in ("jsonl", "json"):
        return map(json_text.encode_ascii, records)
    names = COLUMNS if settings.format == "csv" else FOR_PEOPLE
    if settings.show_excluded and names is FOR_PEOPLE:
        names = (*FOR_PEOPLE[:3], "excluded_by")
    return _table(records, names, settings)


def _table(records: Iterable[ListedVm], names: tuple[str, ...], settings: InventorySettings) -> Iterable[str]:
    from fleetscan.report.columns import Column
    from fleetscan.report.screen import columns_of
    from fleetscan.report.tables import Form, lines_in

    columns = [Column(name, lambda _: None) for name in names]
    lines = [tuple(cast("dict[str, object]", vm)[name] for name in names) for vm in records]
    # A pipe has no width: what reads it wants whole names.
    is_fitted = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = columns_of(sys.stdout) if is_fitted else None
    if not lines and settings.format == "table":
        return ()
    return lines_in(cast("Form", settings.format), columns, lines, width)
