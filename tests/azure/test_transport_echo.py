"""A server that repeats our token: what the transport returns and raises does not have it."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import StaticToken, TokenSource
from fleetscan.azure.identity import Credential, SignIn
from fleetscan.azure.renewed_token import CredentialToken
from fleetscan.azure.timeouts import Timeouts
from fleetscan.azure.transport import Transport
from fleetscan.errors import CredentialError
from fleetscan.model import Reply, Request
from tests.azure.loopback_server import OK, Answer, LoopbackServer, serving
from tests.azure.test_credentials import Identity
from tests.azure.test_held_tokens import RENEWED, TOKEN

SHORT = Timeouts(connect_s=2.0, total_s=2.0)


def wire_to(server: LoopbackServer, tokens: TokenSource) -> Transport:
    origin = Origin.of(f"http://127.0.0.1:{server.port}")
    return Transport(origin, tokens, max_in_flight=2, user_agent="fleetscan/1.2.3", timeouts=SHORT)


def answer(body: bytes, status: str = "400 Bad Request", headers: str = "") -> Answer:
    return Answer(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)


async def reply_to(told: Answer, tokens: TokenSource) -> Reply:
    async with serving(told) as server, wire_to(server, tokens) as wire:
        return await wire.exchange(Request("GET", f"http://127.0.0.1:{server.port}/x"))


async def test_a_body_that_repeats_the_token_does_not_have_it() -> None:
    reply = await reply_to(answer(f'{{"error":"Bearer {TOKEN}"}}'.encode()), StaticToken(TOKEN))
    assert (reply.status, reply.body) == (400, b'{"error":"Bearer <token>"}')


async def test_a_packed_body_is_searched_after_it_was_unpacked() -> None:
    packed = gzip.compress(f'{{"\\u0065{TOKEN[1:]}":1}}'.encode())
    reply = await reply_to(answer(packed, headers="Content-Encoding: gzip\r\n"), StaticToken(TOKEN))
    assert reply.body == b'{"<token>":1}'


async def test_headers_that_repeat_the_token_do_not_have_it() -> None:
    headers = f"Location: http://127.0.0.1/?a={TOKEN}\r\nx-{TOKEN}: {TOKEN[:100]}\r\n"
    reply = await reply_to(answer(b"", "302 Found", headers), StaticToken(TOKEN))
    assert reply.headers["location"] == "http://127.0.0.1/?a=<token>"
    assert reply.headers.get(f"x-{TOKEN.lower()}") == "<token>"
    assert TOKEN[:100] not in str(reply)


async def test_a_renewed_token_and_the_one_before_are_both_hidden() -> None:
    identity = Identity()
    identity.issue = iter((TOKEN, RENEWED)).__next__
    tokens = identity.tokens()
    echo = answer(f'"{TOKEN} {RENEWED}"'.encode())
    async with serving(OK, echo) as server, wire_to(server, tokens) as wire:
        request = Request("GET", f"http://127.0.0.1:{server.port}/x")
        await wire.exchange(request)
        identity.now += identity.life_s
        assert (await wire.exchange(request)).body == b'"<token> <token>"'
    assert server.header("Authorization") == f"Bearer {RENEWED}"


class Careless:
    """A caller's own credential that quotes its tokens where it fails."""

    def __init__(self, error: Callable[[str], Exception]) -> None:
        self._identity = Identity()
        self._identity.issue = iter((TOKEN,)).__next__
        self._good = self._identity.sign_in()
        self._error = error
        self.asked = 0

    async def get_token_info(self, *scopes: str, **options: object) -> object:
        self.asked += 1
        if self.asked > 1:
            raise self._error(f"expired: \\u0065{TOKEN[1:]}")
        return await self._good.get_token_info(*scopes)

    async def close(self) -> None: ...


@pytest.mark.parametrize("error", [ValueError, KeyError])
async def test_a_credential_that_quotes_an_earlier_token_as_it_fails_is_not_quoted(
    error: Callable[[str], Exception],
) -> None:
    credential: Credential = Careless(error)  # type: ignore[assignment]
    now = 1000.0
    tokens = CredentialToken(SignIn("scope"), lambda *_: credential, lambda: now)
    async with serving(OK) as server, wire_to(server, tokens) as wire:
        request = Request("GET", f"http://127.0.0.1:{server.port}/x")
        await wire.exchange(request)
        now += 1e6
        with pytest.raises(CredentialError, match="expired: <token>") as caught:
            await wire.exchange(request)
    assert caught.value.__suppress_context__


class Broken(StaticToken):
    """Has a token, and raises what quotes it."""

    async def header(self) -> str:
        if self.refused:
            raise KeyError(f"refused: {TOKEN}")
        self.refused = True
        return await super().header()

    refused = False


async def test_a_source_that_breaks_and_quotes_its_token_is_not_quoted() -> None:
    async with serving(OK) as server, wire_to(server, Broken(TOKEN)) as wire:
        request = Request("GET", f"http://127.0.0.1:{server.port}/x")
        await wire.exchange(request)
        with pytest.raises(RuntimeError, match="refused: <token>") as caught:
            await wire.exchange(request)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("size_bytes", [16_385, 100_000])
async def test_a_token_that_no_server_takes_is_refused_before_it_is_sent(size_bytes: int) -> None:
    identity = Identity()
    identity.issue = lambda: "e" * size_bytes
    async with serving(OK) as server, wire_to(server, identity.tokens()) as wire:
        with pytest.raises(
            CredentialError, match=f"it has {size_bytes:,} bytes, and 16,384 are the most"
        ) as caught:
            await wire.exchange(Request("GET", f"http://127.0.0.1:{server.port}/x"))
        assert server.connections == 0
    assert caught.value.exit_code == 4
    assert "eee" not in str(caught.value)
    with pytest.raises(CredentialError, match="too long for a bearer token"):
        StaticToken("e" * size_bytes)
    StaticToken("e" * 16_384)
