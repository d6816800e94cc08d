"""`fleetscan diff`: what changed from one run to a later one."""

from __future__ import annotations

import sys
from pathlib import Path

from fleetscan.cli.command_help import Example
from fleetscan.cli.console import hand_over
from fleetscan.cli.options import reading
from fleetscan.cli.reading import taken
from fleetscan.settings.reading import DiffSettings

EXAMPLES = (
    Example("What changed since a night", "fleetscan diff 20261123 latest"),
    Example("For a pull request or a job's summary", "fleetscan diff 20261123 latest --format markdown"),
)


@reading(DiffSettings, EXAMPLES, arguments=("OLD", "NEW"))
def diff(old: str, new: str, settings: DiffSettings) -> int:
    """Show what changed from one run to a later one.

    OLD and NEW are directories, the beginnings of runs' names or ids, or latest. VMs are compared where both
    runs assessed them; how many were not, and why, is said. A VM is new or gone only if the other run listed
    all of its subscription; a patch counts as installed only if the new list is whole.

    With a history, newly missing patches that their VM had installed before NEW began are told as back again.

    Exit codes: 0 shown; 2 usage, no such run, a run of a later fleetscan, or a history of another fleet; 4
    the output cannot be written.
    """
    from fleetscan import json_text
    from fleetscan.report.changes import markdown_of, text_of
    from fleetscan.report.comparison import diff_of
    from fleetscan.report.sanitize import fit
    from fleetscan.report.screen import columns_of

    before = taken(old, settings).run
    after, newer = taken(new, settings)
    found = diff_of(before, after, None if settings.history is None else Path(settings.history))
    encoding = sys.stdout.encoding or "ascii"
    match settings.format:
        case "json":
            hand_over(json_text.encode_ascii(found))
        case "markdown":
            hand_over(fit(markdown_of(found, newer), encoding))
        case _:
            hand_over(fit("\n".join(text_of(found, columns_of(sys.stdout))), encoding))
    return 0
