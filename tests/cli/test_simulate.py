"""`fleetscan simulate` as a process: one line of data, an Azure behind it, and a clean end."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import orjson
import pytest

Process = subprocess.Popen[str]


@pytest.fixture
def simulation() -> Iterator[Process]:
    """A running simulation of seven machines in one subscription, asking for the token "sesame"."""
    arguments = ["simulate", "--machines", "7", "--subscriptions", "1", "--token", "sesame"]
    with subprocess.Popen(
        [sys.executable, "-m", "fleetscan", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def endpoint_of(process: Process) -> str:
    """The line that a simulation prints once it serves."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_the_endpoint_is_the_one_line_on_stdout_and_answers(simulation: Process) -> None:
    endpoint = endpoint_of(simulation)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", endpoint)
    request = urllib.request.Request(  # noqa: S310 - the address just checked is loopback
        f"{endpoint}/subscriptions?api-version=2022-12-01", headers={"Authorization": "Bearer sesame"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        states = [each["state"] for each in orjson.loads(reply.read())["value"]]
    assert states.count("Enabled") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_0(simulation: Process, number: signal.Signals) -> None:
    endpoint = endpoint_of(simulation)
    simulation.send_signal(number)
    out, err = simulation.communicate(timeout=30)
    assert (simulation.returncode, out) == (0, "")
    assert f"FLEETSCAN_ACCESS_TOKEN=sesame fleetscan scan --endpoint {endpoint}\n" in err
    assert "Traceback" not in err


def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "fleetscan", "simulate", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"fleetscan: error: cannot serve on port {port}: ")
    assert done.stderr.endswith("; name another with --port, or 0 for any free one\n")
