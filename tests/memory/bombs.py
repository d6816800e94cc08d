"""Replies that are small on the wire and huge in memory: what fills them, and how they are framed.

Each fill is legal JSON, so that a bound on size alone lets it through just below.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

TOKEN = "sesame" * 10 + "open"
MIB = 1024 * 1024


def _many(unit: bytes) -> Callable[[int], bytes]:
    """`unit`, which ends in a comma, as often as fits."""
    return lambda size_bytes: (unit * (size_bytes // len(unit)))[:-1]


def _text(unit: bytes, first: bytes = b"") -> Callable[[int], bytes]:
    """One text of many `unit`s."""
    return lambda size_bytes: b'"' + first + unit * (size_bytes // len(unit)) + b'"'


def _escaped(token: str) -> bytes:
    """`token` as JSON may spell it, letter by letter."""
    return "".join(f"\\u{ord(letter):04x}" for letter in token).encode()


FILLS: Mapping[str, Callable[[int], bytes]] = {
    "lists": _many(b"[],"),
    "objects": _many(b"{},"),
    "objects of one": _many(b'{"a":1},'),
    "lists of one": _many(b"[1],"),
    "numbers": _many(b"300,"),
    "fractions": _many(b"1.5,"),
    "empty texts": _many(b'"",'),
    "short texts": _many(b'"ab",'),
    "wide texts": _many('"\U0001f600",'.encode()),
    "nested": _many(b"[" * 200 + b"]" * 200 + b","),
    "nested objects": _many(b'{"a":' * 200 + b"1" + b"}" * 200 + b","),
    "too deep": _many(b"[" * 100_000 + b"]" * 100_000 + b","),
    "one text": _text(b"a"),
    "one wide text": _text(b"a", "\U0001f600".encode()),
    "halves": _text(rb"\ud800"),
    "texts of halves": _many(rb'"\ud800",'),
    "escapes": _text(rb"\u0041b"),
    "escapes of escapes": _text(rb"\\\\\\\\u0041b"),
    "percents": _text(b"%252525252541b"),
    "backslashes": _text(rb"\\"),
    "the token": _text(TOKEN.encode() + b" "),
    "the token escaped": _text(_escaped(TOKEN)),
    "the token among escapes": _text(rb"\\\\u0041b", TOKEN.encode()),
}


@dataclass(frozen=True, slots=True)
class Framed:
    """Headers beside the usual ones, and the bytes that follow them."""

    headers: str
    data: bytes


def _gzip(body: bytes) -> Framed:
    data = gzip.compress(body, 6)
    return Framed(f"Content-Encoding: gzip\r\nContent-Length: {len(data)}\r\n", data)


def _deflate(body: bytes) -> Framed:
    data = zlib.compress(body, 6)
    return Framed(f"Content-Encoding: deflate\r\nContent-Length: {len(data)}\r\n", data)


def _raw_deflate(body: bytes) -> Framed:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = packer.compress(body) + packer.flush()
    return Framed(f"Content-Encoding: deflate\r\nContent-Length: {len(data)}\r\n", data)


def _members(body: bytes) -> Framed:
    parts = [gzip.compress(body[at : at + MIB], 6) for at in range(0, len(body), MIB)]
    data = b"".join(parts)
    return Framed(f"Content-Encoding: gzip\r\nContent-Length: {len(data)}\r\n", data)


def _empty_members(body: bytes) -> Framed:
    data = gzip.compress(b"") * 200_000 + gzip.compress(body, 6)
    return Framed(f"Content-Encoding: gzip\r\nContent-Length: {len(data)}\r\n", data)


def _chunks(body: bytes, size_bytes: int = 1000) -> bytes:
    return b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece)
        for piece in (body[at : at + size_bytes] for at in range(0, len(body), size_bytes))
    )


def _chunked(body: bytes) -> Framed:
    data = _chunks(gzip.compress(body, 6))
    return Framed("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", data + b"0\r\n\r\n")


def _byte_chunks(body: bytes) -> Framed:
    return Framed("Transfer-Encoding: chunked\r\n", _chunks(body[: 2 * MIB], 1) + b"0\r\n\r\n")


def _plain(body: bytes) -> Framed:
    return Framed(f"Content-Length: {len(body)}\r\n", body)


def _lying(body: bytes) -> Framed:
    return Framed(f"Content-Length: {10**15}\r\nContent-Encoding: gzip\r\n", gzip.compress(body, 6))


def _many_headers(body: bytes) -> Framed:
    headers = "".join(f"x-ms-{number}: {'h' * 16_000}\r\n" for number in range(100))
    return Framed(f"{headers}Content-Length: 2\r\n", b"{}")


def _pipelined(body: bytes) -> Framed:
    return Framed("Content-Length: 2\r\n", b"{}" + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 200_000)


FRAMES: Mapping[str, Callable[[bytes], Framed]] = {
    "gzip": _gzip,
    "deflate": _deflate,
    "raw deflate": _raw_deflate,
    "gzip in members": _members,
    "gzip after empty members": _empty_members,
    "gzip in chunks": _chunked,
    "plain": _plain,
    "plain, a byte a chunk": _byte_chunks,
    "gzip, of a length that lies": _lying,
    "headers": _many_headers,
    "replies to no request": _pipelined,
}
