"""The examples in help, run by a shell as they stand; the environment names a simulated Azure."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.main import run
from fleetscan.runs.reader import open_run
from tests.cli.processes import LONG_S, NOTHING, TOKEN, begun

FLEET = ("--machines", "12", "--failing-pct", "30", "--speed", "1000", "--token", TOKEN)
# Complete, or complete with VMs that failed.
GOOD = (0, 3)


@pytest.fixture(scope="module")
def environment() -> Iterator[Mapping[str, str]]:
    """What a person has set: where to scan, a token, and here waits and a demo that take no time."""
    with begun(NOTHING, "simulate", *FLEET) as process:
        assert process.stdout is not None
        try:
            yield {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "FLEETSCAN_ENDPOINT": process.stdout.readline().rstrip("\n"),
                "FLEETSCAN_ACCESS_TOKEN": TOKEN,
                "FLEETSCAN_FIRST_POLL": "0.3s",
                "FLEETSCAN_POLL_INTERVAL": "0.5s",
                "FLEETSCAN_MACHINES": "5",
                "FLEETSCAN_SPEED": "5000",
            }
        finally:
            process.kill()


@pytest.fixture(scope="module")
def lived_in(environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as the examples find it: with an earlier run of the whole fleet, and a file of VMs."""
    directory = tmp_path_factory.mktemp("earlier")
    code, words = ended(started("fleetscan scan -q", directory, environment))
    assert code == 3, words
    rows = open_run(str(directory / "fleetscan-runs" / "latest")).rows()
    (directory / "vms.txt").write_text("".join(f"{row['resource_id']}\n" for row in rows), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def stopped(environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a run that was stopped after its starts, under the name that an example gives."""
    directory = tmp_path_factory.mktemp("stopped")
    line = "fleetscan scan -q --deadline 1s --drain 0s --first-poll 1h"
    code, words = ended(started(line, directory, environment))
    assert code == 5, words
    (run,) = (directory / "fleetscan-runs").iterdir()
    run.rename(run.with_name("20261123T020000Z-5c1f2a90"))
    return directory


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code, and its words."""
    with process:
        _, words = process.communicate(timeout=LONG_S)
    return process.returncode, words


def started(line: str, directory: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """The line in a shell of its own, in `directory`."""
    return subprocess.Popen(
        ["/bin/sh", "-c", line],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=directory,
        env=environment,
    )


def examples(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines under Examples in the help of fleetscan and of each command, each once."""
    texts = []
    for name in ([], *([name] for name in COMMANDS)):
        assert run(["help", *name]) == 0
        texts.append(capsys.readouterr().out.partition("\nExamples:\n")[2])
    return list(dict.fromkeys(re.findall(r"^    (fleetscan .*)$", "".join(texts), re.MULTILINE)))


def test_every_example_runs(
    environment: Mapping[str, str],
    lived_in: Path,
    stopped: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [line for line in examples(capsys) if " simulate" not in line]
    for number, line in enumerate(lines):
        found = stopped if line.startswith("fleetscan resume") else lived_in
        shutil.copytree(found, tmp_path / str(number), symlinks=True)
    running = [started(line, tmp_path / str(number), environment) for number, line in enumerate(lines)]
    ends = zip(lines, map(ended, running), strict=True)
    assert [(line, *end) for line, end in ends if end[0] not in GOOD or "Traceback" in end[1]] == []
    assert len(lines) >= 13


def test_every_simulation_among_them_serves_until_it_is_told_to_stop(
    environment: Mapping[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for line in examples(capsys) if " simulate" in line]
    running = [started(f"exec {line}", tmp_path, environment) for line in lines]
    for process in running:
        with process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("http://127.0.0.1:")
            process.send_signal(signal.SIGTERM)
            assert process.wait(LONG_S) == 0
    assert len(lines) == 2
