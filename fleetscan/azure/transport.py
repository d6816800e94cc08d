"""One HTTP exchange with Azure's endpoint: bounded, timed, and weather turned into a `Reply`.

The transport never repeats a request or follows a redirect, and sends the token to its own origin alone.
What it returns or raises holds none of the tokens it has sent, whatever a reply repeats.
(aiohttp itself repeats a GET, once, on a kept connection that the server has just closed; a POST never.)
Which exceptions mean "no byte was sent" was read in aiohttp 3.14: those that `connector.connect` raises,
which has ended before the request is written. Of all other breakage the server may have seen everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
import anyio
from yarl import URL

from fleetscan.addresses import HIDDEN, Origin
from fleetscan.azure.body import READ_BYTES, TooLargeError, read_body
from fleetscan.azure.breakage import NOT_SENT, final_error, why_cut, why_not_sent
from fleetscan.azure.credentials import TokenSource, claims_of
from fleetscan.azure.held_tokens import HeldTokens
from fleetscan.azure.network import Network
from fleetscan.azure.other_tenant import is_other_tenant
from fleetscan.azure.reply_bounds import bound_of
from fleetscan.azure.room import Place, Room
from fleetscan.azure.timeouts import USUAL, Timeouts
from fleetscan.errors import FleetscanError
from fleetscan.model import Fault, Reply, Request
from fleetscan.redacting import ANY_TOKEN

# Signed operation URLs are 3.3 kB today; ARM's documents ask clients to accept header values over 4 kB.
# The half kilobyte is for the header's name, which aiohttp counts too.
MAX_HEADER_BYTES = 16 * 1024 + 512
# ARM closes idle connections after minutes; the margin keeps a POST from meeting one that is just closing,
# which would leave its VM in doubt.
IDLE_CONNECTION_S = 15.0
# Azure's replies have some 25 headers, in 3 kB and two signed URLs.
MAX_HEADERS = 64
MAX_HEADERS_BYTES = 48 * 1024
# For the bodies of all replies that are being read or digested, beside one that may exceed it and the first
# 32 KiB of each. Eight common pages of Resource Graph (1,000 rows, 1.5 MB) are read at once.
ROOM_BYTES = 16 * 1024 * 1024
TOO_LARGE = "the reply is too large: {}"
# aiohttp would call an empty POST an octet-stream.
UNTYPED = (aiohttp.hdrs.CONTENT_TYPE,)
BLANKS = " \t\r\n\v\f"

_CUT = (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError)


class Transport:
    """One session with `origin`, used as an async context manager by any number of tasks.

    `max_in_flight` bounds the connections. `tokens` is borrowed: its maker closes it. Without a `network`
    requests leave directly. Raises ValueError for plain http to a host that is not this machine, UsageError
    for a proxy that is none, and, when it is entered, for a file that holds no certificates.
    """

    __slots__ = (
        "_gate",
        "_has_answered",
        "_headers",
        "_held",
        "_max_in_flight",
        "_network",
        "_origin",
        "_proxy",
        "_room",
        "_session",
        "_timeouts",
        "_tokens",
    )

    _session: aiohttp.ClientSession

    def __init__(
        self,
        origin: Origin,
        tokens: TokenSource,
        *,
        max_in_flight: int,
        user_agent: str,
        timeouts: Timeouts = USUAL,
        network: Network | None = None,
    ) -> None:
        if not origin.is_confidential:
            raise ValueError(f"a token must not travel to {origin.host} over plain http")
        self._origin = origin
        self._gate = _Gate(origin)
        self._held = HeldTokens()
        self._room = Room(ROOM_BYTES)
        self._tokens = tokens
        self._max_in_flight = max_in_flight
        self._timeouts = timeouts
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }
        self._network = network or Network()
        self._proxy = self._network.proxy_for(origin)
        self._has_answered = False

    async def __aenter__(self) -> Self:
        tls = self._network.tls() if self._origin.scheme == "https" else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_in_flight, keepalive_timeout=IDLE_CONNECTION_S, ssl=tls
            ),
            # The total is ours, because a wait for room does not count.
            timeout=aiohttp.ClientTimeout(total=None, connect=self._timeouts.connect_s),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            read_bufsize=READ_BYTES,
            # The environment is read once, for `Network`: aiohttp's trust_env reads it, and .netrc, in a
            # thread at every request, and refuses our Authorization where .netrc names the host.
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A scan that is cancelled leaves no socket behind: closing them takes no time of the network's.
        with anyio.CancelScope(shield=True):
            await self._session.close()

    async def exchange(self, request: Request) -> Reply:
        """Send `request` once and read the whole reply; every HTTP outcome is a `Reply`, a 401 or 302 too.

        When a 401 comes back the token has been renewed already, where it could be: the next may go better.
        Raises ValueError, before anything is sent, for a URL of another origin: a bug of the caller's.
        Raises CredentialError when there is no token to send, TokenRefusedError when none can be better, and
        CannotScanError, unless a reply has come before, where trying again is of no use: the certificate is
        not trusted, or the proxy wants another login.
        """
        url = self._gate.url(request.url)
        if url is None:
            raise ValueError(
                f"a request to another place than {self._origin.host} is never sent: it would carry the token"
            )
        try:
            # Its room is held until the caller has digested the reply: others go on only when that one waits.
            with Place(self._room) as place:
                return await self._exchange(request, url, place)
        except FleetscanError:
            raise
        except Exception as bug:
            # A credential of the caller's may raise anything, with anything in its text.
            told = f"{type(bug).__name__}: {bug}"
            hidden = ANY_TOKEN.sub(HIDDEN, self._held.hide_text(told))
            if hidden != told:
                raise RuntimeError(hidden) from None
            raise

    async def _exchange(self, request: Request, url: URL, place: Place) -> Reply:
        authorization = await self._tokens.header()
        self._held.hold(authorization)
        try:
            reply = await self._sent(request, url, authorization, place)
        except NOT_SENT as error:
            final = final_error(error, self._origin, self._proxy, self._network.trusted)
            if final is not None and not self._has_answered:
                # aiohttp's error has the headers for the proxy.
                raise final from None
            return self._broken(Fault.NOT_SENT, why_not_sent(error, self._origin, self._proxy))
        except _CUT as error:
            return self._broken(Fault.CUT, why_cut(error, self._timeouts.of(request.kind)))
        self._has_answered = True
        if reply.status == 401 and not is_other_tenant(reply):
            await self._tokens.renew(authorization, claims_of(reply.headers.get("www-authenticate", "")))
        return reply

    async def _sent(self, request: Request, url: URL, authorization: str, place: Place) -> Reply:
        """Send the request and read the reply. Raises what aiohttp raises, and TimeoutError."""
        # No header of the session's: those are sent to a proxy too.
        headers = {"Authorization": authorization}
        if request.body:
            headers["Content-Type"] = "application/json"
        async with (
            asyncio.timeout(self._timeouts.of(request.kind)) as limit,
            self._session.request(
                request.method,
                url,
                data=request.body or None,
                headers=headers,
                skip_auto_headers=UNTYPED if request.method == "POST" else None,
                allow_redirects=False,
                proxy=self._proxy.url,
                proxy_headers=self._proxy.headers,
            ) as response,
        ):
            return await self._read(request, response, place, limit)

    async def _read(
        self, request: Request, response: aiohttp.ClientResponse, place: Place, limit: asyncio.Timeout
    ) -> Reply:
        """The reply without our tokens; of one that is too large no body, and why."""
        told = _joined(response.headers)
        if sum(map(len, told.values())) > MAX_HEADERS_BYTES:
            response.close()
            why = f"it has more than {MAX_HEADERS_BYTES // 1024} KiB of headers"
            return Reply(response.status, detail=TOO_LARGE.format(why))
        told = self._held.hide_headers(told)
        try:
            body = await read_body(response, bound_of(request.kind, response.status), place, limit)
        except TooLargeError as error:
            response.close()
            return Reply(response.status, told, detail=TOO_LARGE.format(error))
        return Reply(response.status, told, self._held.hide(body))

    def _broken(self, fault: Fault, why: str) -> Reply:
        return Reply(0, fault=fault, detail=self._held.hide_text(why))


class _Gate:
    """Lets the URLs of `origin` through, each as yarl sends it byte for byte, and nothing else.

    Two readers must agree on where a URL leads: yarl, which sends it, and either the plain text of the
    origin or, for other spellings of it, the standard library.
    """

    __slots__ = ("_netloc", "_origin", "_prefix")

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._netloc = origin.netloc
        self._prefix = f"{origin.url}/"

    def url(self, text: str) -> URL | None:
        """`text` as it may be sent, or None.

        Blanks and bytes beyond ASCII are no part of a URL, and might end the request line early.
        """
        if not text.isascii() or any(map(text.__contains__, BLANKS)):
            return None
        try:
            url = URL(text, encoded=True)
            if text.startswith(self._prefix):
                return url if url.raw_authority == self._netloc else None
            seen = Origin.of(f"{url.scheme}://{url.host_subcomponent}:{url.port}")
            return url if seen == Origin.of(text) == self._origin and url.raw_user is None else None
        except ValueError:
            return None


def _joined(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by lower-case name, repeated lines joined. aiohttp hands bytes that are no UTF-8 over as
    lone surrogates, which no JSON writer takes: they become replacement characters here."""
    joined: dict[str, str] = {}
    for name, text in headers.items():
        key = name.lower()
        value = text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined
