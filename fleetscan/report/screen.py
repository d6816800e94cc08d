"""How large a stream is: a terminal's own columns and lines, also where it is too simple for colours."""

from __future__ import annotations

import io
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from rich.console import Console

# Of what is no terminal, and of a terminal that does not tell.
COLUMNS = 80
LINES = 24
# Of no consequence, but without it rich takes every simple terminal to have 80 columns.
ROWS = 25


def columns_of(stream: TextIO) -> int:
    """The columns of `stream`: what COLUMNS says, or the terminal, or 80."""
    if re.fullmatch(r"[1-9][0-9]{0,4}", told := os.environ.get("COLUMNS", ""), re.ASCII):
        return int(told)
    with suppress(OSError, ValueError):
        if stream.isatty():
            return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    return COLUMNS


def rows_of(stream: TextIO) -> int:
    """The lines of `stream`: what LINES says, or the terminal, or 24."""
    if re.fullmatch(r"[1-9][0-9]{0,4}", told := os.environ.get("LINES", ""), re.ASCII):
        return int(told)
    with suppress(OSError, ValueError):
        if stream.isatty():
            return os.get_terminal_size(stream.fileno()).lines or LINES
    return LINES


class Trimmed(io.TextIOBase):
    """Writes lines to `stream` without the blanks at their ends, with which rich fills its columns."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""

    @property
    def encoding(self) -> str:  # type: ignore[override] # a stream's own, which is never set
        return self._stream.encoding

    def write(self, text: str, /) -> int:
        *lines, self._line = (self._line + text).split("\n")
        self._stream.write("".join(f"{line.rstrip(' ')}\n" for line in lines))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def console_on(stream: TextIO) -> Console:
    """rich's console for text that is printed once. Colours are only used on terminals that have them.

    With NO_COLOR nothing is bold either: no escape is written.
    """
    # rich takes longer to import than the rest of the program, so it is imported where something is shown.
    from rich.console import Console

    file: TextIO = stream if stream.isatty() else Trimmed(stream)  # type: ignore[assignment]
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Console(file=file, highlight=False, width=columns_of(stream), height=ROWS, color_system=colours)
