"""A night with seeded secrets: files, log, metrics, spans and tracebacks are searched, and none is found.

The Azure of this night repeats in its errors whatever it was sent, and what only we know: as a proxy's error
page or a careless trace would. The journal alone has the signed URLs, because a resume polls them.
"""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import anyio
import orjson
import pytest

from fleetscan.cli.main import run
from fleetscan.model import Reply, Request
from fleetscan.otel import OpenTelemetryHooks
from fleetscan.simulator import Cloud, Scenario, serve
from tests.strict_reader import read_run
from tests.telemetry.test_otel import Memory

CLAIMS = base64.urlsafe_b64encode(b'{"oid":"0b1","appid":"a1","tid":"t1"}').decode().rstrip("=")
TOKEN = f"eyJhbGciOiJub25lIn0.{CLAIMS}.{'c2lnbmF0dXJlLW9mLXRoZS1uaWdodA' * 4}"
CLIENT_SECRET = "Zx8Q~client.secret-of_the_night"
PROXY_PASSWORD = "pr0xy$pass@word"
PROXY = f"http://svc:{quote(PROXY_PASSWORD, safe='')}@127.0.0.1:9"
SEEDED = {
    "token": [TOKEN[at : at + 30] for at in range(20, len(TOKEN) - 30, 15)],
    "client secret": [CLIENT_SECRET, quote(CLIENT_SECRET, safe="")],
    "proxy password": [
        PROXY_PASSWORD,
        quote(PROXY_PASSWORD, safe=""),
        base64.b64encode(f"svc:{PROXY_PASSWORD}".encode()).decode(),
    ],
}
SIGNATURE = re.compile(r"[?&](?:t|c|s|h|sig)=(?!<hidden>)[^&\s\"]+")


class Telltale(Cloud):
    """Refuses the starts of some VMs, and one subscription's list, in a message with all it knows."""

    def echo(self, request: Request, reply: Reply, authorization: str) -> Reply:
        """See Cloud."""
        is_start = request.method == "POST" and "assessPatches" in request.url
        if reply.status < 400 and not (is_start and "-002" in request.url):
            return reply
        told = (
            "https://management.azure.com/operations/1?t=638&c=MIIH&s=J5kf&h=uQx5 "
            f"client_secret={CLIENT_SECRET}; "
            f"Authorization: {authorization}; GET {request.url}&sig=abc%2Bdef; "
            f"Proxy {PROXY}; {CLIENT_SECRET} {PROXY_PASSWORD}"
        )
        body = orjson.dumps({"error": {"code": "AuthorizationFailed", "message": told}})
        return Reply(403, {"Content-Type": "application/json"}, body)


@contextlib.contextmanager
def served(cloud: Cloud) -> Iterator[str]:
    """The cloud's endpoint, from a thread of its own."""
    endpoint: list[str] = []
    ready, over = threading.Event(), threading.Event()

    async def work() -> None:
        async with serving(cloud) as where:
            endpoint.append(where)
            ready.set()
            await anyio.to_thread.run_sync(over.wait)

    thread = threading.Thread(target=anyio.run, args=(work,))
    thread.start()
    assert ready.wait(30.0)
    try:
        yield endpoint[0]
    finally:
        over.set()
        thread.join()


@contextlib.asynccontextmanager
async def serving(cloud: Cloud) -> AsyncIterator[str]:
    async with serve(cloud) as where:
        yield where


def found_in(text: str) -> list[str]:
    """The kinds of secrets in `text`."""
    kinds = [kind for kind, pieces in SEEDED.items() if any(piece in text for piece in pieces)]
    return kinds + (["signed URL"] if SIGNATURE.search(text) else [])


def test_the_search_finds_each_kind_where_it_is() -> None:
    for kind, pieces in SEEDED.items():
        assert found_in(f"x {pieces[0]} y") == [kind]
    assert found_in("https://h/o?p=1&s=J5kf") == ["signed URL"]
    assert found_in("https://h/o?p=1&s=<hidden>") == []


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_night_with_seeded_secrets_tells_none_of_them(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, words = Memory(), io.StringIO()
    for name, value in (
        ("FLEETSCAN_ACCESS_TOKEN", TOKEN),
        ("AZURE_CLIENT_SECRET", CLIENT_SECRET),
        ("HTTPS_PROXY", PROXY),
    ):
        monkeypatch.setenv(name, value)
    # The hooks are ours, the exporters the SDK's: what would go to a collector stays here.
    monkeypatch.setattr("fleetscan.otel.sending", lambda _: contextlib.nullcontext(memory.hooks))
    # A bug of ours, whose traceback has the secrets too, and packages that log them.
    monkeypatch.setattr("fleetscan.scanner.session.is_skipped", _broken_once())
    monkeypatch.setattr(sys, "stderr", words)
    still = {"failing_pct": 0, "stopped_pct": 0, "patches": 2, "limits_speed": 0}
    scenario = Scenario(machines=40, speed=2000, denied_subscriptions=1, **still)  # type: ignore[arg-type]
    out, file = tmp_path / "run", tmp_path / "f.prom"
    with served(Telltale(scenario)) as endpoint:
        pace = "--first-poll", "0.2s", "--poll-interval", "0.2s", "--unknown-start-wait", "0s"
        more = "-v", "--otel", "--metrics-file", str(file), "--log-format", form
        code = run(["scan", "--endpoint", endpoint, "--out", str(out), *pace, *more])
    assert code == 3
    messages = [row["error"]["message"] for row in read_run(out).rows if row["error"]]
    assert [each for each in messages if "client_secret=<hidden>" in each]
    assert "a package says <hidden>" in words.getvalue()
    places = {path.name: path.read_text(errors="replace") for path in out.iterdir()}
    journal = places.pop("journal.jsonl")
    places |= {"log": words.getvalue(), "metrics": file.read_text()}
    places["spans"] = "".join(span.to_json() for span in memory.spans().values())
    places["metrics sent"] = str(memory.metrics())
    assert {name: found_in(text) for name, text in places.items() if found_in(text)} == {}
    assert [kind for kind in found_in(journal) if kind != "signed URL"] == []


def _broken_once() -> object:
    """`is_skipped`, which logs a traceback with everything in it, once."""
    from fleetscan.inventory.selection import is_skipped

    told: list[bool] = []

    def broken(target: object) -> bool:
        if not told:
            told.append(True)
            logging.getLogger("azure.identity").setLevel(logging.WARNING)
            logging.getLogger("azure.identity").warning("a package says %s", CLIENT_SECRET)
            try:
                raise ValueError(f"{TOKEN} {CLIENT_SECRET} {PROXY} https://h/o?t=1&s=abc")
            except ValueError:
                logging.getLogger("fleetscan").exception("a bug that saw %s", TOKEN)
        return is_skipped(target)  # type: ignore[arg-type]

    return broken


def test_a_traceback_that_ends_a_scan_tells_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"{TOKEN} {CLIENT_SECRET} {PROXY} {PROXY_PASSWORD} https://h/o?t=1&s=abc")

    words = io.StringIO()
    for name, value in (("FLEETSCAN_ACCESS_TOKEN", TOKEN), ("AZURE_CLIENT_SECRET", CLIENT_SECRET)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setattr("fleetscan.cli.watched._run", bug)
    monkeypatch.setattr(sys, "stderr", words)
    assert run(["scan", "--endpoint", "http://127.0.0.1:9", "--out", str(tmp_path / "run")]) == 70
    assert "ZeroDivisionError: <hidden> <hidden> " in words.getvalue()
    assert found_in(words.getvalue()) == []
    assert (
        words.getvalue().splitlines()[-1].partition("Z ")[2].startswith("error: exit 70 (an internal error)")
    )


def test_the_hooks_are_those_that_a_program_uses() -> None:
    assert isinstance(Memory().hooks, OpenTelemetryHooks)
