"""`fleetscan scan`: the settings from outside; the scan itself is the library's."""

from __future__ import annotations

import os

import anyio

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import note, with_remedy
from fleetscan.cli.job_index import unused_index
from fleetscan.cli.late_trust import trust_read_late
from fleetscan.cli.options import RUNS, command, is_said
from fleetscan.cli.running import run_until_stopped
from fleetscan.errors import Remedy
from fleetscan.settings.declared import Settings

EXAMPLES = (
    Example("A first try, five VMs", "fleetscan scan --limit 5"),
    Example("Every night, from a scheduler", "fleetscan scan --resume --deadline 2h --quiet"),
    Example("On call: some VMs, each failure at once", "fleetscan scan --inventory vms.txt -v"),
    Example("One of four processes that share a fleet", "fleetscan scan --shard 2/4"),
    Example("Again what failed or timed out", "fleetscan scan --retry-failed latest"),
)


@command(Settings, EXAMPLES)
def scan(settings: Settings) -> int:
    """List the fleet, assess every VM, write one run directory.

    Credentials: FLEETSCAN_ACCESS_TOKEN, else the first that is set up (az login, managed identity, ...), or
    the one that --auth names.

    Exit codes: 0 complete; 1 complete, but a gate of --fail-on was not passed; 2 usage; 3 complete, but
    some VMs failed or could not be listed; 4 could not scan; 5 stopped early; 70 internal error; 130 second
    Ctrl-C.
    """
    with trust_read_late():
        from fleetscan.cli.watched import watched_scan
    if not is_said("endpoint"):
        from fleetscan.scanner.earlier_place import at_its_endpoint

        settings = at_its_endpoint(settings, RUNS)

    if (unused := unused_index(settings.shard, os.environ)) is not None:
        note("warning", with_remedy(unused, Remedy("divide it with {shard}", {"shard": "/N"})))

    async def job(stop: anyio.Event) -> int:
        return (await watched_scan(settings, stop)).exit_code

    return run_until_stopped(job, settings.drain_s)
