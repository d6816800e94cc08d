"""Exchanges with Azure as recorders keep them, and a loopback server that plays them back.

Responses of one method and target are queued in the order of the recording, and the last is repeated. Azure's
host is replaced by the server's own; length and encoding headers are made anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

AZURE = "https://management.azure.com"
MADE_ANEW = {"content-length", "content-encoding", "transfer-encoding", "content-type"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and what came of it. `target` is the path and query."""

    method: str
    target: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Replay:
    """The recording behind the server, and every (method, target) it was asked for."""

    responses: dict[tuple[str, str], list[Exchange]]
    asked: list[tuple[str, str]] = field(default_factory=list)
    endpoint: str = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The next recorded response to `request`; 501 where the recording has none."""
        key = (request.method, request.raw_path)
        self.asked.append(key)
        queue = self.responses.get(key)
        if not queue:
            return web.Response(status=501, text="not recorded")
        exchange = queue.pop(0) if len(queue) > 1 else queue[0]
        headers = {name: value.replace(AZURE, self.endpoint) for name, value in exchange.headers.items()}
        body = exchange.body.replace(AZURE.encode(), self.endpoint.encode())
        return web.Response(
            status=exchange.status, headers=headers, body=body, content_type="application/json"
        )


@asynccontextmanager
async def replaying(exchanges: list[Exchange]) -> AsyncIterator[Replay]:
    """Serve `exchanges` on a free loopback port."""
    responses: dict[tuple[str, str], list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        responses[exchange.method, exchange.target].append(exchange)
    replay = Replay(dict(responses))
    runner = web.ServerRunner(web.Server(replay.answer, max_line_size=16384, max_field_size=16384))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        replay.endpoint = f"http://{host}:{port}"
        yield replay
    finally:
        await runner.cleanup()


def proxy_recording(path: Path) -> list[Exchange]:
    """The exchanges of a test-proxy recording (`Entries`); a body that is text is sent as it is."""
    return [
        Exchange(
            entry["RequestMethod"],
            _target(entry["RequestUri"]),
            entry["StatusCode"],
            _headers(entry["ResponseHeaders"]),
            _body(entry["ResponseBody"]),
        )
        for entry in _load(path)["Entries"]
    ]


def vcr_recording(path: Path) -> list[Exchange]:
    """The exchanges of a VCR recording (`interactions`), whose bodies are text, or parsed under `data`."""
    return [
        Exchange(
            entry["request"]["method"],
            _target(entry["request"]["uri"]),
            entry["response"]["status"]["code"],
            _headers(entry["response"]["headers"]),
            _body(entry["response"]["body"].get("string", entry["response"]["body"].get("data"))),
        )
        for entry in _load(path)["interactions"]
    ]


def powershell_recording(path: Path) -> list[Exchange]:
    """The exchanges of a PowerShell recording, which is a bare list."""
    return [
        Exchange(
            entry["Method"],
            _target(entry["RequestUri"]),
            entry["Response"]["StatusCode"],
            _headers(entry["Response"]["Headers"]),
            _body(entry["Response"]["Content"]),
        )
        for entry in json.loads(path.read_text())
    ]


def yaml_body(path: Path) -> bytes:
    """The response's body in a VCR recording of one exchange that was kept as YAML.

    It is a quoted string, folded over lines: JSON's own, but for the folds.
    """
    quoted = path.read_text().split('string: "', 1)[1].split('"\n    headers', 1)[0]
    first, *others = quoted.replace("\\\n", "").split("\n")
    text: str = json.loads('"' + " ".join([first, *(line.strip() for line in others)]) + '"')
    return text.encode()


def _body(recorded: object) -> bytes:
    match recorded:
        case None:
            return b""
        case str():
            return recorded.encode()
        case _:
            return json.dumps(recorded).encode()


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def _target(uri: str) -> str:
    return "/" + uri.split("/", 3)[3]


def _headers(recorded: Mapping[str, str | list[str]]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else ", ".join(value)
        for name, value in recorded.items()
        if name.lower() not in MADE_ANEW
    }
