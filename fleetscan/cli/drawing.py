"""A running scan as a few lines of a terminal. Imports rich, so it is loaded when used."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fleetscan.cli import wording
from fleetscan.cli.tally import View
from fleetscan.report.figures import counted
from fleetscan.report.sanitize import fit

BETWEEN = "   "


def draw(view: View, encoding: str) -> RenderableType:
    """`view` as a bar and three lines: always the same number, so that nothing jumps."""
    if view.phase != "scanning":
        requests = counted(view.requests, "request", "requests")
        return _line(f"Listing{BETWEEN}{wording.found(view)}{BETWEEN}{requests}", encoding)
    left = wording.left(view) or "time left not known yet"
    throttled = f"{view.throttled:,} throttled"
    speeds = f"{view.starts_per_s:.1f} starts/s{BETWEEN}{view.polls_per_s:.1f} polls/s{BETWEEN}{throttled}"
    return Group(
        _bar(view),
        _ends(view),
        _line(f"{speeds}{BETWEEN}{left}", encoding),
        _line(wording.waiting(view), encoding),
    )


def _bar(view: View) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column()
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    percent = 100 * view.done // view.total if view.total else 0
    bar = ProgressBar(total=max(1, view.total), completed=view.done)
    grid.add_row("Scanning", bar, f"{view.done:,} of {view.total:,}  {percent} %")
    return grid


def _ends(view: View) -> Text:
    return Text(BETWEEN, overflow="crop", no_wrap=True).join(
        (
            Text(f"{view.assessed:,} assessed", "green"),
            Text(f"{view.failed:,} failed", "bold red" if view.failed else ""),
            Text(f"{view.skipped:,} skipped"),
            Text(wording.running(view), "cyan"),
        )
    )


def _line(text: str, encoding: str) -> Text:
    return Text(fit(text, encoding), overflow="crop", no_wrap=True)
