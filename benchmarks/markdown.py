"""Lines of text as a Markdown table."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def markdown(names: Sequence[str], lines: Sequence[Sequence[str]], words: Collection[str]) -> str:
    """A table with the columns `names`, those in `words` to the left, numbers to the right."""
    ruler = ["---" if name in words else "--:" for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in (names, ruler, *lines))
