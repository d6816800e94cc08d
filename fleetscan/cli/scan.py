"""`fleetscan scan`: the settings from outside; the scan itself is the library's."""

from __future__ import annotations

import anyio

from fleetscan.cli.farewell import Farewell
from fleetscan.cli.options import command
from fleetscan.cli.running import run_until_stopped
from fleetscan.settings.declared import Settings


@command(Settings)
def scan(settings: Settings) -> int:
    """List the fleet, assess every VM, write one run directory.

    Credentials: FLEETSCAN_ACCESS_TOKEN, else azure-identity (az login, managed identity, ...).

    Exit codes: 0 complete; 2 usage; 3 complete, but some VMs failed or could not be listed; 4 could not
    scan; 5 stopped early; 70 internal error; 130 second Ctrl-C.
    """
    from fleetscan.cli.watched import watched_scan

    async def job(stop: anyio.Event) -> int:
        return (await watched_scan(settings, stop, farewell=farewell)).exit_code

    farewell = Farewell()
    return run_until_stopped(job, farewell)
