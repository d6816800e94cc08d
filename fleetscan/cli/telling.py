"""A stream for people, written by a thread of its own: it never fails, and holds nothing up.

A pipe that is not read, a terminal stopped with Ctrl-S or gone, a full disk: what is told is waited for a
moment, then is left to the thread, and what the thread has no room for is lost.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from contextlib import suppress

# A stream that is read takes a line within microseconds. One that does not is waited for once, this long.
A_MOMENT_S = 0.25
# At the end: so long without a text that the stream takes.
STUCK_S = 2.0
ROOM_BYTES = 256 * 1024


class Telling(io.RawIOBase):
    """Hands what it is given to a thread that writes it to `raw`: in order, each text whole or not at all."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._texts: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_behind = self._is_closing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override] # what text is encoded to
        """Returns once `data` is written, or left to the thread, or lost."""
        text = bytes(data)
        with self._changed:
            if self._is_closing:
                return len(text)
            if self._waiting_bytes + len(text) <= ROOM_BYTES or not self._texts:
                self._texts.append(text)
                self._waiting_bytes += len(text)
                self._set_to_work()
            if not self._is_behind:
                self._is_behind = not self._changed.wait_for(self._is_done, A_MOMENT_S)
        return len(text)

    def settle(self, within_s: float) -> None:
        """Take no more, and wait for what is still to be written, as long as the stream takes any of it."""
        until = time.monotonic() + within_s
        with self._changed:
            self._is_closing = True
            while self._texts:
                wait_s = min(STUCK_S, until - time.monotonic())
                if wait_s <= 0 or not self._changed.wait(wait_s):
                    return

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def _is_done(self) -> bool:
        return not self._texts

    def _set_to_work(self) -> None:
        self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="fleetscan-telling", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._texts))
                text = self._texts[0]
            # What a stream does not take is lost, and so is what it has no characters for.
            with suppress(OSError, ValueError):
                self._raw.write(text)
            with self._changed:
                self._texts.popleft()
                self._waiting_bytes -= len(text)
                self._is_behind = self._is_behind and bool(self._texts)
                self._changed.notify_all()
