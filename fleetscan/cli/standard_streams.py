"""The process's standard streams: open from the start, nothing held back, and no say in the exit code.

What Python holds back in a buffer it writes as it exits, and where that fails the exit code becomes its own,
120. So nothing is held back here: what is written goes out at once. A stdout that takes nothing is an error
with a sentence, a stderr that takes nothing is no reason to fail.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import NoReturn, TextIO

from fleetscan.errors import CannotScanError

# In this way a stream that was closed is opened on the null device: to read stdin and to write stdout fails
# as on a closed one, and what stderr is told is lost.
CLOSED = ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))


def take_up_streams() -> None:
    """Has stdout and stderr behave as this file says; to be called before anything else opens a file.

    Raises CannotScanError from then on where a write to stdout fails.
    """
    for fd, mode in CLOSED:
        if not _is_open(fd):
            # The system gives the lowest free number. A socket in its place would be written to as stdout.
            os.open(os.devnull, mode)
    sys.stdout = _unbuffered(sys.stdout, 1, _refuse)
    sys.stderr = _unbuffered(sys.stderr, 2, lambda error: None)


class Unbuffered(io.RawIOBase):
    """Writes all it is given to `raw`, at once; `on_error` is called where that fails, and may raise."""

    def __init__(self, raw: io.RawIOBase, on_error: Callable[[OSError], None]) -> None:
        self._raw = raw
        self._on_error = on_error

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override] # what text is encoded to
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._write_some(rest) :]
        except OSError as error:
            self._on_error(error)
        return len(data)

    def _write_some(self, data: memoryview) -> int:
        count = self._raw.write(data)
        if count is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return count

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _unbuffered(stream: TextIO | None, fd: int, on_error: Callable[[OSError], None]) -> TextIO:
    """`stream` without its buffer, in the same encoding; UTF-8 where Python found it closed."""
    encoding, errors = (stream.encoding, stream.errors) if stream else ("utf-8", "backslashreplace")
    # Python's own object on the descriptor: on Windows a console's is none of the ordinary ones.
    buffer = getattr(stream, "buffer", None) or io.FileIO(fd, "w", closefd=False)
    raw = Unbuffered(getattr(buffer, "raw", buffer), on_error)
    return io.TextIOWrapper(raw, encoding, errors, newline="\n", write_through=True)  # type: ignore[type-var]


def _refuse(error: OSError) -> NoReturn:
    raise CannotScanError(f"cannot write to standard output: {error.strerror}") from error
