"""What one exchange sends, and what it makes of every reply and every kind of breakage."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import aioresponses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import StaticToken
from fleetscan.azure.timeouts import Timeouts
from fleetscan.azure.transport import MAX_HEADER_BYTES, Transport
from fleetscan.errors import CannotScanError
from fleetscan.model import Fault, Reply, Request, RequestKind
from tests.azure.loopback_server import OK, Answer, LoopbackServer, serving
from tests.replay import vcr_recording

SHORT = Timeouts(connect_s=2.0, total_s=0.4)


def wire_to(url: str, timeouts: Timeouts = SHORT) -> Transport:
    tokens = StaticToken("t0ken")
    return Transport(Origin.of(url), tokens, max_in_flight=4, user_agent="fleetscan/1.2.3", timeouts=timeouts)


@asynccontextmanager
async def talking(*answers: Answer) -> AsyncIterator[tuple[Transport, LoopbackServer, str]]:
    """A wire, the server it talks to, and the server's base URL."""
    async with serving(*answers) as server:
        base = f"http://127.0.0.1:{server.port}"
        async with wire_to(base) as wire:
            yield wire, server, base


async def reply_to(answer: Answer, method: Literal["GET", "POST"] = "POST") -> Reply:
    async with talking(answer) as (wire, _, base):
        return await wire.exchange(Request(method, f"{base}/x"))


async def test_signed_urls_go_back_byte_for_byte(exchanges: Path) -> None:
    recording = vcr_recording(exchanges / "vm-install-patches-signed-urls.json")
    signed = sorted({exchange.target for exchange in recording if "&s=" in exchange.target})
    assert len(signed) == 1
    assert len(signed[0]) > 3000
    async with talking(OK) as (wire, server, base):
        for target in signed:
            await wire.exchange(Request("GET", base + target))
        assert server.targets == signed


@pytest.mark.parametrize(
    "target",
    ["/%2f%2F", "//b", "/a/../b", "/a?b?c", "/x?a=+b&c=%20%7e~;=", "/x?b=1&a=2", "/a%", '/x?a={|}"', "/?%zz"],
)
async def test_a_url_is_opaque(target: str) -> None:
    async with talking(OK) as (wire, server, base):
        await wire.exchange(Request("GET", base + target))
        assert server.targets == [target]


async def test_an_empty_post_says_that_it_is_empty_and_names_no_type() -> None:
    async with talking(OK) as (wire, server, base):
        reply = await wire.exchange(Request("POST", f"{base}/assessPatches"))
        assert (reply.status, reply.body) == (200, b"{}")
        assert server.header("Content-Length") == "0"
        assert server.header("Content-Type") is None
        assert server.header("User-Agent") == "fleetscan/1.2.3"
        assert server.header("Accept") == "application/json"
        assert server.header("Accept-Encoding") == "gzip, deflate"
        assert server.header("Authorization") == "Bearer t0ken"


async def test_a_body_is_sent_as_json() -> None:
    async with talking(OK) as (wire, server, base):
        await wire.exchange(Request("POST", f"{base}/resources", b'{"query":"Resources"}'))
        assert server.header("Content-Type") == "application/json"
        assert server.requests[0].endswith(b'\r\n\r\n{"query":"Resources"}')


async def test_connections_are_kept_and_bounded() -> None:
    async with talking(OK) as (wire, server, base):
        async with asyncio.TaskGroup() as tasks:
            for number in range(40):
                tasks.create_task(wire.exchange(Request("GET", f"{base}/{number}")))
        assert len(server.requests) == 40
        assert server.connections <= 4


async def test_header_names_are_lower_case_and_repeated_lines_joined() -> None:
    head = b"HTTP/1.1 202 OK\r\nX-Ms-Left: a;1\r\nx-ms-left: b;2\r\nLOCATION: /x\r\nContent-Length: 0\r\n\r\n"
    reply = await reply_to(Answer(head))
    assert reply == Reply(202, {"x-ms-left": "a;1, b;2", "location": "/x", "content-length": "0"}, b"")


async def test_a_header_of_16_kb_arrives() -> None:
    url = b"u" * 16 * 1024
    reply = await reply_to(Answer(b"HTTP/1.1 202 A\r\nLocation: " + url + b"\r\nContent-Length: 0\r\n\r\n"))
    assert reply.headers["location"] == url.decode()


async def test_header_bytes_that_are_no_text_become_text_that_json_can_hold() -> None:
    reply = await reply_to(Answer(b"HTTP/1.1 200 OK\r\nX-Id: \xe9\xc3\xa9\r\nContent-Length: 0\r\n\r\n"))
    assert reply.headers["x-id"] == "\N{REPLACEMENT CHARACTER}\N{LATIN SMALL LETTER E WITH ACUTE}"


async def test_a_gzipped_body_arrives_unpacked() -> None:
    packed = gzip.compress(b'{"value":[]}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    reply = await reply_to(Answer(head.encode() + packed))
    assert reply.body == b'{"value":[]}'


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_reply_and_is_not_followed(status: int) -> None:
    head = f"HTTP/1.1 {status} Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with talking(Answer(head.encode())) as (wire, server, base):
        reply = await wire.exchange(Request("GET", f"{base}/here"))
        assert (reply.status, reply.headers["location"]) == (status, "/elsewhere")
        assert server.targets == ["/here"]


async def test_cookies_are_not_kept() -> None:
    """By name: aiohttp's own jar would keep none for an address."""
    async with serving(Answer(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")) as server:
        base = f"http://localhost:{server.port}"
        async with wire_to(base) as wire:
            await wire.exchange(Request("GET", f"{base}/1"))
            await wire.exchange(Request("GET", f"{base}/2"))
        assert server.targets == ["/1", "/2"]
        assert server.header("Cookie") is None


async def test_a_refused_connection_sent_nothing() -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can be there
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with wire_to(base) as wire:
            reply = await wire.exchange(Request("POST", f"{base}/x"))
    assert (reply.status, reply.fault) == (0, Fault.NOT_SENT)
    assert reply.detail.startswith(f"no connection to {base.removeprefix('http://')}: ")


async def test_a_name_that_does_not_resolve_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fails)
    async with wire_to("https://azure.invalid") as wire:
        reply = await wire.exchange(Request("POST", "https://azure.invalid/x"))
    assert reply.fault is Fault.NOT_SENT
    assert reply.detail == "no connection to azure.invalid:443: Name or service not known"


async def test_a_connection_that_does_not_come_about_in_time_sent_nothing() -> None:
    """A server that accepts and never answers the TLS hello."""
    async with serving(OK) as server:
        base = f"https://127.0.0.1:{server.port}"
        async with wire_to(base, Timeouts(connect_s=0.1, total_s=2.0)) as wire:
            reply = await wire.exchange(Request("POST", f"{base}/x"))
    assert (reply.fault, reply.detail) == (
        Fault.NOT_SENT,
        f"no connection to 127.0.0.1:{server.port} in time",
    )


async def test_a_certificate_nobody_vouches_for_gets_no_token(tmp_path: Path) -> None:
    async with serving(OK, tls=self_signed(tmp_path)) as server:
        base = f"https://127.0.0.1:{server.port}"
        async with wire_to(base) as wire:
            with pytest.raises(CannotScanError) as refused:
                await wire.exchange(Request("POST", f"{base}/x"))
    assert server.requests == []
    where = f"127.0.0.1:{server.port}"
    assert refused.value.what == f"the certificate of {where} is not trusted: self-signed certificate"


async def test_a_server_that_speaks_no_tls_gets_no_token() -> None:
    async with serving(Answer(b"HTTP/1.1 400 Bad\r\n\r\n", "close")) as server:
        base = f"https://127.0.0.1:{server.port}"
        async with wire_to(base, Timeouts(connect_s=0.1, total_s=1.0)) as wire:
            reply = await wire.exchange(Request("POST", f"{base}/x"))
    assert (reply.fault, server.requests) == (Fault.NOT_SENT, [])


SOUND = b"HTTP/1.1 200 OK\r\n"
CUTS = {
    "reset after the request was read": (Answer(b"", "reset"), "the connection broke: Connection reset"),
    "closed without a word": (Answer(b"", "close"), "the connection was closed before a reply came"),
    "closed within the headers": (Answer(SOUND + b"A", "close"), "the connection was closed before a reply"),
    "silence": (Answer(b"", "stall"), "no complete reply within 0.4 s"),
    "silence within the body": (Answer(SOUND + b"Content-Length: 9\r\n\r\n{", "stall"), "no complete reply"),
    "a short body": (Answer(SOUND + b"Content-Length: 9\r\n\r\n{", "close"), "the reply's body broke off"),
    "a chunk that ends early": (
        Answer(SOUND + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{", "close"),
        "the reply's body broke off or could not be decoded",
    ),
    "a chunk of no length": (
        Answer(SOUND + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\nZZ\r\n"),
        "the reply was not valid HTTP",
    ),
    "gzip that is none": (
        Answer(SOUND + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        "the reply's body broke off or could not be decoded",
    ),
    "no HTTP at all": (Answer(b"220 smtp ready\r\n\r\n"), "the reply was not valid HTTP"),
    "two lengths": (
        Answer(SOUND + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
        "the reply was not valid HTTP",
    ),
    "a header without end": (
        Answer(SOUND + b"Location: " + b"u" * (MAX_HEADER_BYTES + 1) + b"\r\n\r\n"),
        "the reply was not valid HTTP",
    ),
}


@pytest.mark.parametrize("case", CUTS)
async def test_what_breaks_after_the_first_byte_may_have_been_obeyed_and_is_not_sent_again(case: str) -> None:
    answer, detail = CUTS[case]
    async with talking(answer) as (wire, server, base):
        reply = await wire.exchange(Request("POST", f"{base}/assessPatches?s=signature"))
        assert (reply.status, reply.fault, reply.body) == (0, Fault.CUT, b"")
        assert reply.detail.startswith(detail)
        assert len(server.requests) == 1


async def test_a_reply_that_trickles_ends_at_the_total_time() -> None:
    trickle = Answer(SOUND + b"Content-Length: 9\r\n\r\n{", "stall")
    async with serving(trickle) as server:
        base = f"http://127.0.0.1:{server.port}"
        async with wire_to(base, Timeouts(connect_s=2.0, total_s=0.2)) as wire:
            reply = await wire.exchange(Request("GET", f"{base}/x"))
    assert (reply.fault, reply.detail) == (Fault.CUT, "no complete reply within 0.2 s")


@pytest.mark.parametrize(
    ("kind", "within"),
    [
        (RequestKind.START, "0.1 s"),
        (RequestKind.POLL, "0.1 s"),
        (RequestKind.RESULT, "0.1 s"),
        (RequestKind.VIEW, "0.1 s"),
        (RequestKind.QUERY_GRAPH, "0.3 s"),
        (RequestKind.LIST_VMS, "0.3 s"),
        (None, "0.3 s"),
    ],
)
async def test_a_page_may_take_longer_than_an_answer_about_one_vm(
    kind: RequestKind | None, within: str
) -> None:
    async with serving(Answer(b"", "stall")) as server:
        base = f"http://127.0.0.1:{server.port}"
        async with wire_to(base, Timeouts(connect_s=2.0, vm_s=0.1, total_s=0.3)) as wire:
            reply = await wire.exchange(Request("GET", f"{base}/x", kind=kind))
    assert (reply.fault, reply.detail) == (Fault.CUT, f"no complete reply within {within}")


@pytest.mark.parametrize("case", CUTS)
async def test_the_wire_works_on_after_each_breakage(case: str) -> None:
    async with talking(CUTS[case][0], OK) as (wire, _, base):
        await wire.exchange(Request("POST", f"{base}/1"))
        assert (await wire.exchange(Request("POST", f"{base}/2"))).status == 200


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (aiohttp.ConnectionTimeoutError("https://azure.test/?s=secret"), Fault.NOT_SENT),
        (aiohttp.SocketTimeoutError("https://azure.test/?s=secret"), Fault.CUT),
        (TimeoutError("https://azure.test/?s=secret"), Fault.CUT),
        (ConnectionResetError("https://azure.test/?s=secret"), Fault.CUT),
        (aiohttp.ClientOSError(104, "Connection reset"), Fault.CUT),
        (aiohttp.ClientConnectionResetError("https://azure.test/?s=secret"), Fault.CUT),
        (aiohttp.ClientPayloadError("https://azure.test/?s=secret"), Fault.CUT),
        (aiohttp.ClientConnectionError("https://azure.test/?s=secret"), Fault.CUT),
    ],
)
async def test_a_fault_says_what_broke_and_never_the_url(error: Exception, fault: Fault) -> None:
    with aioresponses() as azure:
        azure.post("https://azure.test/?s=secret", exception=error)
        async with wire_to("https://azure.test") as wire:
            reply = await wire.exchange(Request("POST", "https://azure.test/?s=secret"))
    assert reply.fault is fault
    assert reply.detail
    assert "secret" not in reply.detail


class CannedResponse(aiohttp.ClientResponse):
    """aioresponses 0.7.9 does not know the `stream_writer` that aiohttp 3.14 wants."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 202, 204, 400, 403, 404, 409, 429, 500, 502, 503, 504])
async def test_every_status_is_a_reply(status: int) -> None:
    with aioresponses() as azure:
        azure.post(
            "https://azure.test/x",
            status=status,
            body=b'{"error":{}}',
            headers={"Retry-After": "7"},
            response_class=CannedResponse,
        )
        async with wire_to("https://azure.test") as wire:
            reply = await wire.exchange(Request("POST", "https://azure.test/x"))
    assert (reply.status, reply.body, reply.fault) == (status, b'{"error":{}}', None)
    assert reply.headers["retry-after"] == "7"


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that no authority signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    began = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + datetime.timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
