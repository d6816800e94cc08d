"""Real processes against a server that repeats their token: neither stream nor any file has it."""

from __future__ import annotations

import json
from pathlib import Path

import anyio.to_thread
import pytest

from tests.azure.loopback_server import Answer, serving
from tests.azure.test_held_tokens import SPELLINGS, TOKEN
from tests.cli.processes import NOTHING, begun, ended, scanning

PIECES = [TOKEN[at : at + 30] for at in range(0, len(TOKEN) - 30, 15)]


def refused(body: bytes, kind: str = "application/json") -> Answer:
    head = f"HTTP/1.1 403 Forbidden\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Answer(head.encode() + body)


def has_piece(text: str) -> bool:
    return any(piece in text for piece in PIECES)


async def run(answer: Answer, *more: str, command: str = "scan") -> tuple[int, str, str]:
    async with serving(answer) as server:
        where = f"http://127.0.0.1:{server.port}"
        process = begun(NOTHING, command, "--endpoint", where, *more, token=TOKEN)
        return await anyio.to_thread.run_sync(ended, process)


@pytest.mark.parametrize("spelling", ["as it is", "first letter escaped", "JSON", "URL", "HTML"])
@pytest.mark.parametrize("command", ["scan", "plan"])
async def test_a_refused_listing_does_not_show_the_token(spelling: str, command: str, tmp_path: Path) -> None:
    echo = SPELLINGS[spelling](f"Bearer {TOKEN}")
    body = f'{{"error":{{"code":"{echo}","message":"Bad header: {echo}."}}}}'.encode()
    json.loads(body)
    out = ("--out", str(tmp_path / "run")) if command == "scan" else ()
    code, data, words = await run(refused(body), *out, command=command)
    assert (code, data) == (4, "")
    assert "<token>" in words
    assert not has_piece(words + words.encode().decode("unicode_escape"))
    assert not (tmp_path / "run").exists()


async def test_a_page_that_is_no_json_does_not_show_the_token() -> None:
    page = f"<html><pre>GET /subscriptions\nAuthorization: Bearer {TOKEN}</pre></html>".encode()
    code, _, words = await run(refused(page, "text/html"), command="plan")
    assert code == 4
    assert "Authorization: Bearer <token>" in words
    assert not has_piece(words)


async def test_a_token_of_over_16_kb_ends_with_4_in_a_sentence_that_does_not_show_it(tmp_path: Path) -> None:
    async with serving(Answer()) as server:
        where = f"http://127.0.0.1:{server.port}"
        process = begun(NOTHING, *scanning(where, tmp_path / "run"), token="eyJ" + "x" * 20_000)
        code, data, words = await anyio.to_thread.run_sync(ended, process)
        assert server.connections == 0
    assert (code, data) == (4, "")
    assert "FLEETSCAN_ACCESS_TOKEN is too long for a bearer token: it has 20,003 bytes" in words
    assert "xxx" not in words
