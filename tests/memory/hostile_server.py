"""A simulated Azure on loopback whose first replies of one kind are bombs, all sent at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetscan.model import Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.memory.bombs import Framed

# A request of the kind waits so long for the others of its number.
TOGETHER_S = 3.0
RESULT = b'"status":"Succeeded","criticalAndSecurityPatchCount":1,"otherPatchCount":0'
# What stands around a fill where it is the reply to a request of a kind.
AROUND = {
    "subscriptions": (b'{"value":[', b"]}"),
    "graph": (b'{"totalRecords":1,"count":1,"data":[', b"]}"),
    "busy": (b'{"totalRecords":1,"count":1,"data":[', b"]}"),
    "machines": (b'{"value":[', b"]}"),
    "start": (b"{" + RESULT + b',"patches":[', b"]}"),
    "poll": (
        b'{"status":"Succeeded","properties":{"output":{' + RESULT + b',"patches":[',
        b"]}}}",
    ),
    "running": (b'{"status":"InProgress","properties":[', b"]}"),
    "result": (b"{" + RESULT + b',"patches":[', b"]}"),
    "view": (
        b'{"properties":{"instanceView":{"patchStatus":{"availablePatchSummary":{"more":[',
        b"]}}}}}",
    ),
    "latest": (b'{"totalRecords":1,"count":1,"data":[', b"]}"),
    "refusal": (b'{"error":{"code":"Odd","message":"","details":[', b"]}}"),
}
STATUS = {"refusal": 400}


def kind_of(request: Request) -> str:
    """What a request asks for, as a key of AROUND."""
    url = request.url.lower()
    if "resourcegraph" in url:
        is_latest, is_busy = b"startswith" in request.body, b"InProgress" in request.body
        return "latest" if is_latest else "busy" if is_busy else "graph"
    if "/assesspatches" in url:
        return "start"
    if "/operations/" in url:
        return "result" if "monitor=true" in url else "poll"
    if "instanceview" in url:
        return "view"
    return "machines" if "virtualmachines" in url else "subscriptions"


@dataclass(frozen=True, slots=True)
class Plot:
    """The `bombs`, in turn, replace the first `number` replies to requests of `kind`."""

    kind: str
    number: int
    bombs: Sequence[Framed]


class HostileServer:
    """Serves `scenario`; `sent` counts the bombs."""

    def __init__(self, scenario: Scenario, plot: Plot) -> None:
        self.sent = 0
        self._cloud = Cloud(scenario)
        self._cloud.begin_calendar(datetime.now(UTC))
        self._began = time.monotonic() - self._cloud.started_at
        self._plot = plot
        self._kind = {"running": "poll", "refusal": "start"}.get(plot.kind, plot.kind)
        self._claimed = 0
        self._together = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests until it ends."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                writer.write(await self._answer(await _read(reader)))
                await writer.drain()
        writer.close()

    async def _answer(self, request: Request) -> bytes:
        kind, plot = kind_of(request), self._plot
        if kind == "start" and plot.kind in ("view", "latest"):
            # A start that went astray is what the VM is read for.
            self._cloud.handle(request, time.monotonic() - self._began)
            return _told(Reply(504))
        if kind == self._kind and self._claimed < plot.number:
            bomb = plot.bombs[self._claimed % len(plot.bombs)]
            self._claimed += 1
            if self._claimed == plot.number:
                self._together.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._together.wait(), TOGETHER_S)
            self.sent += 1
            status = STATUS.get(plot.kind, 200)
            head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n{bomb.headers}\r\n"
            return head.encode() + bomb.data
        reply = self._cloud.handle(request, time.monotonic() - self._began)
        if kind == "poll" and plot.kind == "result" and b'"Succeeded"' in reply.body:
            return _told(Reply(200, {"Location": request.url + "&monitor=true"}, b'{"status":"Succeeded"}'))
        return _told(reply)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
    body = await reader.readexactly(int(fields.get("content-length", 0)))
    method, path, _ = line.split(" ")
    return Request("POST" if method == "POST" else "GET", f"http://{fields['host']}{path}", body)


def _told(reply: Reply) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
    length = "" if "content-length" in {name.lower() for name in reply.headers} else "Content-Length: "
    told = f"{length}{len(reply.body)}\r\n" if length else ""
    return f"HTTP/1.1 {reply.status} OK\r\n{headers}{told}\r\n".encode() + reply.body


@asynccontextmanager
async def serving(scenario: Scenario, plot: Plot) -> AsyncIterator[tuple[HostileServer, str]]:
    """The server, and its endpoint."""
    server = HostileServer(scenario, plot)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    try:
        yield server, f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
