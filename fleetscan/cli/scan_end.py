"""The end of a scan for people: the run's summary with its VMs by name, and what stopped it early."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from fleetscan.cli.console import as_command, note, note_error, shell_word, tell
from fleetscan.cli.log_lines import current
from fleetscan.cli.progress import Teller
from fleetscan.cli.reading import spelled_for
from fleetscan.cli.running import ENDING_S
from fleetscan.errors import FleetscanError, HistoryError, StoppedError
from fleetscan.records.report import Report
from fleetscan.report.commands import Spelled
from fleetscan.report.digest import TooLongError, report_of
from fleetscan.report.terminal import print_summary
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.reader import open_run
from fleetscan.scanner.named_standards import read_standards
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings

# Less than a process that was told to stop is given to end, after its drain.
NAMES_WITHIN_S = ENDING_S / 2


def tell_end(summary: ScanSummary, hooks: Teller, settings: Settings, *, is_resumable: bool) -> None:
    """Print the summary unless the settings are quiet, and what stopped the scan early.

    `is_resumable` where a later process can go on with the run.
    """
    log, is_on_cluster = current(), settings.engine != "process"
    # To programs the last line of the log says it all, with its figures.
    if summary.has_run and not settings.quiet and not (log is not None and log.is_json):
        is_left = is_resumable and not is_on_cluster and summary.directory is not None
        command = command_for(Path(str(summary.directory)), settings.endpoint) if is_left else None
        print_summary(
            summary.totals,
            directory=summary.directory,
            stream=sys.stderr if log is None else log.stream(logging.INFO),
            report=_without_warnings(report_at_end(summary.directory, settings)),
            spelled=_spelled(
                summary.directory, settings.endpoint, is_resumable=is_resumable, is_merged=is_on_cluster
            ),
            skipped_on_file_word=summary.skipped_on_file_word,
            are_errors_told=hooks.has_told_errors,
            running=None if is_on_cluster else summary.running,
            resume_command=None if command is None else as_command(command),
        )
    tell_breaches(summary.breaches)
    if (error := summary.stopped_by) is not None:
        # The summary has the command that resumes.
        is_told = isinstance(error, StoppedError) and not settings.quiet and not is_on_cluster
        note_error(error if is_resumable and not is_told else StoppedError(error.what))


def tell_breaches(sentences: Sequence[str]) -> None:
    """Tell each gate that a run does not pass, with quiet settings too: the exit code comes of it."""
    # In a log the level stands before each line.
    head = "" if current() else "fleetscan: "
    for sentence in sentences:
        tell(f"{head}gate not passed: {sentence}", level=logging.WARNING)


def _spelled(directory: Path | None, endpoint: str, *, is_resumable: bool, is_merged: bool) -> Spelled | None:
    """The commands for the run; no later process can ask an Azure that has ended with this one."""
    if directory is None:
        return None
    spelled = spelled_for(str(directory), endpoint, is_merged=is_merged)
    return spelled if is_resumable else spelled._replace(retry=None)


def _without_warnings(report: Report | None) -> Report | None:
    """They stand above the summary, each where it was told."""
    if report is not None:
        report["warnings"] = []
    return report


def report_at_end(directory: Path | None, settings: Settings) -> Report | None:
    """The report of the run that has just ended; None, said in a warning, where it cannot be read in time.

    The scan has its exit code: whatever goes wrong here only leaves the names of VMs out of its summary.
    """
    if directory is None:
        return None
    until = time.monotonic() + NAMES_WITHIN_S
    try:
        return _judged(directory, settings, lambda: time.monotonic() < until)
    except TooLongError:
        why = f"the run is large; `fleetscan report {shell_word(str(directory))}` shows its VMs by name"
    except FleetscanError as error:
        why = f"the summary is without the names of VMs: {error.what}"
    except Exception as error:  # noqa: BLE001 - a bug in a view must not change how the scan ended
        why = f"the summary is without the names of VMs: {error!r}"
    note("warning", why)
    return None


def _judged(directory: Path, settings: Settings, goes_on: Callable[[], bool]) -> Report:
    """The report by the scan's standards; without the history where that cannot be read: that was told."""
    run, standards = open_run(directory), read_standards(settings)
    if settings.history is not None:
        with suppress(HistoryError):
            return report_of(run, standards, Path(settings.history), goes_on=goes_on)
    return report_of(run, standards, goes_on=goes_on)
