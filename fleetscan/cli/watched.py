"""A scan with output for people: live progress while it runs, the summary when it has finished.

Loads everything that a scan needs, so it is imported only when a scan begins. It has what only the command
line has and not the library: the default directory, and rows on standard output.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import anyio

from fleetscan.cli.console import as_command, note, note_error, shell_word
from fleetscan.cli.options import RUNS
from fleetscan.cli.progress import Teller, progress
from fleetscan.cli.reading import spelled_for
from fleetscan.cli.row_stream import refuse_closed, stream_rows
from fleetscan.cli.running import ENDING_S, attendant
from fleetscan.errors import FleetscanError, StoppedError
from fleetscan.records.report import Report
from fleetscan.report.commands import Spelled
from fleetscan.report.digest import TooLongError, report_of
from fleetscan.report.terminal import print_summary
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.reader import open_run
from fleetscan.scanner.live import LiveScan
from fleetscan.scanner.named_run import NamedRun
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

STREAM = "-"
# Less than a process that was told to stop is given to end, after its drain.
NAMES_WITHIN_S = ENDING_S / 2


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
    if summary.has_run and not settings.quiet:
        is_left = is_resumable and summary.directory is not None
        command = command_for(Path(str(summary.directory)), settings.endpoint) if is_left else None
        print_summary(
            summary.totals,
            directory=summary.directory,
            stream=sys.stderr,
            report=report_at_end(summary.directory),
            spelled=_spelled(summary.directory, settings.endpoint, is_resumable=is_resumable),
            skipped_on_file_word=summary.skipped_on_file_word,
            are_errors_told=hooks.has_told_errors,
            running=summary.running,
            resume_command=None if command is None else as_command(command),
        )
    if (error := summary.stopped_by) is not None:
        # The summary has the command that resumes.
        is_told = isinstance(error, StoppedError) and not settings.quiet
        note_error(error if is_resumable and not is_told else StoppedError(error.what))


def _spelled(directory: Path | None, endpoint: str, *, is_resumable: bool) -> Spelled | None:
    """The commands for the run; no later process can ask an Azure that has ended with this one."""
    if directory is None:
        return None
    spelled = spelled_for(str(directory), endpoint)
    return spelled if is_resumable else spelled._replace(retry=None)


def report_at_end(directory: Path | None) -> Report | None:
    """The report of the run that has just ended; None, said in a warning, where it cannot be read in time.

    The scan has its exit code: whatever goes wrong here only leaves the names of VMs out of its summary.
    """
    if directory is None:
        return None
    until = time.monotonic() + NAMES_WITHIN_S
    try:
        return report_of(open_run(directory), goes_on=lambda: time.monotonic() < until)
    except TooLongError:
        why = f"the run is large; `fleetscan report {shell_word(str(directory))}` shows its VMs by name"
    except FleetscanError as error:
        why = f"the summary is without the names of VMs: {error.what}"
    except Exception as error:  # noqa: BLE001 - a bug in a view must not change how the scan ended
        why = f"the summary is without the names of VMs: {error!r}"
    note("warning", why)
    return None


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
