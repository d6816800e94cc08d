"""Every command that the README and its fellow pages show is run as it stands, or is listed with the reason.

FLEETSCAN_ENDPOINT and FLEETSCAN_ACCESS_TOKEN lead commands to the simulator; `tables.py` has what differs.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscan.simulator import Cloud, Scenario, serve
from tests.readme.pages import Command, all_commands
from tests.readme.tables import NOT_RUN
from tests.readme.workshop import Ended, prepared

FLEET = Scenario(
    machines=40,
    speed=2000.0,
    limits_speed=0.0,
    durations="regular",
    failing_pct=15.0,
    denied_subscriptions=1,
)
SCANS = re.compile(r"(\S*=\S+ )*(\S*/)?fleetscan (scan|plan|resume)\b(?!.*--help)", re.DOTALL)
RESUMES = re.compile(r"fleetscan resume\b|--resume\b")
WRITES = re.compile(r"(?<= > )\S+$|(?<= --html )\S+")
AT_ONCE = 3

TO_RUN = [command for command in all_commands() if command.text not in NOT_RUN]


def expected_code(command: Command) -> int:
    """3 for a scan or plan: VMs of the fleet fail, and a subscription may not be listed. 0 for all others.

    A pipe's code is that of its last command.
    """
    last = re.split(r"\||&&", command.text)[-1].strip()
    return 3 if SCANS.match(last) else 0


def faults_of(ended: Ended, directory: Path) -> Iterator[str]:
    """What is wrong with how a command ended; every command tells its reader something."""
    typed = ended.command.text
    if ended.exit_code != expected_code(ended.command):
        yield f"exit code {ended.exit_code}, not {expected_code(ended.command)}"
    if "jq: error" in ended.words or "parse error" in ended.words:
        yield "jq failed within the pipe"
    target = WRITES.search(typed)
    data = (directory / target[0]).read_text() if target else ended.data
    is_silent = typed.startswith("export ")
    if not (data or is_silent) and (
        not re.search("fleetscan (scan|resume|export|report --html)", typed) or not ended.words
    ):
        yield "it gave nothing"


def report(ended: Ended, directory: Path) -> list[str]:
    """The faults of a command for a person, with the end of what it printed."""
    said = f"{ended.data[-300:]}\n{ended.words[-600:]}"
    typed = f"{ended.command.place}: {ended.command.text}"
    return [f"{typed}\n{fault}\n{said}" for fault in faults_of(ended, directory)]


async def run_place(base: Path, commands: list[Command]) -> list[str]:
    """The faults of the commands of one place, run in their order on a fleet of their own.

    Two scans of one fleet at a time would read each other's assessments.
    """
    async with serve(Cloud(FLEET)) as endpoint:
        workshop = await prepared(base, endpoint)
        faults: list[str] = []
        for command in commands:
            if RESUMES.search(command.text):
                await workshop.leave_a_run()
            ended = await asyncio.to_thread(workshop.run, command)
            faults += report(ended, base)
    return faults


@pytest.mark.skipif(shutil.which("jq") is None, reason="half of the lines need jq")
async def test_every_line_runs_and_ends_as_its_fleet_says(tmp_path: Path) -> None:
    limit = asyncio.Semaphore(AT_ONCE)

    async def run(place: str) -> list[str]:
        async with limit:
            return await run_place(tmp_path / place, [each for each in TO_RUN if each.place == place])

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(run(place)) for place in dict.fromkeys(each.place for each in TO_RUN)]
    faults = [line for task in running for line in task.result()]
    assert not faults, "\n".join(faults)
