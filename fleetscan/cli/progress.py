"""Shows a running scan to the person at the terminal, or in the log of the job that runs it.

Everything goes to stderr. On a terminal a few lines are redrawn up to four times a second; elsewhere one
plain line is written every 30 seconds and one at the end; with `quiet` only warnings are shown.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from fleetscan.cli import wording
from fleetscan.cli.console import with_remedy
from fleetscan.cli.tally import Tally
from fleetscan.errors import Remedy
from fleetscan.model import InventoryError
from fleetscan.report.sanitize import fit
from fleetscan.scanner.hooks import Hooks

LINE_EVERY_S = 30.0
TICK_EVERY_S = 1.0
REFRESHES_PER_S = 4
# Terminals that cannot move the cursor.
DUMB_TERMINALS = frozenset({"", "dumb", "unknown"})

Clock = Callable[[], float]
Say = Callable[[str], None]


@contextmanager
def progress(quiet: bool, *, stream: TextIO | None = None, clock: Clock = time.monotonic) -> Iterator[Hooks]:
    """Hooks that show a scan on `stream` (stderr) while the block runs, and its final state at the end.

    `clock` is the one that the scan uses.
    """
    stream = sys.stderr if stream is None else stream
    if quiet:
        yield Teller(_line_writer(stream), clock())
    elif stream.isatty() and os.environ.get("TERM", "") not in DUMB_TERMINALS:
        with _drawn(stream, clock) as hooks:
            yield hooks
    else:
        with _written(stream, clock) as hooks:
            yield hooks


class Teller(Tally):
    """Counts, and shows notes and warnings at once."""

    def __init__(self, say: Say, began_at: float) -> None:
        super().__init__(began_at)
        self._say = say

    def note(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        self._say(with_remedy(wording.note(sentence), remedy))

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        self._say(with_remedy(wording.warning(sentence), remedy))

    def inventory_error(self, error: InventoryError) -> None:
        """See Hooks."""
        self._say(wording.not_listed(error))


class Lines:
    """One line on a scan every 30 seconds, for logs. `tick` may be called at any rate."""

    def __init__(self, tally: Tally, say: Say, clock: Clock) -> None:
        self._tally = tally
        self._say = say
        self._clock = clock
        self._due_at = clock() + LINE_EVERY_S

    def tick(self) -> None:
        """Write a line if one is due."""
        now = self._clock()
        if now >= self._due_at:
            self._due_at = now + LINE_EVERY_S
            self._say(wording.line(self._tally.view(now)))


@contextmanager
def _written(stream: TextIO, clock: Clock) -> Iterator[Hooks]:
    say = _line_writer(stream)
    tally = Teller(say, clock())
    with _told_at_the_end(tally, say, clock), _ticking(Lines(tally, say, clock).tick):
        yield tally


@contextmanager
def _drawn(stream: TextIO, clock: Clock) -> Iterator[Hooks]:
    # rich takes longer to import than the rest of the program, so it is imported where something is shown.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from fleetscan.cli.drawing import draw

    console = Console(file=stream, highlight=False)

    def say(line: str) -> None:
        with suppress(OSError):
            console.print(Text(fit(line, console.encoding)), soft_wrap=True)

    tally = Teller(say, clock())
    live = Live(
        get_renderable=lambda: draw(tally.view(clock()), console.encoding),
        console=console,
        refresh_per_second=REFRESHES_PER_S,
        transient=True,
        # stdout carries only data, which does not pass through the display.
        redirect_stdout=False,
    )
    # No last line here: the summary follows on the same screen.
    with live:
        yield tally


@contextmanager
def _told_at_the_end(tally: Tally, say: Say, clock: Clock) -> Iterator[None]:
    """A last line however the block ends, if a fleet was listed."""
    began_at = clock()
    try:
        yield
    finally:
        now = clock()
        view = tally.view(now)
        if view.total:
            say(wording.last_line(view, now - began_at))


@contextmanager
def _ticking(tick: Callable[[], None]) -> Iterator[None]:
    """Calls `tick` every second from a thread of its own, so that a scan that hangs is visible as such."""
    finished = threading.Event()

    def run() -> None:
        while not finished.wait(TICK_EVERY_S):
            tick()

    thread = threading.Thread(target=run, name="fleetscan-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _line_writer(stream: TextIO) -> Say:
    """A function that writes one line. If the reader is gone it does nothing: the scan goes on."""
    encoding = stream.encoding or "utf-8"

    def say(line: str) -> None:
        with suppress(OSError):
            stream.write(fit(line, encoding) + "\n")
            stream.flush()

    return say
