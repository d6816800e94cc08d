"""`fleetscan demo`: a simulated Azure and an ordinary scan of it over HTTP, in one process.

The scan is given the endpoint and waits that fit the simulation's speed, and knows nothing else about it.
"""

from __future__ import annotations

import anyio

from fleetscan.cli.console import tell
from fleetscan.cli.options import command
from fleetscan.cli.running import run_until_stopped
from fleetscan.settings.declared import DemoSettings, Settings

# Assessments of minutes take seconds here, so the waits are as much shorter; Azure's own limit of one poll
# of a VM every 4 s holds here too.
FIRST_POLL_S = 2.0
POLL_INTERVAL_S = 4.0


@command(DemoSettings)
def demo(settings: DemoSettings) -> int:
    """Scan a simulated fleet. No Azure account needed.

    All traffic stays on loopback; no credential is used. Some of the simulated VMs fail on purpose;
    the demo still exits with 0.
    """

    async def job(stop: anyio.Event) -> int:
        return await _simulate_and_scan(settings, stop)

    return run_until_stopped(job)


async def _simulate_and_scan(settings: DemoSettings, stop: anyio.Event) -> int:
    from fleetscan.cli.simulate import pretend_cloud
    from fleetscan.cli.watched import watched_scan
    from fleetscan.simulator.server import serve

    async with serve(pretend_cloud(settings)) as endpoint:
        scan_settings = Settings(
            endpoint=endpoint, out=settings.out, first_poll_s=FIRST_POLL_S, poll_interval_s=POLL_INTERVAL_S
        )
        summary = await watched_scan(scan_settings, "demo", stop)
    return demo_exit_code(summary.exit_code)


def demo_exit_code(code: int) -> int:
    """The demo's exit code for the scan's: the planned failures count as success."""
    if code != 3:
        return code
    tell("The failures are simulated: a scan would exit with 3, the demo exits with 0.")
    return 0
