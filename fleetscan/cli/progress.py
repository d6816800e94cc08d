"""Shows a running scan to the person at the terminal, or in the log of the job that runs it.

Everything goes to stderr. On a terminal a few lines are redrawn up to four times a second; elsewhere one
plain line is written every 30 seconds, or as often as is asked for. A scan that breaks has no summary, and so
a last line. With `quiet` only notes and warnings are shown. With `verbose`, quiet or not, each VM that fails
or times out has a line.
"""

from __future__ import annotations

import math
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from textwrap import wrap
from typing import TextIO

from fleetscan.cli import wording
from fleetscan.cli.console import with_remedy
from fleetscan.cli.failed_line import failed_line
from fleetscan.cli.tally import Tally
from fleetscan.errors import Remedy
from fleetscan.model import InventoryError
from fleetscan.records.row import Row
from fleetscan.report.sanitize import fit
from fleetscan.report.screen import columns_of

LINE_EVERY_S = 30.0
TICK_EVERY_S = 1.0
REFRESHES_PER_S = 4
# A blank at which no line ends.
UNBROKEN = "\xa0"
FAILED = frozenset({"failed", "timed_out"})
# Terminals that cannot move the cursor.
DUMB_TERMINALS = frozenset({"", "dumb", "unknown"})

Clock = Callable[[], float]
Say = Callable[[str], None]


@contextmanager
def progress(
    quiet: bool,
    *,
    verbose: bool = False,
    every_s: float = LINE_EVERY_S,
    stream: TextIO | None = None,
    clock: Clock = time.monotonic,
) -> Iterator[Teller]:
    """Hooks that show a scan on `stream` (stderr) while the block runs. `clock` is the one that it uses.

    Without a terminal a line says every `every_s` seconds how the scan stands; 0 for never.
    """
    stream = sys.stderr if stream is None else stream
    is_drawn = stream.isatty() and os.environ.get("TERM", "") not in DUMB_TERMINALS
    shown = (
        _drawn(stream, clock, verbose=verbose)
        if is_drawn and not quiet
        else _written(stream, clock, quiet=quiet, verbose=verbose, every_s=every_s)
    )
    with shown as hooks:
        yield hooks


class Teller(Tally):
    """Counts, and shows notes and warnings at once. `on_failed` gets the rows of VMs that failed."""

    def __init__(self, say: Say, began_at: float, on_failed: Callable[[Row], None] | None = None) -> None:
        super().__init__(began_at)
        self._say = say
        self._on_failed = on_failed
        self.has_told_errors = False

    def row(self, row: Row) -> None:
        """See Hooks."""
        if self._on_failed is not None and row["outcome"] in FAILED:
            self._on_failed(row)

    def note(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        self._say(with_remedy(wording.note(sentence), remedy))

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        self._say(with_remedy(wording.warning(sentence), remedy))

    def inventory_error(self, error: InventoryError) -> None:
        """See Hooks."""
        self.has_told_errors = True
        self._say(wording.not_listed(error))


class Lines:
    """One line on a scan every 30 seconds, for logs. `tick` may be called at any rate."""

    def __init__(
        self, tally: Tally, say: Say, clock: Clock, *, verbose: bool = False, every_s: float = LINE_EVERY_S
    ) -> None:
        self._tally = tally
        self._say = say
        self._clock = clock
        self._verbose = verbose
        self._every_s = every_s or math.inf
        self._due_at = clock() + self._every_s

    def tick(self) -> None:
        """Write a line if one is due."""
        now = self._clock()
        if now >= self._due_at:
            self._due_at = now + self._every_s
            self._say(wording.line(self._tally.view(now), verbose=self._verbose))


@contextmanager
def _written(stream: TextIO, clock: Clock, *, quiet: bool, verbose: bool, every_s: float) -> Iterator[Teller]:
    say = _line_writer(stream)

    def say_failed(row: Row) -> None:
        say(failed_line(row, stream.encoding or "utf-8", columns_of(stream) if stream.isatty() else None))

    tally = Teller(say, clock(), say_failed if verbose else None)
    if quiet:
        yield tally
        return
    say_state = _folded(say, stream)
    with (
        _told_if_broken(tally, say_state, clock),
        ticking(Lines(tally, say_state, clock, verbose=verbose, every_s=every_s).tick, TICK_EVERY_S),
    ):
        yield tally


@contextmanager
def _drawn(stream: TextIO, clock: Clock, *, verbose: bool) -> Iterator[Teller]:
    # rich takes longer to import than the rest of the program, so it is imported where something is shown.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from fleetscan.cli.drawing import draw

    console = Console(file=stream, highlight=False)
    failed = deque[str]()

    def say(line: str) -> None:
        with suppress(OSError):
            console.print(Text(fit(line, console.encoding)), soft_wrap=True)

    def say_failed() -> None:
        if lines := [failed.popleft() for _ in range(len(failed))]:
            say("\n".join(lines))

    def keep(row: Row) -> None:
        failed.append(failed_line(row, console.encoding, console.width))

    tally = Teller(say, clock(), keep if verbose else None)
    live = Live(
        get_renderable=lambda: draw(tally.view(clock()), console.encoding, verbose=verbose),
        console=console,
        refresh_per_second=REFRESHES_PER_S,
        transient=True,
        # stdout carries only data, which does not pass through the display.
        redirect_stdout=False,
    )
    with _told_if_broken(tally, _folded(say, stream), clock), live:
        # Each print draws the display anew, so many lines at once are one print.
        try:
            with ticking(say_failed, 1 / REFRESHES_PER_S) if verbose else nullcontext():
                yield tally
        finally:
            say_failed()


@contextmanager
def _told_if_broken(tally: Tally, say: Say, clock: Clock) -> Iterator[None]:
    """A last line if the block breaks after it had a fleet: the summary that else says so does not follow."""
    began_at = clock()
    try:
        yield
    except BaseException:
        now = clock()
        view = tally.view(now)
        if view.total:
            say(wording.last_line(view, now - began_at))
        raise


@contextmanager
def ticking(tick: Callable[[], None], every_s: float) -> Iterator[None]:
    """Calls `tick` from a thread of its own, so that a scan that hangs is visible as such."""
    finished = threading.Event()

    def run() -> None:
        while not finished.wait(every_s):
            tick()

    thread = threading.Thread(target=run, name="fleetscan-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _folded(say: Say, stream: TextIO) -> Say:
    """Says a line in several where a terminal is narrower; a figure stays beside what it counts."""

    def say_folded(line: str) -> None:
        width = columns_of(stream) if stream.isatty() else len(line) + 1
        beside = re.sub(r"(?<=\d) ", UNBROKEN, line)
        for part in wrap(beside, width, break_on_hyphens=False, subsequent_indent="  "):
            say(part.replace(UNBROKEN, " "))

    return say_folded


def _line_writer(stream: TextIO) -> Say:
    """A function that writes one line. If the reader is gone it does nothing: the scan goes on."""
    encoding = stream.encoding or "utf-8"

    def say(line: str) -> None:
        with suppress(OSError):
            stream.write(fit(line, encoding) + "\n")
            stream.flush()

    return say
