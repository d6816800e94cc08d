"""`fleetscan report`: a run on one screen, as Markdown or as JSON on stdout; or as a page in a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over, handed_over, tell
from fleetscan.cli.leading import attendant
from fleetscan.cli.options import reading
from fleetscan.cli.reading import spelled_for, taken
from fleetscan.errors import Remedy, UsageError
from fleetscan.settings.reading import ReportSettings

if TYPE_CHECKING:
    from fleetscan.records.report import Report
    from fleetscan.report.which_run import NewerRun
    from fleetscan.runs.reader import Run

EXAMPLES = (
    Example("The newest run that has ended", "fleetscan report"),
    Example("For a pull request or a job's summary", "fleetscan report latest --format markdown > report.md"),
    Example("A page for a browser", "fleetscan report --html report.html"),
    Example("For programs", "fleetscan report latest --format json > report.json"),
)


@reading(ReportSettings, EXAMPLES)
def report(run: str | None, settings: ReportSettings) -> int:
    """Show a run: what was seen, what is missing, what failed.

    RUN is a directory, the beginning of a run's name or id, or `latest`. Without RUN: the newest run under
    --runs that has ended; which one is said on stderr. A run that has not ended is shown as far as it has
    come, and its figures are marked as partial.

    Exit codes: 0 shown; 2 usage, no such run, or a run of a later fleetscan; 4 the output cannot be written.
    """
    if settings.html is not None and settings.format is not None:
        remedy = Remedy("give {html} or {format}", {"html": None, "format": None})
        raise UsageError("a page has no other format", remedy)
    run_shown, newer = taken(run, settings)
    if settings.html is not None:
        _write_page(run_shown, settings.html, newer)
        return 0
    from fleetscan.report.digest import report_of

    record = report_of(run_shown)
    _show(record, settings.format, newer)
    return 0


def _write_page(run: Run, path: str, newer: NewerRun | None) -> None:
    from fleetscan.report.digest import directory_of
    from fleetscan.report.page.render import Beside
    from fleetscan.report.page.write import write_page

    retry = spelled_for(str(directory_of(run.path)), run.facts["selection"].get("endpoint")).retry
    size_bytes = write_page(run, path, Beside(newer, retry), attendant().half_written.append)
    tell(f"Page: {path} ({size_bytes / 1e6:.1f} MB)")


def _show(record: Report, form: str | None, newer: NewerRun | None) -> None:
    from fleetscan.report.commands import of_run

    spelled = spelled_for(record["directory"] or "", record["selection"].get("endpoint"))
    for reason in record["not_assessed"]:
        reason["to_do"] = of_run(reason["to_do"], spelled.retry)
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
