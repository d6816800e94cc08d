"""A whole scan as one function: lists the fleet, has every machine assessed, leaves the files behind."""

from __future__ import annotations

import anyio

from fleetscan.azure.credentials import TokenSource
from fleetscan.runs.directory import refuse_used
from fleetscan.scanner.connection import connect
from fleetscan.scanner.dispatcher import Exchanger
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.run import Run
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

__all__ = ["ScanSummary", "scan", "scan_over"]


async def scan(
    settings: Settings,
    *,
    token: str | None = None,
    hooks: Hooks | None = None,
    stop: anyio.Event | None = None,
) -> ScanSummary:
    """Scan the fleet that `settings` select and write one run directory.

    `token` is a ready bearer token; without it azure-identity's credential chain is asked. `hooks` is told
    what happens. Setting `stop` ends the scan in good order: rows and totals are on disk when it returns,
    and what was under way is counted as interrupted.

    Raises a `FleetscanError` for what keeps a scan from beginning (its `exit_code` is the process's). Once
    the fleet is listed it raises only BrokenIdentityError: what else ends it early is told in the summary.
    """
    settings.check_together()
    if not settings.resume:
        refuse_used(settings.out)
    async with connect(settings, token) as (wire, tokens):
        return await scan_over(wire, settings, tokens=tokens, hooks=hooks, stop=stop)


async def scan_over(
    wire: Exchanger,
    settings: Settings,
    *,
    tokens: TokenSource | None = None,
    hooks: Hooks | None = None,
    stop: anyio.Event | None = None,
) -> ScanSummary:
    """`scan` over a wire that is open already; see there. `tokens` tell run.json who ran it."""
    run = Run(wire, settings, hooks or Hooks(), stop or anyio.Event())
    return await run.go(tokens)
