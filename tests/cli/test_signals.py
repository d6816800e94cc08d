"""Real processes that are told to stop while something is not read, does not answer, or has not begun."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.big_run import write_big_run
from tests.cli.processes import CHECKOUT, LONG_S, NOTHING, TOKEN, begun, scanning, simulation

# As small as the system allows: three rows, a part of the schema.
PIPE_BYTES = 4096


@contextmanager
def unread_pipe() -> Iterator[tuple[int, int]]:
    """A small pipe, and both its ends."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        with suppress(OSError):
            os.close(writer)


@contextmanager
def writing(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A Python that writes to a pipe which is not read, from the moment in which the pipe is full."""
    with (
        unread_pipe() as (reader, writer),
        subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env={"FLEETSCAN_ACCESS_TOKEN": TOKEN},
        ) as process,
    ):
        try:
            assert select.select([reader], [], [], LONG_S)[0]
            while select.select([], [writer], [], 0)[1]:
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def words_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.read()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A simulated Azure."""
    with simulation() as endpoint:
        yield endpoint


def test_a_scan_whose_rows_are_not_read_is_stopped_with_5(endpoint: str) -> None:
    with writing("-m", "fleetscan", *scanning(endpoint, "-"), "--drain", "1s") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10.0) == 5
        assert "its reader does not take the last rows" in words_of(process)


def test_a_second_interrupt_ends_a_scan_whose_rows_are_not_read_with_130() -> None:
    # The rows of stopped machines come at once; the others are assessed for minutes.
    slow = ("--machines", "20", "--stopped-pct", "50", "--speed", "1")
    with (
        simulation(NOTHING, *slow) as endpoint,
        writing("-m", "fleetscan", *scanning(endpoint, "-"), "--drain", "1h") as process,
    ):
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "Stopping." not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(10.0) == 130
        assert "Quit. This scan keeps nothing that can be resumed.\n" in (words := words_of(process))
        # By the totals, where the scan was quicker than the second signal.
        assert re.search(
            r" error: exit 130 \(interrupted\): (20 VMs|\d+ of 20 done) \(", words.splitlines()[-1]
        )


def test_rows_that_are_read_late_are_all_there(endpoint: str) -> None:
    with (
        unread_pipe() as (reader, writer),
        subprocess.Popen(
            [sys.executable, "-m", "fleetscan", *scanning(endpoint, "-")],
            stdout=writer,
            stderr=subprocess.DEVNULL,
            cwd=CHECKOUT,
            env={"FLEETSCAN_ACCESS_TOKEN": TOKEN},
        ) as process,
    ):
        os.close(writer)
        assert select.select([reader], [], [], LONG_S)[0]
        time.sleep(0.2)
        rows = b"".join(iter(lambda: os.read(reader, 1000), b""))
        assert process.wait(LONG_S) == 0
    assert rows.count(b"\n") == 7


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, ""),
        (signal.SIGTERM, 5, "fleetscan: error: stopped by SIGTERM\n"),
        (signal.SIGHUP, 5, "fleetscan: error: stopped by SIGHUP\n"),
    ],
)
def test_a_command_without_an_event_loop_ends_at_once(number: signal.Signals, code: int, words: str) -> None:
    with writing("-m", "fleetscan", "schema") as process:
        process.send_signal(number)
        assert (process.wait(10.0), words_of(process)) == (code, words)


def simulating(hangup: signal.Handlers) -> subprocess.Popen[bytes]:
    """A simulation that serves, begun by one that treats SIGHUP so."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fleetscan", "simulate", "--machines", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=CHECKOUT,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, hangup),
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_a_hangup_stops_like_sigterm() -> None:
    with simulating(signal.SIG_DFL) as process:
        process.send_signal(signal.SIGHUP)
        assert process.wait(10.0) == 0


def test_a_hangup_is_not_heard_under_nohup() -> None:
    with simulating(signal.SIG_IGN) as process:
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10.0) == 0


STUCK = """
import os, sys
from fleetscan.cli.attending import Attendant
from fleetscan.cli.standard_streams import take_up_streams
take_up_streams()
attendant = Attendant()
attendant.farewell.is_resumable = True
def work():
    with attendant.stopping(lambda: None, within_s=0.5):
        print("x" * 5000)
        os.open(sys.argv[1], os.O_RDONLY)
attendant.lead(work)
"""


def test_work_that_does_not_end_when_it_is_told_to_is_ended_with_5(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with writing("-c", STUCK, str(tmp_path / "fifo")) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10.0) == 5
        assert words_of(process) == (
            "fleetscan: error: still busy 0 s after SIGTERM, so it was ended where it was.\n"
        )


def test_a_second_interrupt_that_cannot_be_told_of_ends_with_130(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    script = STUCK.replace("within_s=0.5", "within_s=60.0").replace(
        "sys.argv[1]", repr(str(tmp_path / "fifo"))
    )
    with (
        unread_pipe() as (reader, writer),
        open("/dev/full", "wb") as full,
        subprocess.Popen([sys.executable, "-c", script], stdout=writer, stderr=full, cwd=CHECKOUT) as process,
    ):
        try:
            assert select.select([reader], [], [], LONG_S)[0]
            os.read(reader, 5000), os.read(reader, 5000)
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert process.wait(10.0) == 130
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("form", ["csv", "sqlite", "parquet"])
def test_an_export_that_is_interrupted_leaves_no_file(
    form: str, number: signal.Signals, tmp_path: Path
) -> None:
    run, tables = tmp_path / "run", tmp_path / "tables"
    write_big_run(run, 5, 2)
    results, rows = run / "results.jsonl", (run / "results.jsonl").read_bytes()
    # As many as take some seconds.
    results.write_bytes(rows * 4000)
    with begun(NOTHING, "export", str(run), "--format", form, "--out", str(tables)) as process:
        until = time.monotonic() + LONG_S
        while not (tables.is_dir() and any(path.stat().st_size for path in tables.iterdir())):
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(LONG_S) == (130 if number == signal.SIGINT else 5)
    assert [*tables.iterdir()] == []


def test_names_that_are_free_again_are_not_removed_at_an_ordinary_end(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.touch()
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from fleetscan.cli.attending import Attendant\n"
        "attendant = Attendant()\n"
        "attendant.half_written.append(Path(sys.argv[1]))\n"
        "attendant.lead(lambda: 0)\n"
    )
    assert (
        subprocess.run([sys.executable, "-c", script, str(kept)], cwd=CHECKOUT, check=False).returncode == 0
    )
    assert kept.exists()
