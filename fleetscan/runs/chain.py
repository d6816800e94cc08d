"""Lines that vouch for one another: each ends with a checksum of itself and of all the lines before it.

So a line that was altered, dropped, swapped or doubled shows, and so does one of another file. The checksum
is CRC-32, over the bytes as they are in the file: a line is checked without being written anew.
"""

from __future__ import annotations

from zlib import crc32

# What the first line follows.
NOTHING_BEFORE = 0

KEY = b',"crc":'


def seal(text: bytes, before: int) -> tuple[bytes, int]:
    """The line of the JSON object `text` after one with the checksum `before`, and its own checksum."""
    told = text[:-1]
    crc = crc32(told, before)
    return b"%b%b%d}\n" % (told, KEY, crc), crc


def check(line: bytes, before: int) -> int:
    """The checksum of `line`; raises ValueError where it is not as it was written after `before`."""
    told, _, end = line.rpartition(KEY)
    crc = crc32(told, before)
    if end != b"%d}\n" % crc:
        raise ValueError("it is not as it was written, or does not follow the line before it")
    return crc
