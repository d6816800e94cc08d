"""A whole scan as one function: lists the fleet, has every machine assessed, leaves the files behind."""

from __future__ import annotations

import anyio

from fleetscan.azure.tokens import TokenSource
from fleetscan.results.run_directory import refuse_used
from fleetscan.scan.connection import connect
from fleetscan.scan.dispatcher import Exchanger
from fleetscan.scan.run import Run
from fleetscan.scan.summary import ScanSummary
from fleetscan.scan.watcher import Watcher
from fleetscan.settings import ScanSettings

__all__ = ["ScanSummary", "scan", "scan_over"]


async def scan(
    settings: ScanSettings,
    *,
    token: str | None = None,
    watcher: Watcher | None = None,
    stop: anyio.Event | None = None,
) -> ScanSummary:
    """Scan the fleet that `settings` select and write one run directory.

    `token` is a ready bearer token; without it azure-identity's credential chain is asked. `watcher` is told
    what happens. Setting `stop` ends the scan in good order: rows and totals are on disk when it returns,
    and what was under way is counted as interrupted.

    Raises a `FleetscanError` for what keeps a scan from beginning (its `exit_code` is the process's). Once
    the fleet is listed it raises only BrokenIdentityError: what else ends it early is told in the summary.
    """
    settings.check_together()
    if not settings.resume:
        refuse_used(settings.out)
    async with connect(settings, token) as (wire, tokens):
        return await scan_over(wire, settings, tokens=tokens, watcher=watcher, stop=stop)


async def scan_over(
    wire: Exchanger,
    settings: ScanSettings,
    *,
    tokens: TokenSource | None = None,
    watcher: Watcher | None = None,
    stop: anyio.Event | None = None,
) -> ScanSummary:
    """`scan` over a wire that is open already; see there. `tokens` tell run.json who ran it."""
    run = Run(wire, settings, watcher or Watcher(), stop or anyio.Event())
    return await run.go(tokens)
