"""A running scan as a few lines of a terminal. Imports rich, so it is loaded when used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fleetscan.cli import wording
from fleetscan.cli.tally import View
from fleetscan.records.sums import percent
from fleetscan.report.figures import counted
from fleetscan.report.sanitize import fit

BETWEEN = "   "


def draw(view: View, encoding: str, *, verbose: bool = False) -> RenderableType:
    """`view` as a bar and three lines, or more where they do not fit: no number is cropped.

    `verbose` shows the speeds too.
    """
    if view.phase != "scanning":
        requests = counted(view.requests, "request", "requests")
        return Flow([Text("Listing"), Text(wording.found(view)), Text(requests)])
    left = wording.left(view) or "time left not known yet"
    return Group(
        _bar(view),
        Flow(_ends(view)),
        Flow([Text(words) for words in (*(wording.speeds(view) if verbose else ()), left)]),
        Text(fit(wording.waiting(view), encoding), overflow="crop", no_wrap=True),
    )


@dataclass(frozen=True, slots=True)
class Flow:
    """Parts beside each other, on as many lines as the width needs: a line ends between two parts alone."""

    parts: Sequence[Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = self.parts[0]
        for part in self.parts[1:]:
            if line.cell_len + len(BETWEEN) + part.cell_len > options.max_width:
                yield line
                line = part
            else:
                line = Text.assemble(line, BETWEEN, part)
        yield line


def _bar(view: View) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column()
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    share = f"{percent(view.done, view.total, decimals=0) or 0:.0f} %" if view.is_listed else "so far"
    bar = ProgressBar(total=max(1, view.total), completed=view.done)
    grid.add_row("Scanning", bar, f"{view.done:,} of {view.total:,}  {share}")
    return grid


def _ends(view: View) -> list[Text]:
    styles = {"assessed": "green", "failed": "bold red" if view.failed else "", "timed out": "bold red"}
    ends = [Text(words, styles.get(words.partition(" ")[2], "")) for words in wording.ends(view)]
    return [*ends, *(Text(words, "cyan") for words in wording.under_way(view))]
