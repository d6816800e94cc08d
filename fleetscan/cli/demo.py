"""`fleetscan demo`: a simulated Azure and an ordinary scan of it over HTTP, in one process.

The scan gets the endpoint and waits that fit fast assessments; it knows nothing else about the simulation.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import shell_word, tell
from fleetscan.cli.dials import DemoSettings, scenario_of
from fleetscan.cli.late_trust import trust_read_late
from fleetscan.cli.options import command
from fleetscan.cli.running import run_until_stopped
from fleetscan.records.totals import Totals
from fleetscan.runs.directory import new_name
from fleetscan.settings.declared import Settings

if TYPE_CHECKING:
    from fleetscan.scanner.summary import ScanSummary

# Assessments of minutes take seconds here, so the waits are as much shorter; Azure's own limit of one poll
# of a VM every 4 s holds here too.
FIRST_POLL_S = 2.0
POLL_INTERVAL_S = 4.0
# Apart from the runs of a fleet, where `latest` and a scan that learns from it would come upon them.
DEMO_RUNS = Path("fleetscan-demo")
TOKEN = "demo"  # noqa: S105 - it opens nothing but the simulator

EXAMPLES = (
    Example("300 VMs, half a minute", "fleetscan demo"),
    Example("20 VMs, each failure at once, results kept", "fleetscan demo --machines 20 -v --out demo-run"),
)


@command(DemoSettings, EXAMPLES)
def demo(settings: DemoSettings) -> int:
    """Scan a simulated fleet. No Azure account needed.

    All traffic stays on this computer; no credential is used. Some of the simulated VMs fail on purpose;
    the demo still exits with 0. Without --out the run goes to a new directory under fleetscan-demo.
    """

    async def job(stop: anyio.Event) -> int:
        return await _simulate_and_scan(settings, stop)

    return run_until_stopped(job, Settings().drain_s)


async def _simulate_and_scan(settings: DemoSettings, stop: anyio.Event) -> int:
    with trust_read_late():
        from fleetscan.cli.watched import watched_scan
        from fleetscan.simulator import Cloud, serve

    async with serve(Cloud(scenario_of(settings))) as endpoint:
        scan_settings = Settings(
            endpoint=endpoint,
            out=settings.out or str(DEMO_RUNS / new_name(datetime.now(UTC), str(uuid.uuid4()))),
            quiet=settings.quiet,
            verbose=settings.verbose,
            first_poll_s=FIRST_POLL_S,
            poll_interval_s=POLL_INTERVAL_S,
        )
        # Some of the simulated VMs fail on purpose: the run ends with 0, and its run.json says so.
        summary = await watched_scan(scan_settings, stop, TOKEN, is_demo=True)
    if summary.stopped_by is None and not settings.quiet:
        _tell_end(summary, is_apart=settings.out is None)
    return summary.exit_code


def _tell_end(summary: ScanSummary, *, is_apart: bool) -> None:
    """How to show the run where it `is_apart` from those of a fleet, and what a scan does otherwise."""
    if is_apart and summary.directory is not None:
        run = shell_word(str(summary.directory))
        tell(f"This run is not among those of a fleet. Show it with: fleetscan report {run}")
    if summary.exit_code == 0 and has_failures(summary.totals):
        tell("Simulated failures: a scan exits with 3, the demo with 0.")


def has_failures(totals: Totals) -> bool:
    """Whether any VM failed or timed out."""
    return bool(totals["outcomes"]["failed"] or totals["outcomes"]["timed_out"])
