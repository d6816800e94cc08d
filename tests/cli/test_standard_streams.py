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

from tests.cli.processes import CHECKOUT, NOTHING, TOKEN, begun, ended, scanning, simulation
from tests.report.small_runs import kb, small_run, vm
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
def test_a_stdout_that_does_not_take_data_ends_with_4_and_one_sentence(
    environment: Mapping[str, str], stdout: str, why: str
) -> None:
    assert ended(begun(environment, "schema", streams=stdout)) == (4, "", f"{UNWRITABLE}{why}\n")


@BUFFERING
@pytest.mark.parametrize("stdout", [">/dev/full", ">&-", "</dev/null >&0"])
@pytest.mark.parametrize("asked", [("--version",), ("scan", "--help")], ids=" ".join)
def test_help_is_for_people_and_ends_with_0_whatever_stdout_takes(
    environment: Mapping[str, str], stdout: str, asked: tuple[str, ...]
) -> None:
    assert ended(begun(environment, *asked, streams=stdout)) == (0, "", "")


def test_help_whose_reader_went_away_ends_with_0(left: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fleetscan", "--help"],
        stdout=left,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


COMMANDS = (
    "schema",
    "plan",
    "report",
    "report --format json",
    "show",
    "show --format markdown",
    "diff",
    "schema --sql",
)


@pytest.mark.parametrize("asked", COMMANDS)
def test_data_whose_reader_went_away_ends_silently_as_cat_does(asked: str, left: int, tmp_path: Path) -> None:
    run = str(small_run(tmp_path / "run", [vm("a", 1, 0, [kb(1)])]))
    runs = {"schema": [], "diff": [run, run]}.get(asked, [run])
    with simulation() as endpoint:
        if asked == "plan":
            runs = ["--endpoint", endpoint, "--quiet"]
        done = subprocess.run(
            [sys.executable, "-m", "fleetscan", *asked.split(), *runs],
            env={**os.environ, "FLEETSCAN_ACCESS_TOKEN": TOKEN},
            stdout=left,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")


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
    # Apart: scans of one fleet would wait for each other's assessments.
    with simulation() as one, simulation() as other:
        scans = [
            begun(NOTHING, *scanning(endpoint, out), streams=streams)
            for endpoint, out, streams in (
                (one, full, ">/dev/full 2>/dev/full"),
                (other, closed, "<&- >&- 2>&-"),
                (other, "-", ">&-"),
            )
        ]
        codes = [ended(scan)[::2] for scan in scans]
    assert codes[:2] == [(0, ""), (0, "")]
    assert len(read_run(full).rows) == len(read_run(closed).rows) == 7
    # Known before anything is started.
    why = "cannot write to standard output: Bad file descriptor"
    assert [line.partition(": ")[2] for line in codes[2][1].splitlines()] == [
        why,
        "exit 4 (could not scan): no scan was begun",
    ]


def test_an_inventory_from_a_closed_stdin_is_no_empty_fleet() -> None:
    code, data, words = ended(begun(NOTHING, "plan", "--inventory", "-", streams="<&-"))
    assert (code, data) == (2, "")
    assert "the inventory - cannot be read (Bad file descriptor)" in words


def test_a_simulation_whose_endpoint_cannot_be_written_ends_with_4() -> None:
    assert ended(begun(NOTHING, "simulate", streams=">/dev/full")) == (
        4,
        "",
        f"{UNWRITABLE}No space left on device\n",
    )


def test_programs_that_are_started_have_all_three_streams_too() -> None:
    script = (
        "from fleetscan.cli.standard_streams import take_up_streams\n"
        "take_up_streams()\n"
        "import subprocess\n"
        "look = 'import os; [os.fstat(fd) for fd in range(3)]'\n"
        "raise SystemExit(subprocess.run([sys.executable, '-c', look]).returncode)\n"
    )
    closed = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", f"import sys\n{script}"]
    assert subprocess.run(closed, cwd=CHECKOUT, timeout=60, check=False).returncode == 0


def test_no_core_of_the_process_is_dumped() -> None:
    script = (
        "import ctypes, resource\n"
        "from fleetscan.cli.core_dumps import forbid_core_dumps\n"
        "forbid_core_dumps()\n"
        "print(*resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3))\n"
    )
    told = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, stdout=subprocess.PIPE, check=True)
    assert told.stdout == b"0 0 0\n"
    with begun(NOTHING, "simulate", "--machines", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        limits = Path(f"/proc/{process.pid}/limits").read_text(encoding="utf-8")
        process.kill()
    assert "Max core file size        0                    0 " in limits
