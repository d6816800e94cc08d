"""Real processes of fleetscan with an environment, and standard streams, of the test's choice."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
TOKEN = "sesame"
LONG_S = 60.0
HEAD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning|error): ")
NOTHING: Mapping[str, str] = {}
# A simulation in which no VM runs, so that none is assessed.
NONE_ASSESSED = ("--warned-pct", "0", "--truncated-pct", "0", "--stopped-pct", "100")


def begun(
    environment: Mapping[str, str], *arguments: str, streams: str = "", token: str = TOKEN
) -> subprocess.Popen[str]:
    """A fleetscan that has nothing in its environment but this and a token; `streams` are a shell's words."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-m", "fleetscan", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=CHECKOUT,
        env={**environment, "FLEETSCAN_ACCESS_TOKEN": token},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, data and words."""
    with process:
        try:
            data, words = process.communicate(timeout=LONG_S)
        finally:
            process.kill()
    return process.returncode, data, words


def spoken(words: str) -> str:
    """The lines of a log without the time and the level that each has to have."""
    lines = words.splitlines()
    heads = [HEAD.match(line) for line in lines]
    assert all(heads), words
    return "".join(f"{line[head.end() :]}\n" for line, head in zip(lines, heads, strict=True) if head)


@contextmanager
def simulation(environment: Mapping[str, str] = NOTHING, *dials: str) -> Iterator[str]:
    """The endpoint of a simulated Azure of seven machines, which is told to stop in the end."""
    fleet = ("--machines", "7", "--speed", "1000", "--stopped-pct", "0", "--failing-pct", "0")
    with begun(environment, "simulate", *fleet, "--token", "sesame", *dials) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().rstrip("\n")
            process.send_signal(signal.SIGTERM)
            assert process.wait(LONG_S) == 0
        finally:
            process.kill()


def scanning(endpoint: str, out: Path | str) -> tuple[str, ...]:
    """The command line of a scan of the simulation."""
    polls = "--first-poll", "0.5s", "--poll-interval", "1s"
    return "scan", "--endpoint", endpoint, "--out", str(out), *polls


def errors_in(words: str) -> list[str]:
    """The errors that a command told, on a screen or in a log."""
    found = (line.partition(" error: ") for line in words.splitlines() if not line.startswith(" "))
    return [said for _, error, said in found if error and not said.startswith("exit ")]
