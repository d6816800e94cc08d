"""The README's Python, run as it stands but for where it scans, the simulator, and for how long it waits."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import fleetscan
from fleetscan.simulator import Cloud, Scenario, serve

README = Path(__file__).parents[2] / "README.md"
SECTION = re.search(
    r"^## From Python\n(.*?)^## ", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
assert SECTION is not None
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n|^\n)+", SECTION[1], re.MULTILINE)]
PYTHON = [block.strip() for block in BLOCKS if block.strip()]
# What the README's fragments take for granted.
WRAPPED = "import asyncio\nimport fleetscan\nasync def fragment():\n{body}\nasyncio.run(fragment())\n"


def runnable(block: str, endpoint: str) -> str:
    """The block as a program of its own that asks the simulator."""
    there = re.sub(r"fleetscan\.Settings\((?!endpoint)", f"fleetscan.Settings(endpoint={endpoint!r}, ", block)
    there = there.replace("fleetscan.Settings(", "fleetscan.Settings(first_poll_s=0.2, poll_interval_s=0.5, ")
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
        program = compile(runnable(PYTHON[number], endpoint), "README.md", "exec")
        names: dict[str, Any] = {"__name__": "readme"}
        await asyncio.to_thread(exec, program, names)
    assert capsys.readouterr().out


def test_there_are_as_many_blocks_as_a_reader_sees() -> None:
    assert len(PYTHON) == 3
