"""A pretend sign-in service for azure-identity's real classes: an authority, and managed identities.

It answers on loopback over TLS with a CA of the tests' own, or in memory in virtual time. It remembers what
it was asked, issues tokens that live for as long as a test says, and has the outages that a test names.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import trustme
from aiohttp import web
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import AsyncHttpTransport

from fleetscan.azure.identity import SignIn
from fleetscan.azure.renewed_token import CredentialToken
from tests.azure.test_credentials import jwt

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "22222222-3333-4444-5555-666666666666"
SECRET = "s3cret~value-of-a-client"
HEADER = "h3ader-of-the-identity"
ASSERTION = "eyJhbGciOiJub25lIn0.YXNzZXJ0aW9u.c2ln"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a token: where, and with which parameters and headers."""

    host: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is answered instead of a token. Status 0 is no connection, -1 no answer ever."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": "temporarily_unavailable", "error_description": "AADSTS90033: try again"}'


DOWN = Trouble(503)
BUSY = Trouble(429, {"Retry-After": "3600"})
UNREACHABLE = Trouble(0)
SILENT = Trouble(-1)
WRONG_SECRET = Trouble(
    401,
    body=b'{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}',
)


class SignInService:
    """Issues tokens of `life_s` by the clock `now`; `trouble` says what is wrong at a moment, if anything."""

    def __init__(self, now: Callable[[], float], life_s: float = 3600.0) -> None:
        self.now = now
        self.life_s = life_s
        self.trouble: Callable[[float], Trouble | None] = lambda _: None
        self.asked: list[Asked] = []
        # By a token's text, when it ends.
        self.issued: dict[str, float] = {}
        self.troubles = 0

    def is_good(self, authorization: str) -> bool:
        """Whether Azure takes the header now."""
        return self.now() < self.issued.get(authorization.removeprefix("Bearer "), 0.0)

    def answer(self, url: str, headers: Mapping[str, str], body: str) -> Trouble:
        """The reply to one request, good or bad."""
        parts = urlsplit(url)
        is_managed = parts.path == "/msi/token"
        parameters = dict(parse_qsl(parts.query if is_managed else body))
        self.asked.append(Asked(parts.netloc, parts.path, parameters, dict(headers)))
        if (trouble := self.trouble(self.now())) is not None:
            self.troubles += 1
            return trouble
        if (headers.get("X-IDENTITY-HEADER") != HEADER) if is_managed else not _is_known(parameters):
            return WRONG_SECRET
        ends_at = int(self.now() + self.life_s)
        token = jwt(tid=TENANT, oid="o", appid=CLIENT, exp=ends_at, number=len(self.issued))
        self.issued[token] = ends_at
        told = {"access_token": token, "token_type": "Bearer"}
        if is_managed:
            more: dict[str, object] = {"expires_on": str(ends_at), "resource": parameters["resource"]}
        else:
            more = {"expires_in": int(self.life_s), "ext_expires_in": int(self.life_s)}
        return Trouble(200, {}, json.dumps({**told, **more}).encode())


def _is_known(parameters: Mapping[str, str]) -> bool:
    return SECRET in parameters.values() or ASSERTION in parameters.values()


@asynccontextmanager
async def on_loopback(service: SignInService, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves it while the block runs, and yields the URL."""
    silent = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        told = service.answer(str(request.url), request.headers, (await request.read()).decode())
        if told.status <= 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(silent.wait(), 0.0 if told.status == 0 else None)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(
            status=told.status, headers={"Content-Type": "application/json", **told.headers}, body=told.body
        )

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        yield f"{'https' if tls else 'http'}://localhost:{runner.addresses[0][1]}"
    finally:
        silent.set()
        await runner.cleanup()


def test_ca(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for localhost, and the file of the CA that made its certificate."""
    ca = trustme.CA(organization_name="tests of fleetscan")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    bundle = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    return context, bundle


test_ca.__test__ = False  # type: ignore[attr-defined]


def trust(bundle: Path) -> None:
    """Have this process trust the CA: aiohttp's default context is made once, when it is loaded."""
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(bundle)


class InMemory(AsyncHttpTransport[Any, Any]):
    """azure-core's end of a line to the service, on which an answer takes 0.2 s of the loop's time."""

    def __init__(self, service: SignInService) -> None:
        self._service = service

    async def send(self, request: Any, **_: Any) -> Any:
        """See AsyncHttpTransport."""
        content = urlencode(request.content) if isinstance(request.content, dict) else ""
        told = self._service.answer(request.url, request.headers, content)
        await asyncio.sleep(0.2)
        if told.status == -1:
            await asyncio.sleep(1e6)
        if told.status == 0:
            raise ServiceRequestError("Cannot connect to host login.test:443")
        return InMemoryReply(request, told)

    async def open(self) -> None:
        """See AsyncHttpTransport."""

    async def close(self) -> None:
        """See AsyncHttpTransport."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """See AsyncHttpTransport."""


class InMemoryReply:
    """What azure-core's policies read of a reply."""

    content_type = "application/json"
    block_size = 4096

    def __init__(self, request: Any, told: Trouble) -> None:
        self.request = request
        self.status_code = told.status
        self.reason = "Told"
        self.headers = dict(told.headers)
        self._body = told.body

    def text(self, encoding: str | None = None) -> str:
        """The body."""
        return self._body.decode(encoding or "utf-8")

    def body(self) -> bytes:
        """The body's bytes."""
        return self._body


def in_memory(
    auth: str, service: SignInService, warn: Callable[[str], None] = lambda _: None, **variables: str
) -> CredentialToken:
    """The tokens of a real credential whose requests stay in this process, by the clock of the service."""
    known = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}
    sign_in = SignIn(
        "https://management.azure.com/.default",
        auth=auth,
        environment={**known, **variables},
        warn=warn,
        reached_by=lambda: {"transport": InMemory(service)},
    )
    return CredentialToken(sign_in, clock=service.now)
