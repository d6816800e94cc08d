"""What holds for every text that looks like a URL: it is refused in words, or all that send it take it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from ipaddress import ip_address

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from fleetscan.addresses import Origin
from fleetscan.azure.transport import _Gate
from fleetscan.errors import UsageError
from fleetscan.settings.declared import Settings
from fleetscan.settings.types import Endpoint
from tests.azure.loopback_server import OK

labels = st.one_of(
    st.text("aB0-_", min_size=1, max_size=5),
    st.sampled_from(
        (
            "xn--a",
            "xn--",
            "xn--bcher-kva",
            "0x7f",
            "256",
            "1",
            "",
            "a" * 63,
            "a" * 64,
            "\uff11",
            "b\u00fc",
            "%41",
        )
    ),
)
hosts = st.one_of(
    st.lists(labels, min_size=1, max_size=5).map(".".join),
    st.sampled_from(
        ("127.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[::ffff:127.0.0.1]", "[]", "[v1.a]")
    ),
    st.sampled_from(
        ("localhost", "localhost.", "a\x00b", "a b", "user@h", "u:p@h", ".".join(["a" * 63] * 4))
    ),
)
ports = st.sampled_from(
    ("", ":", ":0", ":1", ":443", ":00080", ":65535", ":65536", ":+1", ": 80", ":8\uff10", ":x")
)
schemes = st.sampled_from(("https://", "http://", "HTTPS://", "ftp://", "https:", "//", ""))
spellings = st.builds("{}{}{}".format, schemes, hosts, ports) | st.text(max_size=20)


class Loopback(AbstractResolver):
    """Every name is this machine, at a port that answers."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        # What Python's own resolver does with a name before it asks anything.
        host.encode("idna")
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=self.port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Holds nothing."""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One reply of plain HTTP to whatever comes, TLS too."""
    await reader.read(1)
    writer.write(OK.data)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def send(url: URL) -> None:
    """GET `url` over aiohttp: name, connection and the beginning of TLS."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        connector = aiohttp.TCPConnector(resolver=Loopback(server.sockets[0].getsockname()[1]))
        async with aiohttp.ClientSession(connector=connector) as session:
            # A port of this machine that nothing serves, or TLS that the server does not speak: weather.
            with suppress(
                aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError
            ):
                async with session.get(url, allow_redirects=False) as response:
                    await response.read()


def is_elsewhere(origin: Origin) -> bool:
    """Whether the host is an address outside this machine, which no test sends to."""
    try:
        return not ip_address(origin.host).is_loopback
    except ValueError:
        return False


@given(spellings)
@example("https://a..b")
@example("https://.x")
@example("https://" + "a" * 64 + ".example")
@example("https://xn--a")
@example("https://a_b.example")
@example("http://[0:0:0:0:0:0:0:1]:1")
@example("HTTPS://A.Example:00443")
@example("https://1.2.3")
def test_a_url_is_refused_in_words_or_every_sender_takes_it(text: str) -> None:
    try:
        origin = Origin.of(text)
    except ValueError:
        return
    assert Origin.of(origin.url) == origin
    url = _Gate(origin).url(f"{text}/x")
    assert url is not None
    if not is_elsewhere(origin):
        asyncio.run(send(url))


@given(spellings)
def test_an_endpoint_is_one_as_text_and_in_a_program_alike(text: str) -> None:
    form = Endpoint()
    assert form.allows(form.parse(text)) == form.allows(text.strip().rstrip("/"))
    if form.allows(text):
        assert Origin.of(Settings(endpoint=text).endpoint).is_confidential
        return
    with pytest.raises(UsageError, match=r"^endpoint must be https://HOST.*: (it|its|plain http) "):
        Settings(endpoint=text)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://a..b", "its host is no name: labels of 1 to 63 letters"),
        ("https://.x", "its host is no name"),
        ("https://x.", "its host is no name"),
        ("https://-x.example", "its host is no name"),
        ("https://x-.example", "its host is no name"),
        ("https://" + "a" * 64 + ".example", "its host is no name"),
        ("https://" + ".".join(["a" * 50] * 5), "its host is no name"),
        ("https://b%41.example", "its host is no name"),
        ("https://\uff11.example", "its host is no name"),
        ("https://a\uff0eexample", "its host is no name"),
        ("https://a\x00.example", "its host is no name"),
        ("https://256.1.1.1", "its host ends in a number and is no IPv4 address"),
        ("https://1.2.3", "its host ends in a number and is no IPv4 address"),
        ("https://0x7f.1", "its host ends in a number and is no IPv4 address"),
        ("https://2130706433", "its host ends in a number and is no IPv4 address"),
        ("https://[::1%25eth0]", "its IPv6 address has a zone"),
        ("https://[]", "its brackets hold no IPv6 address"),
        ("https://a]b", "it has no host, or brackets where none belong"),
        ("https://x:0", "its port is no whole number from 1 to 65535"),
        ("https://x:65536", "its port is no whole number from 1 to 65535"),
        ("https://x:", "its port is no whole number from 1 to 65535"),
        ("https://x:+1", "its port is no whole number from 1 to 65535"),
        ("https://x: 80", "its port is no whole number from 1 to 65535"),
        ("https://x/path", "it has a path, a query or a fragment"),
        ("https://x?y", "it has a path, a query or a fragment"),
        ("https://x#y", "it has a path, a query or a fragment"),
        ("https:/x", "it must begin with https:// or http://"),
        ("http://x", "plain http would show the token to the network"),
    ],
)
def test_an_endpoint_that_is_none_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        Settings(endpoint=url)
    assert f": {why}" in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_password_in_an_endpoint_is_not_shown() -> None:
    with pytest.raises(UsageError, match="it has a user name or a password") as refused:
        Settings(endpoint="https://ann:secret@management.azure.com")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["https://xn--bcher-kva.example", "https://a_b.example", "https://10.0.0.1:8443", "http://[::1]:80"],
)
def test_unusual_hosts_that_senders_take_are_endpoints(url: str) -> None:
    assert Settings(endpoint=url).endpoint == url


def test_an_endpoint_is_one_in_upper_case_and_kept_in_lower_case() -> None:
    assert Endpoint().parse(" HTTPS://Management.Azure.COM/ ") == "https://management.azure.com"
