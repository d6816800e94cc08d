"""`fleetscan report`: a run on one screen, as Markdown or as JSON on stdout; or as a page in a file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over, handed_over, note, tell
from fleetscan.cli.leading import attendant
from fleetscan.cli.options import reading
from fleetscan.cli.reading import run_of, spelled_of, taken
from fleetscan.errors import Remedy, StoppedError, UsageError
from fleetscan.records.run import BREACHED
from fleetscan.settings.reading import ReportSettings

if TYPE_CHECKING:
    from fleetscan.records.report import Report
    from fleetscan.report.commands import Spelled
    from fleetscan.report.page.render import Beside
    from fleetscan.report.which_run import NewerRun
    from fleetscan.runs.reader import Run

EXAMPLES = (
    Example("The newest run that has ended", "fleetscan report"),
    Example("For a pull request or a job's summary", "fleetscan report latest --format markdown > report.md"),
    Example("A page for a browser", "fleetscan report --html report.html"),
    Example("And what changed since a night", "fleetscan report --html report.html --since 20261123"),
    Example("For programs", "fleetscan report latest --format json > report.json"),
)


@reading(ReportSettings, EXAMPLES)
def report(run: str | None, settings: ReportSettings) -> int:
    """Show a run: what was seen, what is missing, what failed.

    RUN is a directory, the beginning of a run's name or id, or `latest`. Without RUN: the newest run under
    --runs that has ended; which one is said on stderr. A run that has not ended is shown as far as it has
    come, and its figures are marked as partial.

    With --fail-on, a complete run that does not pass a gate ends with 1, each gate told on stderr. A run that
    is not complete, or is older than an unfinished one where none is named, is shown and not judged.

    Exit codes: 0 shown; 1 a gate was not passed; 2 usage, no such run, or a run of a later fleetscan; 4 the
    output cannot be written; 5 gates that cannot be judged on a run that is not complete.
    """
    from fleetscan.scanner.named_standards import read_standards

    if settings.html is not None and settings.format is not None:
        remedy = Remedy("give {html} or {format}", {"html": None, "format": None})
        raise UsageError("a page has no other format", remedy)
    if settings.html is None and settings.since is not None:
        remedy = Remedy("give {html} too, or use `fleetscan diff OLD NEW`", {"html": None})
        raise UsageError("only a page shows what changed since a run", remedy)
    standards = read_standards(settings, settings.as_of)
    history = None if settings.history is None else Path(settings.history)
    run_shown, newer = taken(run, settings)
    is_gated = bool(standards.gates)
    if newer is not None:
        # An older run is not judged in the place of a newer one that is not complete.
        standards = replace(standards, gates=())
    if settings.html is not None:
        from fleetscan.report.page.render import Beside

        since = None if settings.since is None else run_of(settings.since, settings)
        record = _write_page(run_shown, settings.html, Beside(newer, None, standards, history, since))
    else:
        from fleetscan.report.digest import report_of

        record = report_of(run_shown, standards, history)
        _show(record, settings.format, newer, spelled_of(run_shown))
    return _gated(record, newer) if is_gated else 0


def _gated(record: Report, newer: NewerRun | None) -> int:
    """The exit code of a run that gates are set for, each one that it does not pass told."""
    from fleetscan.cli.scan_end import tell_breaches

    if newer is not None:
        note("warning", "gates are not judged: a newer run is not complete. Name this run to judge it")
        return StoppedError.exit_code
    if record["state"] != "complete" or record["breaches"] is None:
        note("warning", "gates are judged on complete runs alone, and this run is not complete")
        return StoppedError.exit_code
    tell_breaches(record["breaches"])
    return BREACHED if record["breaches"] else 0


def _write_page(run: Run, path: str, beside: Beside) -> Report:
    from fleetscan.report.page.write import write_page

    beside = replace(beside, spelled=spelled_of(run))
    written = write_page(run, path, beside, attendant().half_written.append)
    tell(f"Page: {path} ({written.size_bytes / 1e6:.1f} MB)")
    return written.report


def _show(record: Report, form: str | None, newer: NewerRun | None, spelled: Spelled) -> None:
    from fleetscan.report.commands import of_run

    for reason in record["not_assessed"]:
        reason["to_do"] = of_run(reason["to_do"], spelled)
    match form:
        case "json":
            from fleetscan import json_text

            hand_over(json_text.encode_ascii(record))
        case "markdown":
            from fleetscan.report.markdown import markdown_of
            from fleetscan.report.sanitize import fit

            hand_over(fit(markdown_of(record, spelled, newer), sys.stdout.encoding or "ascii"))
        case _:
            from fleetscan.report.terminal import print_report

            print_report(record, stream=sys.stdout, spelled=spelled)
            handed_over()
