"""A whole scan as one function: lists the fleet, assesses every VM, writes the files."""

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

    `token` is a ready bearer token; without it azure-identity's credential chain is used. `hooks` are called
    as things happen. Setting `stop` stops the scan cleanly: rows and totals are on disk when it returns, and
    unfinished VMs are counted as interrupted.

    Raises a `FleetscanError` for what keeps a scan from beginning (its `exit_code` is the process's). Once
    the fleet is listed it raises only BrokenIdentityError: the summary says what else stopped it early.
    """
    settings.check_together()
    if not settings.resume:
        refuse_used(settings.out)
    async with connect(settings, token) as (transport, tokens):
        return await scan_over(transport, settings, tokens=tokens, hooks=hooks, stop=stop)


async def scan_over(
    transport: Exchanger,
    settings: Settings,
    *,
    tokens: TokenSource | None = None,
    hooks: Hooks | None = None,
    stop: anyio.Event | None = None,
) -> ScanSummary:
    """`scan` over a transport that is already open. `tokens` tell run.json who ran it."""
    run = Run(transport, settings, hooks or Hooks(), stop or anyio.Event())
    return await run.go(tokens)
