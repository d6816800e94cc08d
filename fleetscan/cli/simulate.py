"""`fleetscan simulate`: a simulated Azure on loopback, until a signal stops it.

Its endpoint is the only line on stdout, so that scripts can read it; hints for people go to stderr.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import anyio

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over, tell
from fleetscan.cli.dials import ServeSettings, SimulateSettings, scenario_of
from fleetscan.cli.late_trust import trust_read_late
from fleetscan.cli.options import command
from fleetscan.cli.running import run_until_stopped
from fleetscan.errors import StoppedError, UsageError
from fleetscan.report.figures import counted
from fleetscan.scanner.blocking import unless_stopped
from fleetscan.simulator.scenario import Scenario

EXAMPLES = (
    Example("A large fleet, an hour of it a minute", "fleetscan simulate --machines 5000 --speed 60"),
    Example("A bad day", "fleetscan simulate --faults-pct 5 --outages 2"),
)


@command(SimulateSettings, EXAMPLES)
def simulate(settings: ServeSettings) -> int:
    """Serve a simulated Azure on this computer and print its endpoint.

    The endpoint is the only line on stdout. Ctrl-C or SIGTERM stops it.
    """
    scenario = scenario_of(settings)

    async def job(stop: anyio.Event) -> int:
        return await _serve(scenario, settings.port, stop)

    return run_until_stopped(job)


async def _serve(scenario: Scenario, port: int, stop: anyio.Event) -> int:
    with trust_read_late():
        from fleetscan.simulator import Cloud, serve

    token = scenario.token or "anything"
    try:
        async with serve(Cloud(scenario), port=port) as endpoint:
            # A pipe that is not read must not keep the requests waiting.
            with suppress(StoppedError):
                await unless_stopped(partial(hand_over, endpoint), stop)
            vms = counted(scenario.machines, "VM", "VMs")
            tell(f"Serving a simulated Azure with {vms}. In another terminal:")
            tell(f"  FLEETSCAN_ACCESS_TOKEN={token} fleetscan scan --endpoint {endpoint}")
            tell("Stop with Ctrl-C.")
            await stop.wait()
    except OSError as taken:
        why = f"cannot serve on port {port}: {taken.strerror}"
        raise UsageError(f"{why}; name another with --port, or 0 for any free one") from taken
    return 0
