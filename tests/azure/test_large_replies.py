"""How far a reply is read: by what was asked for, in bytes and in JSON values, and beside all others."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import StaticToken
from fleetscan.azure.room import Place, Room
from fleetscan.azure.timeouts import Timeouts
from fleetscan.azure.transport import Transport
from fleetscan.model import Fault, Reply, Request, RequestKind
from tests.azure.loopback_server import OK, Answer, LoopbackServer, serving

MIB = 1024 * 1024
SHORT = Timeouts(connect_s=2.0, vm_s=5.0, total_s=5.0)


def told(body: bytes, status: int = 200, headers: str = "") -> Answer:
    """A reply with `body`, plainly."""
    return Answer(f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def packed(body: bytes, status: int = 200) -> Answer:
    """The same in gzip."""
    return told(gzip.compress(body), status, "Content-Encoding: gzip\r\n")


@asynccontextmanager
async def talking(
    *answers: Answer, timeouts: Timeouts = SHORT
) -> AsyncIterator[tuple[Transport, LoopbackServer, str]]:
    """A transport, the server it talks to, and a URL there."""
    async with serving(*answers) as server:
        base = f"http://127.0.0.1:{server.port}"
        transport = Transport(
            Origin.of(base),
            StaticToken("t0ken"),
            max_in_flight=8,
            user_agent="fleetscan/1.2.3",
            timeouts=timeouts,
        )
        async with transport:
            yield transport, server, f"{base}/x"


async def reply_to(kind: RequestKind, answer: Answer) -> Reply:
    async with talking(answer) as (transport, _, url):
        return await transport.exchange(Request("GET", url, kind=kind))


@pytest.mark.parametrize(
    ("kind", "status", "most_bytes", "said"),
    [
        (RequestKind.START, 202, 65_536, "64 KiB"),
        (RequestKind.START, 200, 4 * MIB, "4 MiB"),
        (RequestKind.START, 403, 65_536, "64 KiB"),
        (RequestKind.POLL, 200, 4 * MIB, "4 MiB"),
        (RequestKind.POLL, 202, 65_536, "64 KiB"),
        (RequestKind.POLL, 500, 65_536, "64 KiB"),
        (RequestKind.RESULT, 200, 4 * MIB, "4 MiB"),
        (RequestKind.VIEW, 200, MIB, "1 MiB"),
        (RequestKind.QUERY_GRAPH, 200, 16 * MIB, "16 MiB"),
        (RequestKind.QUERY_GRAPH, 429, 65_536, "64 KiB"),
        (RequestKind.LIST_VMS, 200, 16 * MIB, "16 MiB"),
    ],
)
async def test_a_reply_is_read_as_far_as_an_answer_to_its_request_can_be_long(
    kind: RequestKind, status: int, most_bytes: int, said: str
) -> None:
    most = b'"' + b"a" * (most_bytes - 2) + b'"'
    reply = await reply_to(kind, packed(most, status))
    assert (reply.status, reply.body, reply.detail) == (status, most, "")
    reply = await reply_to(kind, packed(most + b" ", status))
    assert (reply.status, reply.body) == (status, b"")
    assert reply.detail == f"the reply is too large: it has more than {said}"


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        (RequestKind.START, 200_000),
        (RequestKind.POLL, 200_000),
        (RequestKind.RESULT, 200_000),
        (RequestKind.VIEW, 40_000),
        (RequestKind.QUERY_PATCHES, 400_000),
        (RequestKind.QUERY_GRAPH, 400_000),
        (RequestKind.LIST_SUBSCRIPTIONS, 400_000),
        (RequestKind.LIST_VMS, 400_000),
    ],
)
async def test_a_reply_has_no_more_values_than_an_answer_can_have(kind: RequestKind, most: int) -> None:
    # The outer list is one mark, and each inner one but the last two.
    body = b"[" + b"[]," * (most // 2 - 1) + b"[]]"
    assert (await reply_to(kind, packed(body))).body == body
    reply = await reply_to(kind, packed(body[:-1] + b",0]"))
    assert reply.body == b""
    assert reply.detail == (
        f"the reply is too large: it has {most + 1:,} commas, colons and brackets, "
        f"and at most {most:,} make sense"
    )


@pytest.mark.parametrize("value", ["[],", "{},", '{"a":1},', "1,", '"",'])
async def test_what_is_small_in_gzip_and_huge_as_values_is_not_kept(value: str) -> None:
    reply = await reply_to(RequestKind.POLL, packed(b"[" + value.encode() * 900_000 + b"0]"))
    assert reply.body == b""
    assert "too large" in reply.detail


async def test_a_reply_of_nothing_but_escapes_is_not_kept() -> None:
    reply = await reply_to(RequestKind.POLL, packed(b'"' + rb"\ud800" * 200_001 + b'"'))
    assert reply.detail == "the reply is too large: it has more than 200,000 escapes"


async def test_a_thousand_windows_updates_fit() -> None:
    patch = {
        "patchId": "0" * 36,
        "name": 'Cumulative, "quoted" [Update]: {of} November' * 3,
        "kbId": "5034441",
        "classifications": ["Security", "Critical"],
        "rebootBehavior": "CanRequestReboot",
        "activityId": "1" * 36,
        "publishedDate": "2026-11-01T00:00:00+00:00",
        "lastModifiedDateTime": "2026-11-22T02:00:00.1234567+00:00",
        "assessmentState": "Available",
    }
    output = {"status": "Succeeded", "availablePatches": [patch] * 1000}
    body = json.dumps({"status": "Succeeded", "properties": {"output": output}}).encode()
    assert (await reply_to(RequestKind.POLL, packed(body))).body == body


async def test_a_thousand_rows_with_fifty_tags_each_fit() -> None:
    tags = {f"tag-{number}": f'{{"owner": "{number}"}}' for number in range(50)}
    image = {"publisher": "p", "offer": "o", "sku": "s", "version": "v"}
    row = {"id": "/" + "i" * 200, "location": "x", "tags": tags, "image": image}
    body = json.dumps({"totalRecords": 1000, "data": [row] * 1000}).encode()
    assert len(body) > 1_900_000
    assert (await reply_to(RequestKind.QUERY_GRAPH, packed(body))).body == body


def in_members(body: bytes) -> Answer:
    data = b"".join(gzip.compress(body[at : at + MIB]) for at in range(0, len(body), MIB))
    return told(data, headers="Content-Encoding: gzip\r\n")


def deflated(body: bytes, window: int) -> Answer:
    packer = zlib.compressobj(wbits=window)
    return told(packer.compress(body) + packer.flush(), headers="Content-Encoding: deflate\r\n")


def chunked(body: bytes, size_bytes: int, headers: str = "") -> Answer:
    pieces = (body[at : at + size_bytes] for at in range(0, len(body), size_bytes))
    data = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = f"HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n"
    return Answer(head.encode() + data + b"0\r\n\r\n")


HUGE = b'"' + b"a" * 6 * MIB + b'"'


@pytest.mark.parametrize(
    "answer",
    [
        packed(HUGE),
        in_members(HUGE),
        deflated(HUGE, 15),
        deflated(HUGE, -15),
        chunked(gzip.compress(HUGE), 100, "Content-Encoding: gzip\r\n"),
        chunked(HUGE, 1000),
        told(HUGE),
        Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n" + HUGE, then="stall"),
        Answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + HUGE, then="close"),
    ],
    ids=["gzip", "members", "zlib", "deflate", "gzip chunks", "chunks", "plain", "lying", "to the end"],
)
async def test_the_bound_holds_however_a_body_is_framed(answer: Answer) -> None:
    answers = [answer, OK]
    async with talking(*answers) as (transport, server, url):
        reply = await transport.exchange(Request("GET", url, kind=RequestKind.POLL))
        assert reply.detail == "the reply is too large: it has more than 4 MiB"
        # What is left of it is not taken for the next reply.
        assert (await transport.exchange(Request("GET", url))).body == b"{}"
        assert server.connections == 2


async def test_bodies_in_small_pieces_arrive_whole() -> None:
    body = json.dumps([*range(20_000)]).encode()
    for answer in (chunked(body, 1), chunked(body, 7), in_members(body), deflated(body, 15)):
        assert (await reply_to(RequestKind.POLL, answer)).body == body


async def test_the_headers_of_a_reply_that_is_too_large_are_kept() -> None:
    head = b"HTTP/1.1 202 A\r\nLocation: /operations/1\r\nContent-Length: 100000\r\n\r\n"
    reply = await reply_to(RequestKind.START, Answer(head + b"a" * 100_000))
    assert (reply.status, reply.headers["location"], reply.fault) == (202, "/operations/1", None)


async def test_headers_have_bounds_of_their_own() -> None:
    lines = "".join(f"X-{number}: {'h' * 800}\r\n" for number in range(60))
    assert len((await reply_to(RequestKind.POLL, told(b"{}", headers=lines))).headers) == 61
    lines = "".join(f"X-{number}: {'h' * 900}\r\n" for number in range(60))
    reply = await reply_to(RequestKind.POLL, told(b"{}", headers=lines))
    assert reply == Reply(200, detail="the reply is too large: it has more than 48 KiB of headers")
    lines = "".join(f"X-{number}: h\r\n" for number in range(70))
    assert (await reply_to(RequestKind.POLL, told(b"{}", headers=lines))).fault is Fault.CUT


async def test_a_large_reply_waits_for_room_and_a_small_one_does_not() -> None:
    large, small = told(b'"' + b"a" * 40_000 + b'"'), told(b'"' + b"a" * 30_000 + b'"')
    async with talking(small, large) as (transport, _, url):
        transport._room = room = Room(0)
        with Place(room) as other:
            assert other.grow(1)
            assert len((await transport.exchange(Request("GET", url))).body) == 30_002
            with anyio.move_on_after(0.1) as waited:
                await transport.exchange(Request("GET", url))
            assert waited.cancelled_caught
        assert len((await transport.exchange(Request("GET", url))).body) == 40_002


async def test_a_wait_for_room_does_not_count_as_time_of_the_exchange() -> None:
    large = told(b'"' + b"a" * MIB + b'"')
    hasty = Timeouts(connect_s=2.0, total_s=0.4)
    async with talking(large, timeouts=hasty) as (transport, _, url):
        transport._room = room = Room(0)
        async with asyncio.TaskGroup() as tasks:
            with Place(room) as other:
                assert other.grow(1)
                waiting = tasks.create_task(transport.exchange(Request("GET", url)))
                await asyncio.sleep(0.6)
                assert not waiting.done()
        assert len(waiting.result().body) == MIB + 2
