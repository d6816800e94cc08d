"""A plan on one screen: the groups, as many as there is room for, then the facts, and the headline last.

Reads only the record of fleetscan.plan/1. Foreign names are sanitized, and so are texts that the stream's
encoding lacks characters for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TextIO

from fleetscan.records.plan import Plan
from fleetscan.report.cells import cut, folded
from fleetscan.report.plan_groups import table_lines
from fleetscan.report.plan_words import PlanWords, Row
from fleetscan.report.sanitize import fit, sanitize
from fleetscan.report.screen import console_on, rows_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

LABEL_CELLS = 13
# Narrower, a label stands above its text and not beside it.
NARROW_CELLS = 48
NARROW_INDENT = 2
# What strangers give, such as a selection of many long names, takes no more than so many lines.
MOST_LINES = 3
# The line where the shell asks for the next command.
PROMPT = 1


def print_plan(record: Plan, *, stream: TextIO) -> None:
    """Print what `record`, of schema fleetscan.plan/1, says. Colours are only used on terminals."""
    screen = _Screen(console_on(stream))
    words = PlanWords(record, sanitize)
    below = [*screen.rows(words)]
    sentence, style = words.headline()
    end = screen.paragraph(sentence, style)
    above = [""] if below else []
    if record["groups"]:
        # A blank line stands above each part.
        room = rows_of(stream) - PROMPT - len([*above, *below, "", *end, ""])
        shown_as = partial(fit, encoding=screen.encoding)
        table = table_lines(record["groups"], width=screen.width, lines=room, shown_as=shown_as)
        screen.part([(line, "") for line in table])
    screen.part(below)
    screen.part(end)


class _Screen:
    """Lines on `console`, none wider than it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.encoding = console.encoding
        self.width = console.width

    def part(self, lines: list[tuple[str, str]]) -> None:
        """Lines with their styles, below a blank one."""
        if not lines:
            return
        self._console.print()
        for words, style in lines:
            self._console.print(self._text(words, style), soft_wrap=True)

    def rows(self, words: PlanWords) -> list[tuple[str, str]]:
        """The lines of all that `words` have to say, with their styles."""
        return [line for row in words.rows() for line in self._row(row)]

    def paragraph(self, words: str, style: str) -> list[tuple[str, str]]:
        """The lines of a sentence."""
        return [(line, style) for line in folded(fit(words, self.encoding), self.width)]

    def _row(self, row: Row) -> list[tuple[str, str]]:
        label, words, style = row
        is_narrow = self.width < NARROW_CELLS
        indent = NARROW_INDENT if is_narrow else LABEL_CELLS
        lines = folded(fit(words, self.encoding), self.width - indent)
        if len(lines) > MOST_LINES:
            lines = [*lines[: MOST_LINES - 1], cut(" ".join(lines[MOST_LINES - 1 :]), self.width - indent)]
        if is_narrow:
            return [(label, style), *((" " * indent + line, style) for line in lines)]
        labels = [label, *[""] * (len(lines) - 1)]
        return [(beside.ljust(indent) + line, style) for beside, line in zip(labels, lines, strict=True)]

    def _text(self, words: str, style: str) -> Text:
        """rich does not read markup in it."""
        from rich.text import Text

        return Text(words, style)
