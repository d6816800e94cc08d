"""`fleetscan simulate`: a simulated Azure on loopback, until it is stopped.

Its endpoint is the only line on stdout, so that scripts can read it; hints for people go to stderr.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from fleetscan.cli.console import hand_over, tell
from fleetscan.cli.options import command
from fleetscan.cli.running import run_until_stopped
from fleetscan.errors import UsageError
from fleetscan.settings.declared import FleetSettings, SimulateSettings

if TYPE_CHECKING:
    from fleetscan.simulator.cloud import Cloud


@command(SimulateSettings)
def simulate(settings: SimulateSettings) -> int:
    """Serve a simulated Azure on loopback and print its endpoint.

    The endpoint is the only line on stdout. Ctrl-C or SIGTERM stops it.
    """

    async def job(stop: anyio.Event) -> int:
        return await _serve(settings, stop)

    return run_until_stopped(job)


def pretend_cloud(settings: FleetSettings) -> Cloud:
    """The cloud of the scenario whose fields the settings name; the rest keep the scenario's defaults."""
    from fleetscan.simulator.cloud import Cloud
    from fleetscan.simulator.scenario import Scenario

    named = {
        each.name: getattr(settings, each.name) for each in fields(Scenario) if hasattr(settings, each.name)
    }
    return Cloud(replace(Scenario(), **named), epoch=datetime.now(UTC))


async def _serve(settings: SimulateSettings, stop: anyio.Event) -> int:
    from fleetscan.simulator.server import serve

    cloud = pretend_cloud(settings)
    token = settings.token or "anything"
    try:
        async with serve(cloud, port=settings.port) as endpoint:
            hand_over(endpoint)
            tell(f"Serving {settings.machines} simulated VMs. In another terminal, run:")
            tell(f"  FLEETSCAN_ACCESS_TOKEN={token} fleetscan scan --endpoint {endpoint}")
            tell("Stop with Ctrl-C.")
            await stop.wait()
    except OSError as taken:
        why = f"cannot listen on port {settings.port}: {taken.strerror}"
        raise UsageError(f"{why}; choose another with --port, or 0 for any free one") from taken
    return 0
