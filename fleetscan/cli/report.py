"""`fleetscan report --html FILE`: a run as one page for a browser."""

from __future__ import annotations

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import tell
from fleetscan.cli.options import reading
from fleetscan.cli.reading import run_of
from fleetscan.errors import Remedy, UsageError
from fleetscan.settings.reading import ReportSettings

EXAMPLES = (Example("A page for a browser, of the newest run", "fleetscan report --html report.html"),)


@reading(ReportSettings, EXAMPLES)
def report(run: str | None, settings: ReportSettings) -> int:
    """Show a run: coverage, compliance, each VM with its patches, what was not seen.

    RUN is a directory, the beginning of a run's name or id, or `latest`. Without RUN: the newest run under
    --runs that has ended; which one is said on stderr. A run that has not ended is shown as far as it has
    come, and its figures are marked as partial.

    Exit codes: 0 shown; 2 usage, no such run, or a run of a later fleetscan; 4 the output cannot be written.
    """
    if settings.html is None:
        raise UsageError("no file was named for the page", Remedy("name it with {html}", {"html": None}))
    from fleetscan.report.page.write import write_page

    size_bytes = write_page(run_of(run, settings), settings.html)
    tell(f"Page: {settings.html} ({size_bytes / 1e6:.1f} MB)")
    return 0
