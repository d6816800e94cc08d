"""The ways in which a file of a run can be damaged: from its bytes and another run's to other bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TypeAlias

# So much of a line tells its event: {"event":"listed".
LIKE_CHARS = 17

Damage: TypeAlias = Callable[[random.Random, bytes, bytes], bytes]


def flip_a_bit(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """One bit is another."""
    if not data:
        return data
    at = draw.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]


def change_a_digit(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """One digit is another: the line stays JSON."""
    places = [at for at, byte in enumerate(data) if chr(byte).isdigit()]
    if not places:
        return data
    at = draw.choice(places)
    return data[:at] + draw.choice(b"0123456789").to_bytes(1, "big") + data[at + 1 :]


def overwrite(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """Some bytes are others, and perhaps more or fewer."""
    at, instead = draw.randrange(len(data) + 1), draw.randbytes(draw.randrange(40))
    return data[:at] + instead + data[at + draw.randrange(40) :]


def zero(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """A stretch is zeros: blocks that never reached the disk."""
    at = draw.randrange(len(data) + 1)
    length = min(draw.choice((1, 100, 4096)), len(data) - at)
    return data[:at] + b"\0" * length + data[at + length :]


def zero_the_end(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """All is zeros from some place on, and perhaps beyond the end."""
    at = draw.randrange(len(data) + 1)
    return data[:at] + b"\0" * (len(data) - at + draw.choice((0, 4096)))


def cut(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """The file ends at any byte."""
    return data[: draw.randrange(len(data) + 1)]


def drop_the_beginning(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """The file begins at any byte."""
    return data[draw.randrange(len(data) + 1) :]


def empty(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """Nothing is left."""
    return b""


def by_lines(change: Callable[[random.Random, list[bytes], list[bytes]], None]) -> Damage:
    """A damage that is done to a file's lines."""

    def damaged(draw: random.Random, data: bytes, other: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        if lines:
            change(draw, lines, other.splitlines(keepends=True))
        return b"".join(lines)

    return damaged


def _drop(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    del lines[draw.randrange(len(lines))]


def _drop_some(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    at = draw.randrange(len(lines))
    del lines[at : at + draw.randrange(1, 5)]


def _drop_the_last(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    del lines[len(lines) - draw.randrange(1, 4) :]


def _double(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines))


def _swap(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    one, two = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]


def _swap_alike(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    """Two lines of one event change places, such as two VMs of the listing."""
    kind = draw.choice(lines)[:LIKE_CHARS]
    alike = [number for number, line in enumerate(lines) if line.startswith(kind)]
    one, two = draw.choice(alike), draw.choice(alike)
    lines[one], lines[two] = lines[two], lines[one]


def _shuffle(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    draw.shuffle(lines)


def _carriage_returns(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    lines[:] = [line.replace(b"\n", b"\r\n") for line in lines]


def _note(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    note = draw.choice((b"\n", b"{}\n", b"a note\n", b"a note"))
    lines.insert(draw.randrange(len(lines) + 1), note)


def _foreign_line(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    if others:
        lines.insert(draw.randrange(len(lines) + 1), draw.choice(others))


def _foreign_end(draw: random.Random, lines: list[bytes], others: list[bytes]) -> None:
    lines[draw.randrange(len(lines)) :] = others[draw.randrange(len(others) + 1) :]


def another_file(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """The other run's file stands in its place."""
    return other


KINDS: Mapping[str, Damage] = {
    "a bit flipped": flip_a_bit,
    "a digit changed": change_a_digit,
    "overwritten": overwrite,
    "zeros": zero,
    "zeros at the end": zero_the_end,
    "cut": cut,
    "the beginning dropped": drop_the_beginning,
    "emptied": empty,
    "a line dropped": by_lines(_drop),
    "lines dropped": by_lines(_drop_some),
    "the last lines dropped": by_lines(_drop_the_last),
    "a line doubled": by_lines(_double),
    "two lines swapped": by_lines(_swap),
    "two lines of one kind swapped": by_lines(_swap_alike),
    "lines shuffled": by_lines(_shuffle),
    "CRLF": by_lines(_carriage_returns),
    "a note": by_lines(_note),
    "a line of another run": by_lines(_foreign_line),
    "the end of another run": by_lines(_foreign_end),
    "another run's file": another_file,
}
