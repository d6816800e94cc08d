"""The HTTP server: a simulated cloud on a loopback port, on the real monotonic clock.

It checks the bearer token, hands the request's target on byte for byte and adds nothing to the replies.
Where the cloud breaks an exchange, the connection is aborted, also where the fault says that no connection
came about.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast

from aiohttp import web

from fleetscan.model import Reply, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.faults import stall_of

# Signed URLs are 3.3 kB; a request line and a header field of four times that still pass.
MAX_FIELD_BYTES = 16 * 1024
MAX_BODY_BYTES = 1024 * 1024
SHUTDOWN_S = 1.0
# Silences are cut short: what matters over HTTP is that they come.
MOST_SILENT_S = 5.0


@asynccontextmanager
async def serve(
    cloud: Cloud, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serves `cloud` while the block runs, and yields its endpoint, such as `http://127.0.0.1:40123`.

    Takes any bearer token unless the scenario names one. Port 0 picks a free port. The cloud's clock stands
    at its `started_at` when serving begins; its dates are then today's where it was made without an epoch.
    With `tls`, a server's context, it is served over https. Serve a cloud once. Needs a running asyncio event
    loop. Raises OSError where the port is taken or `host` is no address of this computer.
    """
    cloud.begin_calendar(datetime.now(UTC))
    began = time.monotonic() - cloud.started_at

    async def answer(request: web.BaseRequest) -> web.Response:
        now = time.monotonic() - began
        body = await request.read() if request.can_read_body else b""
        reply = _reply(cloud, request, body, now)
        return _response(reply) if reply.fault is None else await _break_off(request, stall_of(reply))

    server = web.Server(
        answer,
        max_line_size=MAX_FIELD_BYTES,
        max_field_size=MAX_FIELD_BYTES,
        access_log=None,
    )
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        await site.start()
        bound = cast("tuple[str, int]", runner.addresses[0])
        yield f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{bound[1]}"
    finally:
        await runner.cleanup()


def _reply(cloud: Cloud, request: web.BaseRequest, body: bytes, now: float) -> Reply:
    authorization = request.headers.get("Authorization")
    refusal = cloud.refuse_token(authorization, now)
    if refusal is not None:
        return refusal
    if request.method not in ("GET", "POST"):
        return cloud.refuse_method(request.method, now)
    # The raw target, because a signed URL must arrive as it was minted.
    url = f"{request.scheme}://{request.host}{request.raw_path}"
    asked = Request("GET" if request.method == "GET" else "POST", url, body)
    return cloud.echo(asked, cloud.handle(asked, now), authorization or "")


async def _break_off(request: web.BaseRequest, stall_s: float) -> web.Response:
    """Aborts the connection after a silence; the response goes nowhere, aiohttp wants one."""
    await asyncio.sleep(min(stall_s, MOST_SILENT_S))
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
