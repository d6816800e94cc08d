"""The guard itself: each way out is refused and noted, in this process and in its children."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
import uvloop

from tests.guarding import reached_for

CHECKOUT = Path(__file__).parents[1]
METADATA = "169.254.169.254"
OUTSIDE = ["management.azure.com", METADATA, "192.0.2.1", "2001:db8::1"]


@pytest.fixture
def noted() -> Iterator[list[str]]:
    """What was noted in a test, which is then no failure of it."""
    lines: list[str] = []
    yield lines
    lines.extend(reached_for())
    assert lines, "nothing was noted"


def connect(host: str) -> None:
    """By a plain socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.connect((host, 80))


def send(host: str) -> None:
    """By a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (host, 53))


def look_up(host: str) -> None:
    """By a name."""
    socket.getaddrinfo(host, 443)


async def get(host: str) -> None:
    """By the library that the product uses."""
    url = f"http://[{host}]/" if ":" in host else f"http://{host}/"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
        await session.get(url)


@pytest.mark.parametrize("host", OUTSIDE)
@pytest.mark.parametrize("way", [connect, send, look_up])
@pytest.mark.usefixtures("noted")
def test_what_is_outside_is_refused(way: Callable[[str], None], host: str) -> None:
    with pytest.raises(PermissionError, match="tests reach loopback alone"):
        way(host)


@pytest.mark.parametrize("host", OUTSIDE)
@pytest.mark.parametrize(
    "factory", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"]
)
@pytest.mark.usefixtures("noted")
def test_event_loops_do_not_get_past_it(factory: Callable[[], asyncio.AbstractEventLoop], host: str) -> None:
    with asyncio.Runner(loop_factory=factory) as runner, pytest.raises((OSError, aiohttp.ClientError)):
        runner.run(get(host))


@pytest.mark.parametrize("host", ["management.azure.com", METADATA])
@pytest.mark.parametrize("env", [None, {}, {"PYTHONPATH": "/nowhere"}])
@pytest.mark.usefixtures("noted")
def test_a_child_has_it_whatever_its_environment(host: str, env: dict[str, str] | None) -> None:
    code = f"import socket; socket.create_connection(({host!r}, 80), 1)"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False, text=True)
    assert "tests reach loopback alone" in done.stderr


@pytest.mark.usefixtures("noted")
def test_a_child_that_loads_aiohttp_later_looks_up_no_name() -> None:
    code = (
        "import asyncio, aiohttp, uvloop\n"
        "async def get():\n"
        "    async with aiohttp.ClientSession() as session:\n"
        "        await session.get('http://management.azure.com/')\n"
        "uvloop.run(get())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert "tests reach loopback alone" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9", "::1"])
def test_loopback_is_left_alone(host: str) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(host, 1, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as sock, pytest.raises(OSError, match=r"refused|unavail"):
            sock.connect(address)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [("connect(('192.0.2.1', 1))", "1 passed, 1 error"), ("getsockname()", "1 passed in")],
)
def test_a_test_that_reaches_outside_fails_though_its_code_goes_on(
    tmp_path: Path, line: str, outcome: str
) -> None:
    (tmp_path / "conftest.py").write_text((CHECKOUT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_planted.py").write_text(
        "import socket\nfrom contextlib import suppress\n\n\ndef test_planted():\n"
        f"    with suppress(OSError), socket.socket() as sock:\n        sock.{line}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )
    assert outcome in done.stdout
