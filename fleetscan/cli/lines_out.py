"""Lines of a table on stdout, in pieces: a large fleet's list would be held twice."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice

from fleetscan.cli.console import handed_over
from fleetscan.report.sanitize import fit, sanitize

LINES_AT_ONCE = 1000
# One character is ten where it is written as an escape.
LONGEST_ESCAPE = 10


def write_lines(lines: Iterable[str], *, are_verbatim: bool = False) -> None:
    """Write `lines`; raises CannotScanError where that fails.

    `are_verbatim` where texts stand in them as Azure has them: so they do in a file, and a terminal, which
    would obey them, gets them sanitized.
    """
    encoding = sys.stdout.encoding or "ascii"
    left = iter(map(_harmless, lines) if are_verbatim and sys.stdout.isatty() else lines)
    while piece := "".join(f"{line}\n" for line in islice(left, LINES_AT_ONCE)):
        sys.stdout.write(fit(piece, encoding))
        # `head` has enough of a large fleet soon.
        handed_over()


def _harmless(line: str) -> str:
    return sanitize(line, LONGEST_ESCAPE * (len(line) + 1))
