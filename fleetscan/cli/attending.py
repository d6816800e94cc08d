"""The process's main thread: it hears signals at any moment, because the work runs in a thread of its own.

So nothing that the work waits for (a pipe, a file system, a name server) can hold back a signal. Python runs
signal handlers in the main thread alone; here they only put the signal's number in a queue.

1. While a loop runs, the first signal asks it to stop; SIGINT after that ends the process at once, with 130.
   If the work has not ended when its time is over, the process ends with 5.
2. While none runs there is nothing to stop in good order: SIGINT ends the process at once with 130, the
   others with 5 and a sentence. Files that the work has half written are removed then.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import NoReturn, TextIO, TypeAlias

from fleetscan.cli.farewell import Farewell
from fleetscan.cli.log_lines import current
from fleetscan.cli.standard_streams import settle

SHOW_CURSOR = "\x1b[?25h"
STOPPING = "Stopping. Press Ctrl-C again to quit at once.\n"
STOPPED = 5
BUG = 70
INTERRUPTED = 130
# How long a reader of stderr that is slow is given to take what it was told.
LAST_WORDS_S = 10.0
AT_ONCE_S = 0.5
# What is said and written of an end that was forced; where the work ended by itself, that is done.
LAST_THINGS_S = 2.0
# A signal wakes the main thread; should the system hand it to another thread, this is how late it is heard.
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Ended:
    """The work has ended."""

    code: int


@dataclass(frozen=True, slots=True)
class Stoppable:
    """Work that `stop` asks to end, from any thread, and that ends within `within_s` of that."""

    stop: Callable[[], object]
    within_s: float


@dataclass(frozen=True, slots=True)
class Asked:
    """The signal that asked the work to end, when, and until when it is waited for."""

    name: str
    at: float
    until: float


Heard: TypeAlias = Ended | signal.Signals


class Attendant:
    """Made once for a process, which it leads to its end. Where it does not lead it hears nothing."""

    def __init__(self) -> None:
        self.farewell = Farewell()
        self.half_written: list[Path] = []
        """Files that are removed where the process ends before its work does, which would remove them."""
        self.at_end: list[Callable[[int], object]] = []
        """What is still to be written, and said, of an end with a code; it may have been done."""
        self._heard: SimpleQueue[Heard] = SimpleQueue()
        self._stoppable: Stoppable | None = None
        self._asked: Asked | None = None

    def lead(self, work: Callable[[], int]) -> NoReturn:
        """Run `work` in a thread, attend to signals, and end the process with the code of whichever ends it.

        Python's own end is left out: it would wait for threads that may never end, and take its own code.
        """
        # The terminal's own: a display puts itself in the place of sys.stderr while it draws.
        stderr = sys.stderr
        for number in _to_hear():
            signal.signal(number, self._hear)
        threading.Thread(target=self._run, args=(work,), name="fleetscan", daemon=True).start()
        code = self._attend(stderr)
        self._conclude(code)
        for path in self.half_written:
            with suppress(OSError):
                path.unlink()
        settle(stderr, AT_ONCE_S if code == INTERRUPTED else LAST_WORDS_S)
        os._exit(code)

    @contextmanager
    def stopping(self, stop: Callable[[], object], within_s: float) -> Iterator[None]:
        """While the block runs the first signal calls `stop`, after which the work ends within `within_s`."""
        self._stoppable = Stoppable(stop, within_s)
        try:
            yield
        finally:
            self._stoppable = None

    def _hear(self, number: int, _: FrameType | None) -> None:
        self._heard.put(signal.Signals(number))

    def _run(self, work: Callable[[], int]) -> None:
        code = BUG
        try:
            code = work()
        except BaseException:  # noqa: BLE001 - a package that cannot be imported; the main thread must hear of it
            traceback.print_exc()
        # Under these names another process may be writing by now.
        self.half_written.clear()
        self._heard.put(Ended(code))

    def _attend(self, stderr: TextIO) -> int:
        """The exit code, once there is one."""
        code: int | None = None
        while code is None:
            try:
                heard = self._heard.get(timeout=LOOK_EVERY_S)
            except Empty:
                code = self._look(stderr)
            else:
                code = heard.code if isinstance(heard, Ended) else self._heed(heard, stderr)
        return code

    def _conclude(self, code: int) -> None:
        """Say the last things, in a thread: a disk that hangs must not hold up the end."""

        def conclude() -> None:
            for last in self.at_end:
                last(code)

        thread = threading.Thread(target=conclude, name="fleetscan-end", daemon=True)
        thread.start()
        thread.join(LAST_THINGS_S)

    def _heed(self, number: signal.Signals, stderr: TextIO) -> int | None:
        """What a signal does; the exit code where it ends the process."""
        if self._asked is not None:
            if number == signal.SIGINT:
                _say(self.farewell.quit(), stderr)
                return INTERRUPTED
            return self._look(stderr)
        stoppable = self._stoppable
        if stoppable is None:
            if number == signal.SIGINT:
                return INTERRUPTED
            _say(f"fleetscan: error: stopped by {number.name}", stderr)
            return STOPPED
        now = time.monotonic()
        self._asked = Asked(number.name, now, now + stoppable.within_s)
        # A loop that has closed meanwhile refuses: its work ends anyway.
        with suppress(RuntimeError):
            stoppable.stop()
        if number == signal.SIGINT:
            sys.stderr.write(STOPPING)
        return None

    def _look(self, stderr: TextIO) -> int | None:
        """The exit code where work that was asked to end has not."""
        if self._asked is None or time.monotonic() < self._asked.until:
            return None
        _say(self.farewell.overdue(self._asked.name, self._asked.until - self._asked.at), stderr)
        return STOPPED


def _to_hear() -> Iterator[signal.Signals]:
    """SIGINT, SIGTERM, and SIGHUP unless it is ignored, as it is under `nohup`. Windows lacks that one."""
    yield signal.SIGINT
    yield signal.SIGTERM
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        yield hangup


def _say(sentence: str, stderr: TextIO) -> None:
    """The last words; a display may have hidden the cursor."""
    if (log := current()) is not None:
        log.tell(logging.ERROR, sentence.removeprefix("fleetscan: error: "))
        return
    stderr.write(f"{SHOW_CURSOR if stderr.isatty() else ''}{sentence}\n")
