"""A scan with output for people: live progress while it runs, the summary when it has finished.

Loads everything that a scan needs, so it is imported only when a scan begins. It has what only the command
line has and not the library: the default directory, and rows on standard output.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import anyio

from fleetscan.cli.console import note_error
from fleetscan.cli.progress import progress
from fleetscan.cli.row_stream import stream_rows
from fleetscan.cli.running import attendant
from fleetscan.report.terminal import print_summary
from fleetscan.scanner.live import LiveScan
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

RUNS = "fleetscan-runs"
STREAM = "-"


async def watched_scan(
    settings: Settings,
    stop: anyio.Event,
    credential: str | None = None,
    *,
    are_failures_planned: bool = False,
) -> ScanSummary:
    """Scans, with progress and summary on stderr. Raises what `fleetscan.scan` raises."""
    settings = replace(settings, runs=settings.runs or RUNS)
    settings.check_together()
    is_streamed = settings.out == STREAM
    farewell = attendant().farewell
    farewell.is_resumable = not is_streamed
    settings = replace(settings, out=None, runs=None) if is_streamed else settings
    farewell.directory = None if settings.out is None else Path(settings.out)
    with progress(settings.quiet, verbose=settings.verbose) as hooks:
        live = LiveScan(settings, credential, hooks, are_failures_planned=are_failures_planned)
        summary = await _run(live, stop, is_streamed=is_streamed)
    if summary.has_run and not settings.quiet:
        print_summary(
            summary.totals,
            directory=summary.directory,
            stream=sys.stderr,
            skipped_on_file_word=summary.skipped_on_file_word,
            are_errors_told=hooks.has_told_errors,
        )
    if summary.stopped_by is not None:
        note_error(summary.stopped_by)
    return summary


async def _run(live: LiveScan, stop: anyio.Event, *, is_streamed: bool) -> ScanSummary:
    async with live, anyio.create_task_group() as beside:
        beside.start_soon(_stop_when, stop, live)
        if is_streamed:
            await stream_rows(live, stop)
            summary = live.summary
        else:
            summary = await live.finish()
        beside.cancel_scope.cancel()
    return summary


async def _stop_when(stop: anyio.Event, live: LiveScan) -> None:
    await stop.wait()
    live.stop()
