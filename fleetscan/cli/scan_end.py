"""The end of a scan for people: the run's summary with its VMs by name, and what stopped it early."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from fleetscan.cli.console import as_command, note, note_error, shell_word
from fleetscan.cli.progress import Teller
from fleetscan.cli.reading import spelled_for
from fleetscan.cli.running import ENDING_S
from fleetscan.errors import FleetscanError, StoppedError
from fleetscan.records.report import Report
from fleetscan.report.commands import Spelled
from fleetscan.report.digest import TooLongError, report_of
from fleetscan.report.terminal import print_summary
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.reader import open_run
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

# Less than a process that was told to stop is given to end, after its drain.
NAMES_WITHIN_S = ENDING_S / 2


def tell_end(summary: ScanSummary, hooks: Teller, settings: Settings, *, is_resumable: bool) -> None:
    """Print the summary unless the settings are quiet, and what stopped the scan early.

    `is_resumable` where a later process can go on with the run.
    """
    if summary.has_run and not settings.quiet:
        is_left = is_resumable and summary.directory is not None
        command = command_for(Path(str(summary.directory)), settings.endpoint) if is_left else None
        print_summary(
            summary.totals,
            directory=summary.directory,
            stream=sys.stderr,
            report=_without_warnings(report_at_end(summary.directory)),
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


def _without_warnings(report: Report | None) -> Report | None:
    """They stand above the summary, each where it was told."""
    if report is not None:
        report["warnings"] = []
    return report


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
