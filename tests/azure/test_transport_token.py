"""Where the token goes: to its own origin alone, through the environment's proxy, anew after a 401."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import StaticToken
from fleetscan.azure.network import Network
from fleetscan.azure.timeouts import Timeouts
from fleetscan.azure.transport import Transport
from fleetscan.errors import CannotScanError, TokenRefusedError
from fleetscan.model import Fault, Request
from tests.azure.loopback_server import OK, Answer, serving

AZURE = Origin.of("https://management.azure.com")
SHORT = Timeouts(connect_s=2.0, total_s=2.0)


def wire_to(origin: Origin, network: Network | None = None, timeouts: Timeouts = SHORT) -> Transport:
    return Transport(
        origin,
        StaticToken("t0ken"),
        max_in_flight=2,
        user_agent="fleetscan/1.2.3",
        timeouts=timeouts,
        network=network,
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/x",
        "http://management.azure.com/x",
        "https://management.azure.com:8443/x",
        "https://management.azure.com.evil.test/x",
        "https://evil.test#management.azure.com/x",
        "https://evil.test?management.azure.com/x",
        "https://user@management.azure.com/x",
        "https://management.azure.com@evil.test/x",
        "https://management.azure.com\\@evil.test/x",
        "https://evil.test\\.management.azure.com/x",
        "https://evil.test\\@management.azure.com/x",
        "https://management.azure.com\t.evil.test/x",
        "https://management.azure.com./x",
        "https://management.azure.com%2eevil.test/x",
        "https://m\N{LATIN SMALL LETTER A WITH ACUTE}nagement.azure.com/x",
        "https://management.azure.com:99999999/x",
        "https://[management.azure.com]/x",
        "https:///x",
        "//management.azure.com/x",
        "/x",
        "",
        "file:///etc/passwd",
    ],
)
async def test_a_request_for_another_origin_is_refused_before_anything_is_sent(url: str) -> None:
    async with wire_to(AZURE) as wire:
        with pytest.raises(ValueError, match="never sent"):
            await wire.exchange(Request("GET", url))


@pytest.mark.parametrize("sly", [" HTTP/1.1\r\nX: y", "\r\nX: y", "\n", " ", "\x0b", "\x85", "\u2028"])
async def test_a_url_cannot_smuggle_a_second_request_line(sly: str) -> None:
    async with serving(OK) as server:
        base = f"http://127.0.0.1:{server.port}"
        async with wire_to(Origin.of(base)) as wire:
            with pytest.raises(ValueError, match="never sent"):
                await wire.exchange(Request("GET", f"{base}/a{sly}"))
        assert server.connections == 0


async def test_another_port_of_the_same_host_gets_no_token() -> None:
    async with serving(OK) as server, serving(OK) as neighbour:
        async with wire_to(Origin.of(f"http://127.0.0.1:{server.port}")) as wire:
            with pytest.raises(ValueError, match="never sent"):
                await wire.exchange(Request("GET", f"http://127.0.0.1:{neighbour.port}/x"))
        assert neighbour.connections == 0


@pytest.mark.parametrize("spelling", ["HTTP://127.0.0.1:{}", "http://127.0.0.1:0{}"])
async def test_another_spelling_of_the_same_origin_is_the_same_origin(spelling: str) -> None:
    async with serving(OK) as server:
        async with wire_to(Origin.of(f"http://127.0.0.1:{server.port}")) as wire:
            reply = await wire.exchange(Request("GET", spelling.format(server.port) + "/x"))
        assert (reply.status, server.targets) == (200, ["/x"])


def test_plain_http_is_for_this_machine_alone() -> None:
    with pytest.raises(ValueError, match=r"must not travel to azure\.test over plain http"):
        wire_to(Origin.of("http://azure.test"))


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound to it
    ],
)
def test_plain_http_is_confidential_on_loopback_alone_which_is_known_by_its_address(
    host: str, local: bool
) -> None:
    assert Origin("http", host, 80).is_loopback is local
    assert Origin("http", host, 80).is_confidential is local
    assert Origin("https", host, 443).is_confidential


async def test_a_401_on_a_static_token_says_what_to_do() -> None:
    async with serving(Answer(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")) as server:
        base = f"http://127.0.0.1:{server.port}"
        async with wire_to(Origin.of(base)) as wire:
            with pytest.raises(TokenRefusedError, match="get a fresh one, or leave it out to sign in"):
                await wire.exchange(Request("GET", f"{base}/x"))


async def test_plain_http_never_goes_through_a_proxy() -> None:
    async with serving(OK) as server, serving(OK) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        named = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), address)
        base = f"http://127.0.0.1:{server.port}"
        async with wire_to(Origin.of(base), Network(address, environment=named)) as wire:
            await wire.exchange(Request("GET", f"{base}/x"))
        assert (server.connections, proxy.connections) == (1, 0)


@pytest.mark.parametrize(
    ("login", "said"),
    [("", "wants a login"), ("ann:p%40ss@", "refuses the login that it was sent")],
)
async def test_https_leaves_through_the_proxy_which_gets_its_login_and_no_token(
    login: str, said: str
) -> None:
    async with serving(Answer(b"HTTP/1.1 407 Denied\r\nContent-Length: 0\r\n\r\n")) as proxy:
        network = Network(environment={"HTTPS_PROXY": f"http://{login}127.0.0.1:{proxy.port}"})
        async with wire_to(AZURE, network) as wire:
            with pytest.raises(CannotScanError) as refused:
                await wire.exchange(Request("POST", "https://management.azure.com/x?s=secret"))
    assert refused.value.what == f"the proxy 127.0.0.1:{proxy.port} {said} (HTTP 407)"
    assert proxy.targets == ["management.azure.com:443"]
    assert proxy.header("Authorization") is None
    basic = f"Basic {base64.b64encode(b'ann:p@ss').decode()}"
    assert proxy.header("Proxy-Authorization") == (basic if login else None)


async def test_a_proxy_that_would_not_connect_is_weather() -> None:
    async with serving(Answer(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")) as proxy:
        network = Network(f"http://ann:p%40ss@127.0.0.1:{proxy.port}")
        async with wire_to(AZURE, network) as wire:
            reply = await wire.exchange(Request("GET", "https://management.azure.com/x"))
    where = f"the proxy 127.0.0.1:{proxy.port}"
    assert (reply.fault, reply.detail) == (
        Fault.NOT_SENT,
        f"{where} would not connect to management.azure.com:443: HTTP 503",
    )


async def test_a_proxy_that_does_not_answer_is_named() -> None:
    async with serving(Answer(b"", "stall")) as proxy:
        network = Network(f"http://ann:p%40ss@127.0.0.1:{proxy.port}")
        hasty = Timeouts(connect_s=0.1, total_s=2.0)
        async with wire_to(AZURE, network, hasty) as wire:
            reply = await wire.exchange(Request("GET", "https://management.azure.com/x"))
    said = f"no connection to management.azure.com:443 in time through the proxy 127.0.0.1:{proxy.port}"
    assert (reply.fault, reply.detail) == (Fault.NOT_SENT, said)


@pytest.mark.parametrize(
    "head",
    [
        "200 OK\r\n\r\nHTTP/1.1 200 OK",
        "302 Found\r\nLocation: http://127.0.0.1:PORT/x",
        "401 No\r\nWWW-Authenticate: Bearer",
        "403 No",
        "407 No\r\nProxy-Authenticate: Bearer",
    ],
)
async def test_whatever_a_proxy_answers_it_gets_no_token(head: str) -> None:
    """It may open no tunnel, send us elsewhere, ask for a token, or open a tunnel and speak no TLS in it."""
    async with serving(Answer(b"", "close")) as proxy:
        said = f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".replace("PORT", str(proxy.port))
        proxy.answers[:] = [Answer(said.encode(), "close")]
        async with wire_to(AZURE, Network(f"http://127.0.0.1:{proxy.port}")) as wire:
            with suppress(CannotScanError):
                reply = await wire.exchange(Request("POST", "https://management.azure.com/x"))
                assert reply.fault is not None
    assert proxy.targets == ["management.azure.com:443"]
    assert b"t0ken" not in b"".join(proxy.requests)
