"""A scan with output for people: live progress while it runs, the summary when it has finished.

Loads everything that a scan needs, so it is imported only when a scan begins.
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
    """Scans, with progress and summary on stderr. Raises what `scan` raises."""
    with progress(settings.quiet) as hooks:
        summary = await scan(settings, token=token, hooks=hooks, stop=stop)
    if not settings.quiet:
        print_summary(summary.fleet, directory=summary.directory, stream=sys.stderr)
    if summary.stopped_by is not None:
        note("error", summary.stopped_by)
    return summary
