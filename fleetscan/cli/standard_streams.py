"""The process's standard streams: open from the start, nothing held back, and no say in the exit code.

What Python holds back in a buffer it writes as it exits, and where that fails the exit code becomes its own,
120. So nothing is held back here: what is written goes out at once. What is printed is for people, and a
stream that does not take it is no reason to fail; of data that was asked for `lost_of` tells what is lost.
"""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import suppress
from typing import TextIO

from fleetscan.cli.telling import Telling

# In this way a stream that was closed is opened on the null device: to read stdin and to write stdout fails
# as on a closed one, and what stderr is told is lost.
CLOSED = ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))


def take_up_streams() -> None:
    """Has stdout and stderr behave as this file says; to be called before anything else opens a file."""
    for fd, mode in CLOSED:
        if not _is_open(fd):
            # The system gives the lowest free number. A socket in its place would be written to as stdout.
            os.open(os.devnull, mode)
            # Programs that are started, such as `az`, expect all three as well.
            os.set_inheritable(fd, True)
    sys.stdout = _unbuffered(sys.stdout, Whole(_raw(sys.stdout, 1)))
    sys.stderr = _unbuffered(sys.stderr, Telling(Whole(_raw(sys.stderr, 2))))


def lost_of(stream: TextIO) -> OSError | None:
    """Why something that was written to `stream` is lost; None where nothing is."""
    raw = getattr(stream, "buffer", None)
    return raw.lost if isinstance(raw, Whole) else None


def write_whole(fd: int, data: bytes) -> None:
    """Write all of `data`, also where another process has made the stream non-blocking; raises OSError."""
    Whole(io.FileIO(fd, "w", closefd=False)).write_or_raise(data)


def settle(stream: TextIO, within_s: float) -> None:
    """Wait for what `stream` still has to tell, as long as it takes any of it, and take no more."""
    raw = getattr(stream, "buffer", None)
    if isinstance(raw, Telling):
        raw.settle(within_s)


class Whole(io.RawIOBase):
    """Writes all it is given to `raw`, at once; `lost` says why the first of it that failed did."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.lost: OSError | None = None

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override] # what text is encoded to
        try:
            self.write_or_raise(data)
        except OSError as error:
            self.lost = self.lost or error
        return len(data)

    def write_or_raise(self, data: bytes | memoryview) -> None:
        """Write all of it; raises OSError where that fails."""
        rest = memoryview(data)
        while rest:
            if (count := self._raw.write(rest)) is None:
                # Non-blocking and full: another process set it so, and it is not ours to set back.
                select.select((), (self.fileno(),), ())
            else:
                rest = rest[count:]

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        with suppress(OSError):
            return self._raw.isatty()
        return False


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _raw(stream: TextIO | None, fd: int) -> io.RawIOBase:
    """Python's own object on the descriptor: on Windows a console's is none of the ordinary ones."""
    buffer = getattr(stream, "buffer", None) or io.FileIO(fd, "w", closefd=False)
    raw: io.RawIOBase = getattr(buffer, "raw", buffer)
    return raw


def _unbuffered(stream: TextIO | None, raw: io.RawIOBase) -> TextIO:
    """`raw` as text, in the encoding of `stream`; UTF-8 where Python found it closed."""
    encoding, errors = (stream.encoding, stream.errors) if stream else ("utf-8", "backslashreplace")
    return io.TextIOWrapper(raw, encoding, errors, newline="\n", write_through=True)  # type: ignore[type-var]
