"""Standard streams that are full, closed or left by their reader: the exit code stays the contract's.

Buffered and unbuffered by Python alike: what is left in a buffer is written as Python exits, which has an
exit code of its own for that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.processes import NOTHING, begun, ended, scanning, simulation
from tests.strict_reader import read_run

UNWRITABLE = "fleetscan: error: cannot write to standard output: "
BUFFERING = pytest.mark.parametrize(
    "environment", [NOTHING, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"]
)


@pytest.fixture
def left() -> Iterator[int]:
    """The end of a pipe whose reader went away."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@BUFFERING
@pytest.mark.parametrize(
    ("stdout", "why"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
@pytest.mark.parametrize("asked", ["schema", "--help", "--version"])
def test_a_stdout_that_takes_nothing_ends_with_4_and_one_sentence(
    environment: Mapping[str, str], stdout: str, why: str, asked: str
) -> None:
    assert ended(begun(environment, asked, streams=stdout)) == (4, "", f"{UNWRITABLE}{why}\n")


@pytest.mark.parametrize("asked", ["schema", "--help"])
def test_a_stdout_whose_reader_went_away_ends_with_4_and_one_sentence(left: int, asked: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fleetscan", asked],
        stdout=left,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (4, f"{UNWRITABLE}Broken pipe\n")


@BUFFERING
@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("arguments", [("scan", "--limit", "0"), ()], ids=["error", "help"])
def test_a_stderr_that_takes_nothing_changes_no_exit_code(
    environment: Mapping[str, str], streams: str, arguments: tuple[str, ...]
) -> None:
    assert ended(begun(environment, *arguments, streams=streams)) == (2, "", "")


def test_a_scan_needs_standard_streams_for_nothing_but_rows(tmp_path: Path) -> None:
    """Where one is closed, a socket or a file of the scan would come to be in its place."""
    full, closed = tmp_path / "full", tmp_path / "closed"
    with simulation() as endpoint:
        scans = [
            begun(NOTHING, *scanning(endpoint, out), streams=streams)
            for out, streams in (
                (full, ">/dev/full 2>/dev/full"),
                (closed, "<&- >&- 2>&-"),
                ("-", ">&-"),
            )
        ]
        codes = [ended(scan)[::2] for scan in scans]
    assert codes[:2] == [(0, ""), (0, "")]
    assert len(read_run(full).rows) == len(read_run(closed).rows) == 7
    code, words = codes[2]
    assert code == 5
    assert "stdout cannot be written any more (Bad file descriptor)" in words


def test_an_inventory_from_a_closed_stdin_is_no_empty_fleet() -> None:
    code, data, words = ended(begun(NOTHING, "plan", "--inventory", "-", streams="<&-"))
    assert (code, data) == (2, "")
    assert "the inventory - cannot be read (Bad file descriptor)" in words


def test_a_second_interrupt_that_cannot_be_told_of_ends_with_130() -> None:
    script = "from fleetscan.cli.running import _quit_at_once; _quit_at_once('Quit.')"
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", script], stderr=full, timeout=60, check=False)
    assert done.returncode == 130
