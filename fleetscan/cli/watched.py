"""A scan with output for people: live progress while it runs, the summary when it has finished.

Loads everything that a scan needs, so it is imported only when a scan begins. It has what only the command
line has and not the library: the default directory, and rows on standard output.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import anyio

from fleetscan import json_text
from fleetscan.cli.console import as_command, note_error
from fleetscan.cli.farewell import Farewell
from fleetscan.cli.progress import progress
from fleetscan.errors import FleetscanError, OutputError, Remedy, StoppedError
from fleetscan.records.row import Row
from fleetscan.report.terminal import print_summary
from fleetscan.runs.disk import reason, write_whole
from fleetscan.runs.how_to_resume import command_for
from fleetscan.scanner.live import LiveScan
from fleetscan.scanner.named_run import NamedRun
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

RUNS = "fleetscan-runs"
STREAM = "-"
STDOUT = 1


async def watched_scan(
    settings: Settings,
    stop: anyio.Event,
    credential: str | None = None,
    *,
    named: NamedRun | None = None,
    farewell: Farewell | None = None,
    is_demo: bool = False,
) -> ScanSummary:
    """Scans, with progress and summary on stderr. Raises what `fleetscan.scan` raises.

    `named` is the run that is resumed. A demo's VMs fail as planned, and its Azure ends with it, so that no
    later process can resume it.
    """
    settings = replace(settings, runs=settings.runs or RUNS)
    settings.check_together()
    is_streamed = settings.out == STREAM
    settings = replace(settings, out=None, runs=None) if is_streamed else settings
    with progress(settings.quiet) as hooks:
        live = LiveScan(settings, credential, hooks, are_failures_planned=is_demo, named=named)
        if farewell is not None:
            farewell.watch(live, settings.endpoint, is_kept=not is_streamed and not is_demo)
        summary = await _run(live, stop, is_streamed=is_streamed)
    _tell(summary, settings, is_resumable=not is_demo)
    return summary


def _tell(summary: ScanSummary, settings: Settings, *, is_resumable: bool) -> None:
    if summary.has_run and not settings.quiet:
        is_left = is_resumable and summary.directory is not None
        command = command_for(Path(str(summary.directory)), settings.endpoint) if is_left else None
        print_summary(
            summary.totals,
            directory=summary.directory,
            stream=sys.stderr,
            skipped_on_file_word=summary.skipped_on_file_word,
            running=summary.running,
            resume_command=None if command is None else as_command(command),
        )
    if (error := summary.stopped_by) is not None:
        note_error(error if is_resumable else StoppedError(error.what))


async def _run(live: LiveScan, stop: anyio.Event, *, is_streamed: bool) -> ScanSummary:
    async with live, anyio.create_task_group() as beside:
        beside.start_soon(_stop_when, stop, live)
        if is_streamed:
            is_terminal = os.isatty(STDOUT)
            while (row := await _next(live)) is not None:
                write_row(row, is_terminal=is_terminal)
            summary = live.summary
        else:
            summary = await live.finish()
        beside.cancel_scope.cancel()
    return summary


async def _next(live: LiveScan) -> Row | None:
    """The next row, None after the last: what ended the scan early is told with its summary."""
    with suppress(FleetscanError):
        return await anext(live, None)
    return None


async def _stop_when(stop: anyio.Event, live: LiveScan) -> None:
    await stop.wait()
    live.stop()


def write_row(row: Row, *, is_terminal: bool, fd: int = STDOUT) -> None:
    """Write one row to standard output, whole and unbuffered; raises OutputError where it takes no more.

    On a terminal it is in ASCII, the same row to a parser: no character in it can command the terminal.
    """
    line = json_text.encode_ascii(row).encode() + b"\n" if is_terminal else json_text.encode_line(row)
    keep = Remedy("to keep every row, name a directory with {out}", {"out": None})
    try:
        write_whole(fd, line)
    except BrokenPipeError as error:
        raise OutputError("stdout", "its reader went away", keep) from error
    except OSError as error:
        raise OutputError("stdout", reason(error), keep) from error
