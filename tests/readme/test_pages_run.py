"""Every command, query and Python block of every page runs as it stands, or is listed with the reason.

A page runs in its order, in a directory of its own that begins with one complete run. FLEETSCAN_ENDPOINT and
FLEETSCAN_ACCESS_TOKEN lead it to one simulated Azure; `tables.py` has what differs.
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import textwrap
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from anyio.from_thread import start_blocking_portal

import fleetscan
from fleetscan.simulator import Cloud, Scenario, serve
from tests.readme.pages import CONFIGS, MARKDOWN, Block, Command, all_commands, queries_of, typed_in
from tests.readme.tables import BREACHED, NOT_RUN
from tests.readme.workshop import Ended, Workshop, prepared

FLEET = Scenario(
    machines=40,
    speed=2000.0,
    limits_speed=0.0,
    durations="regular",
    failing_pct=15.0,
    denied_subscriptions=1,
)
SCANS = re.compile(r"(\S*=\S+ )*(\S*/)?fleetscan (scan|plan|inventory|resume|merge)\b(?!.*--help)", re.DOTALL)
RESUMES = re.compile(r"fleetscan resume\b|--resume\b")
# Data goes to a file, and messages to stderr.
SILENT = re.compile(r"fleetscan (scan|resume|merge|export|report|prune)")
WRITES = re.compile(r" > (\S+)$")
FILES = re.compile(r" > | --out |history add")
# What a fragment of Python takes for granted.
WRAPPED = "import asyncio\nimport fleetscan\nasync def fragment():\n{body}\nasyncio.run(fragment())\n"

FIRST = {command.text: command.place for command in all_commands()}


def to_run(path: Path) -> list[Block | Command]:
    """What of a page runs. A line that writes no file runs where it stands first, and nowhere else."""

    def is_run(typed: Block | Command) -> bool:
        if isinstance(typed, Block):
            return True
        is_needed = FILES.search(typed.text) or FIRST[typed.text] == typed.place
        return bool(is_needed) and typed.text not in NOT_RUN

    return [typed for typed in typed_in(path) if is_run(typed)]


@pytest.fixture(scope="module")
def azure() -> Iterator[str]:
    """The endpoint of a simulated Azure that serves all pages."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(Cloud(FLEET))) as endpoint,
    ):
        yield endpoint


@pytest.fixture(scope="module")
def lived_in(azure: str, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A directory as the pages assume it."""
    return asyncio.run(prepared(tmp_path_factory.mktemp("lived") / "in", azure))


@pytest.mark.skipif(shutil.which("jq") is None, reason="many lines need jq")
@pytest.mark.parametrize("path", [*MARKDOWN, *CONFIGS], ids=lambda path: path.name)
def test_every_line_of_a_page_runs_and_tells_something(
    path: Path, lived_in: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Path(shutil.copytree(lived_in.base, tmp_path / "page", symlinks=True))
    monkeypatch.chdir(base)
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", "any")
    workshop = replace(lived_in, base=base)
    faults = [fault for typed in to_run(path) for fault in faults_of(typed, workshop)]
    assert not faults, "\n".join(faults)


def faults_of(typed: Block | Command, workshop: Workshop) -> list[str]:
    """What is wrong with how what is typed runs, for a person."""
    if isinstance(typed, Command):
        return faults_of_command(typed, workshop)
    text = workshop.with_own_words(typed.text)
    if typed.is_python:
        return [] if told_by_python(text, workshop.endpoint) else [f"{typed.place}: {text}\ntells nothing"]
    queries = queries_of(replace(typed, text=text))
    return [f"{typed.place}: {query}\nfinds nothing" for query in queries if not is_found(query)]


def faults_of_command(command: Command, workshop: Workshop) -> list[str]:
    """What is wrong with how `command` ends, with the end of what it printed."""
    if RESUMES.search(command.text):
        asyncio.run(workshop.leave_a_run())
    ended = workshop.run(command)
    said = f"{ended.data[-300:]}\n{ended.words[-600:]}"
    return [
        f"{command.place}: {command.text}\n{fault}\n{said}" for fault in ended_badly(ended, workshop.base)
    ]


def ended_badly(ended: Ended, directory: Path) -> Iterator[str]:
    """Why the end of a command is not that of its fleet; every command tells its reader something."""
    typed = ended.command.text
    if ended.exit_code != expected_code(typed):
        yield f"exit code {ended.exit_code}, not {expected_code(typed)}"
    if "jq: error" in ended.words or "parse error" in ended.words:
        yield "jq failed within the pipe"
    target = WRITES.search(typed)
    data = (directory / target[1]).read_text() if target else ended.data
    if not data and not typed.startswith("export ") and not (SILENT.search(typed) and ended.words):
        yield "it gave nothing"


def expected_code(typed: str) -> int:
    """3 for what lists: VMs of the fleet fail, and a subscription may not be listed. 0 for all others.

    A gate that the fleet does not pass: 1. The doctor: 4, for that subscription. A plan of a file lists
    nothing. A pipe's code is that of its last command.
    """
    if typed in BREACHED:
        return 1
    last = re.split(r"\||&&", typed)[-1].strip()
    if last.startswith("fleetscan doctor"):
        return 4
    is_plan_of_file = last.startswith("fleetscan plan --inventory")
    return 3 if SCANS.match(last) and not is_plan_of_file else 0


def told_by_python(text: str, endpoint: str) -> str:
    """What a block prints when it runs as a program of its own that asks the simulator."""
    printed = io.StringIO()
    names: dict[str, Any] = {"__name__": "page"}
    with redirect_stdout(printed):
        exec(compile(runnable(text, endpoint), "page", "exec"), names)  # noqa: S102 - our own pages
    return printed.getvalue()


def runnable(block: str, endpoint: str) -> str:
    """The block as a program; one that serves a fleet of its own stands as it is."""
    waits = f"endpoint={endpoint!r}, first_poll_s=0.2, poll_interval_s=0.5, "
    there = re.sub(r"fleetscan\.Settings\((?!endpoint)", f"fleetscan.Settings({waits}", block)
    if "asyncio.run" in there or not re.search(r"^ *(await|async) |= await ", there, re.MULTILINE):
        return there
    return WRAPPED.format(body=textwrap.indent(there, "    "))


def is_found(query: str) -> bool:
    """Whether a query finds something in the views that the page has its reader make."""
    with duckdb.connect() as db:
        db.execute(Path("views.sql").read_text())
        found = db.execute(query).fetchall()
    return bool(found) and found != [(None,)]


def test_settings_in_python_do_not_take_the_endpoint_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETSCAN_ENDPOINT", "http://127.0.0.1:9")
    assert fleetscan.Settings().endpoint == "https://management.azure.com"
