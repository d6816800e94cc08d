"""A scan with output for people: live progress while it runs, the summary when it has finished.

Loads everything that a scan needs, so it is imported only when a scan begins. It has what only the command
line has and not the library: the default directory, and rows on standard output.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import anyio

from fleetscan.cli.console import as_command, note_error
from fleetscan.cli.options import RUNS
from fleetscan.cli.progress import Teller, progress
from fleetscan.cli.row_stream import refuse_closed, stream_rows
from fleetscan.cli.running import attendant
from fleetscan.errors import StoppedError
from fleetscan.runs.how_to_resume import command_for
from fleetscan.scanner.live import LiveScan
from fleetscan.scanner.named_run import NamedRun
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

STREAM = "-"


async def watched_scan(
    settings: Settings,
    stop: anyio.Event,
    credential: str | None = None,
    *,
    named: NamedRun | None = None,
    is_demo: bool = False,
) -> ScanSummary:
    """Scans, with progress and summary on stderr. Raises what `fleetscan.scan` raises.

    `named` is the run that is resumed. A demo's VMs fail as planned, and its Azure ends with it, so that no
    later process can resume it.
    """
    settings = replace(settings, runs=settings.runs or RUNS)
    settings.check_together()
    is_streamed = settings.out == STREAM
    if is_streamed:
        refuse_closed()
        settings = replace(settings, out=None, runs=None)
    with progress(settings.quiet, verbose=settings.verbose) as hooks:
        live = LiveScan(settings, credential, hooks, are_failures_planned=is_demo, named=named)
        attendant().farewell.watch(live, settings.endpoint, is_kept=not is_streamed and not is_demo)
        summary = await _run(live, stop, is_streamed=is_streamed)
    _tell(summary, hooks, settings, is_resumable=not is_demo)
    return summary


def _tell(summary: ScanSummary, hooks: Teller, settings: Settings, *, is_resumable: bool) -> None:
    from fleetscan.report.terminal import print_summary

    if summary.has_run and not settings.quiet:
        is_left = is_resumable and summary.directory is not None
        command = command_for(Path(str(summary.directory)), settings.endpoint) if is_left else None
        print_summary(
            summary.totals,
            directory=summary.directory,
            stream=sys.stderr,
            skipped_on_file_word=summary.skipped_on_file_word,
            are_errors_told=hooks.has_told_errors,
            running=summary.running,
            resume_command=None if command is None else as_command(command),
        )
    if (error := summary.stopped_by) is not None:
        # The summary has the command that resumes.
        is_told = isinstance(error, StoppedError) and not settings.quiet
        note_error(error if is_resumable and not is_told else StoppedError(error.what))


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
