"""docs/python.md, run as it stands but for where it scans, the simulator, and for how long it waits."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import fleetscan
from fleetscan.simulator import Cloud, Scenario, serve
from tests.readme.pages import PYTHON_PAGE, python_blocks

PYTHON = python_blocks(PYTHON_PAGE)
# What the page's fragments take for granted.
WRAPPED = "import asyncio\nimport fleetscan\nasync def fragment():\n{body}\nasyncio.run(fragment())\n"


def runnable(block: str, endpoint: str) -> str:
    """The block as a program of its own that asks the simulator; one that serves its own stands as it is."""
    waits = f"endpoint={endpoint!r}, first_poll_s=0.2, poll_interval_s=0.5, "
    there = re.sub(r"fleetscan\.Settings\((?!endpoint)", f"fleetscan.Settings({waits}", block)
    if "asyncio.run" in there:
        return there
    return WRAPPED.format(body=textwrap.indent(there, "    "))


@pytest.mark.parametrize("number", range(len(PYTHON)))
async def test_each_block_runs(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "any")
    fleet = Scenario(machines=12, speed=2000.0, limits_speed=0.0)
    async with serve(Cloud(fleet)) as endpoint:
        settings = fleetscan.Settings(endpoint=endpoint, runs="fleetscan-runs", first_poll_s=0.2)
        async with fleetscan.scan(settings) as live:
            await live.finish()
        program = compile(runnable(PYTHON[number], endpoint), "python.md", "exec")
        names: dict[str, Any] = {"__name__": "readme"}
        await asyncio.to_thread(exec, program, names)
    assert capsys.readouterr().out


def test_settings_in_python_do_not_take_the_endpoint_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETSCAN_ENDPOINT", "http://127.0.0.1:9")
    assert fleetscan.Settings().endpoint == "https://management.azure.com"


def test_there_are_as_many_blocks_as_a_reader_sees() -> None:
    assert len(PYTHON) == 3
