"""Pieces of GitHub's Markdown: foreign text in a code span that it cannot leave, and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fleetscan.report.sanitize import sanitize

NAME_LIMIT_CHARS = 100
MESSAGE_LIMIT_CHARS = 200
LINE_LIMIT_CHARS = 1000
PIPE = "\\x7c"


def code(text: str | None, limit: int = NAME_LIMIT_CHARS) -> str:
    """`text` in a code span that it cannot end, on one line; without a pipe, which would end a cell."""
    shown = sanitize(text or "", limit).replace("|", PIPE)
    if not shown:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    # A blank at both ends parts the text's own backticks from the fence, and is not shown.
    blank = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already: foreign text went through `code`."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
