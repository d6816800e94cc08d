"""A scan with somebody watching: live progress while it runs, the summary when it has ended.

Loads everything a scan needs, so it is imported when a scan begins and not before.
"""

from __future__ import annotations

import sys

import anyio

from fleetscan.cli.console import note
from fleetscan.cli.progress import progress
from fleetscan.report.terminal import print_summary
from fleetscan.scanner.scan import ScanSummary, scan
from fleetscan.settings.declared import Settings


async def watched_scan(settings: Settings, token: str | None, stop: anyio.Event) -> ScanSummary:
    """Scans, shows how it goes and what came of it on stderr. Raises what `scan` raises."""
    with progress(settings.quiet) as hooks:
        summary = await scan(settings, token=token, hooks=hooks, stop=stop)
    if not settings.quiet:
        print_summary(summary.fleet, directory=summary.directory, stream=sys.stderr)
    if summary.stopped_by is not None:
        note("error", summary.stopped_by)
    return summary
