"""The examples in help, run by a shell as they stand, each with a simulated Azure in its environment."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import fleetscan
from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.main import run
from fleetscan.simulator import Cloud, Scenario, serve
from tests.cli.processes import LONG_S, TOKEN

FLEET = Scenario(machines=12, failing_pct=30.0, speed=1000.0, token=TOKEN)
# Complete, or complete with VMs that failed.
GOOD = (0, 3)


def environment_of(endpoint: str) -> Mapping[str, str]:
    """What a person has set: where to scan, a token, and here waits and a demo that take no time."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FLEETSCAN_ENDPOINT": endpoint,
        "FLEETSCAN_ACCESS_TOKEN": TOKEN,
        "FLEETSCAN_FIRST_POLL": "0.3s",
        "FLEETSCAN_POLL_INTERVAL": "0.5s",
        "FLEETSCAN_MACHINES": "5",
        "FLEETSCAN_SPEED": "5000",
    }


def settings_for(endpoint: str, **more: Any) -> fleetscan.Settings:
    return fleetscan.Settings(endpoint=endpoint, poll_interval_s=0.5, **({"first_poll_s": 0.3} | more))


async def live_in(directory: Path, endpoint: str) -> None:
    """Leave an earlier run of the whole fleet, and a file of VMs."""
    settings = settings_for(endpoint, runs=str(directory / "fleetscan-runs"))
    async with fleetscan.scan(settings, credential=TOKEN) as live:
        assert (await live.finish()).exit_code == 3
    rows = fleetscan.open_run(directory / "fleetscan-runs" / "latest").rows()
    (directory / "shards").mkdir()
    (directory / "shards" / "1").symlink_to((directory / "fleetscan-runs" / "latest").resolve())
    (directory / "vms.txt").write_text("".join(f"{row['resource_id']}\n" for row in rows), encoding="utf-8")


class FirstStart(fleetscan.Hooks):
    """Tells that Azure has accepted a start."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    def accepted(self) -> None:
        self.came.set()


async def retry_in(directory: Path, endpoint: str) -> None:
    """Leave a run of the VMs that failed in the earlier one."""
    earlier = str(directory / "fleetscan-runs" / "latest")
    settings = settings_for(endpoint, out=str(directory / "again"), retry_failed=earlier)
    async with fleetscan.scan(settings, credential=TOKEN) as live:
        assert (await live.finish()).exit_code in GOOD


async def stop_in(directory: Path, endpoint: str) -> None:
    """Leave a run that was stopped while assessments ran, under the name that an example gives."""
    out = directory / "fleetscan-runs" / "20261123T020000Z-5c1f2a90"
    settings, start = settings_for(endpoint, out=str(out), first_poll_s=3600.0, drain_s=0.0), FirstStart()
    async with fleetscan.scan(settings, credential=TOKEN, hooks=start) as live:
        await start.came.wait()
    assert live.summary.exit_code == 5
    assert live.summary.running > 0


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


def with_a_run(line: str, directory: Path) -> str:
    """The line with the name of a run that there is; a resume's has the one of its example."""
    newest = (directory / "fleetscan-runs" / "latest").resolve().name
    return line if line.startswith("fleetscan resume") else line.replace("20261123", newest)


async def played(line: str, directory: Path) -> tuple[str, int, str]:
    """A line, its exit code and its words. Scans of one fleet wait for each other: each has its own."""
    async with serve(Cloud(FLEET)) as endpoint:
        await (stop_in if line.startswith("fleetscan resume") else live_in)(directory, endpoint)
        if " again " in line:
            await retry_in(directory, endpoint)
        process = started(with_a_run(line, directory), directory, environment_of(endpoint))
        return line, *await asyncio.to_thread(ended, process)


async def test_every_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in examples(capsys) if " simulate" not in line]
    for number in range(len(lines)):
        (tmp_path / str(number)).mkdir()
    async with asyncio.TaskGroup() as group:
        playing = [
            group.create_task(played(line, tmp_path / str(number))) for number, line in enumerate(lines)
        ]
    ends = [task.result() for task in playing]
    assert [end for end in ends if end[1] not in GOOD or "Traceback" in end[2]] == []
    assert len(lines) >= 13


def test_every_simulation_among_them_serves_until_it_is_told_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for line in examples(capsys) if " simulate" in line]
    running = [started(f"exec {line}", tmp_path, environment_of("")) for line in lines]
    for process in running:
        with process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("http://127.0.0.1:")
            process.send_signal(signal.SIGTERM)
            assert process.wait(LONG_S) == 0
    assert len(lines) == 2
