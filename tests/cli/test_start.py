"""How a scan begins: what it loads before its first start is sent, and what only where that is used."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.processes import CHECKOUT, LONG_S, NOTHING, simulation

# Each is for the end of a scan, for another command, or for what few scans are asked for.
LATER = (
    "aiohttp.web",
    "azure.core",
    "azure.identity",
    "fleetscan.cli.demo",
    "fleetscan.cli.dials",
    "fleetscan.cli.drawing",
    "fleetscan.history",
    "fleetscan.judgement",
    "fleetscan.otel",
    "fleetscan.planning",
    "fleetscan.records.plan",
    "fleetscan.records.schema",
    "fleetscan.report.terminal",
    "fleetscan.simulator.scenario",
    "fleetscan.telemetry",
    "http.server",
    "msal",
    "obstore",
    "opentelemetry",
    "prometheus_client",
    "pythonjsonlogger",
    "requests",
    "rich",
    "sqlite3",
    "tomllib",
    "unittest",
    "zstandard",
    "fleetscan.remote",
)


def loaded_until_the_first_start(endpoint: str, out: Path, words: Path) -> set[str]:
    """The modules that a scan has loaded when its first start is in the journal, before it is sent."""
    line = (sys.executable, "-X", "importtime", "-m", "fleetscan", "scan", "--endpoint", endpoint)
    with words.open("w") as stderr:
        process = subprocess.Popen(
            [*line, "--out", str(out)],
            stderr=stderr,
            cwd=CHECKOUT,
            env={**NOTHING, "FLEETSCAN_ACCESS_TOKEN": "sesame"},
        )
        until = time.monotonic() + LONG_S
        while not has_started(out / "journal.jsonl") and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
        process.wait()
    assert has_started(out / "journal.jsonl")
    return set(re.findall(r"^import time:.*\| +(\S+)$", words.read_text(), re.MULTILINE))


def has_started(journal: Path) -> bool:
    """Whether a start is noted."""
    return journal.exists() and b'{"event":"starting"' in journal.read_bytes()


def test_help_and_version_load_neither_an_event_loop_nor_what_commands_need() -> None:
    script = (
        "import sys\n"
        "from fleetscan.cli.main import run\n"
        "assert [run(['--help']), run(['--version'])] == [0, 0]\n"
        "heavy = {'asyncio', 'anyio', 'ssl', 'fleetscan.model', 'fleetscan.cli.dials'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG_S, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_scan_begins_without_what_it_needs_later_or_not_at_all(tmp_path: Path) -> None:
    # No assessment ends before the scan is killed.
    with simulation(NOTHING, "--speed", "1") as endpoint:
        loaded = loaded_until_the_first_start(endpoint, tmp_path / "run", tmp_path / "words")
    assert {"aiohttp", "fleetscan.scanner.run"} <= loaded
    assert sorted(loaded.intersection(LATER)) == []
