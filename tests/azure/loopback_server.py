"""A server on loopback that says exactly the bytes it is told, and remembers the bytes it was sent."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes to send once a request was read, and what becomes of the connection after them."""

    data: bytes = b""
    then: Literal["keep", "close", "reset", "stall"] = "keep"


OK = Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


class LoopbackServer:
    """Answers requests with `answers` in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.over = asyncio.Event()
        self.handlers: set[asyncio.Task[None] | None] = set()

    @property
    def targets(self) -> list[str]:
        """What stood between method and HTTP version in each request line."""
        return [request.split(b" ", 2)[1].decode() for request in self.requests]

    def header(self, name: str, request: int = -1) -> str | None:
        """The value of a header line as sent, None when the request had none."""
        lines = self.requests[request].partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        named = [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name.lower()}:")]
        assert len(named) <= 1
        return named[0] if named else None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.handlers.add(asyncio.current_task())
        then = "keep"
        try:
            while then == "keep":
                self.requests.append(await _read_request(reader))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                writer.write(answer.data)
                await writer.drain()
                then = answer.then
            if then == "stall":
                await self.over.wait()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        if then == "reset":
            # Lingering for no time at all makes the kernel send a reset instead of an ordinary end.
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    return head + await reader.readexactly(length)


@asynccontextmanager
async def serving(*answers: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[LoopbackServer]:
    """A server that listens on 127.0.0.1 for as long as the block lasts."""
    server = LoopbackServer(*answers)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls, limit=2**20)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.over.set()
        listener.close()
        await listener.wait_closed()
        for handler in server.handlers:
            assert handler is not None
            await asyncio.wait_for(handler, 5)
