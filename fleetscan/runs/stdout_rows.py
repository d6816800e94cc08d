"""The place for rows that is no directory: a stream of them to whoever reads, and nothing else beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from fleetscan import json_text
from fleetscan.errors import OutputError


class StdoutRows:
    """The rows alone, streamed to a file descriptor; `--out -` leaves no other file behind.

    On a terminal they are in ASCII, the same rows to a parser: no character in them can command it.
    """

    path = None

    def __init__(self, fd: int) -> None:
        self.rows_written = 0
        self._fd = fd
        self._is_terminal = os.isatty(fd)

    def write_row(self, row: bytes) -> int:
        """Write one encoded row, whole and unbuffered; a stream has no place to come back to."""
        if self._is_terminal:
            row = json_text.encode_ascii(json_text.parse(row)).encode() + b"\n"
        try:
            write_whole(self._fd, row)
        except BrokenPipeError as error:
            raise OutputError("stdout", "its reader went away", "use --out DIR to keep every row") from error
        except OSError as error:
            raise OutputError("stdout", reason(error), "use --out DIR instead") from error
        self.rows_written += 1
        return 0

    def sync(self) -> None:
        """Nothing: what was written is the reader's."""

    def write_totals(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Nothing: stdout carries rows alone."""

    def write_run(self, facts: Mapping[str, object]) -> None:
        """Nothing: stdout carries rows alone."""

    def switch_latest(self) -> None:
        """Nothing: there is no directory to be the latest."""

    def close(self) -> None:
        """Nothing: stdout is not ours to close."""


def write_whole(fd: int, data: bytes) -> None:
    """Write all of `data`: one write() as a rule, more where the system took only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def reason(error: OSError) -> str:
    """The system's own words for what went wrong."""
    return error.strerror or str(error)
