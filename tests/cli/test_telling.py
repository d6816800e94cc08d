"""What people are told where the stream takes nothing: the teller goes on, and so does the exit code."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscan.cli.telling import ROOM_BYTES, Telling
from tests.cli.processes import CHECKOUT, LONG_S, NOTHING, TOKEN, scanning, simulation
from tests.strict_reader import read_run


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe of 4 kB that is full, and both its ends."""
    reader, writer = os.pipe()
    size_bytes = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"-" * size_bytes)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def telling(writer: int) -> Telling:
    return Telling(io.FileIO(writer, "w", closefd=False))


def test_a_stream_that_takes_nothing_is_waited_for_once_and_briefly(pipe: tuple[int, int]) -> None:
    stream = telling(pipe[1])
    began_at = time.monotonic()
    for _ in range(100):
        assert stream.write(b"a note\n") == 7
    assert time.monotonic() - began_at < 2.0
    os.read(pipe[0], 4096)
    stream.settle(10.0)


def test_what_was_told_meanwhile_is_there_once_the_stream_is_read(pipe: tuple[int, int]) -> None:
    stream = telling(pipe[1])
    for number in range(100):
        stream.write(b"note %d\n" % number)
    assert os.read(pipe[0], 4096) == b"-" * 4096
    stream.settle(10.0)
    assert os.read(pipe[0], 4096) == b"".join(b"note %d\n" % number for number in range(100))


def test_what_there_is_no_room_for_is_lost_in_whole_texts(pipe: tuple[int, int]) -> None:
    stream = telling(pipe[1])
    text = b"x" * 1023 + b"\n"
    for _ in range(ROOM_BYTES // 1024 + 10):
        stream.write(text)
    read = b""
    while len(read) < 4096 + ROOM_BYTES:
        read += os.read(pipe[0], 65536)
    stream.write(b"the last\n")
    assert read[4096:] == text * (ROOM_BYTES // 1024)
    assert os.read(pipe[0], 65536) == b"the last\n"


def test_the_end_gives_up_on_a_stream_that_takes_nothing(pipe: tuple[int, int]) -> None:
    stream = telling(pipe[1])
    stream.write(b"a note\n")
    began_at = time.monotonic()
    stream.settle(0.3)
    assert time.monotonic() - began_at < 1.0
    os.read(pipe[0], 4096)
    stream.settle(10.0)


def stopped_terminal() -> tuple[int, int]:
    ours, terminal = pty.openpty()
    termios.tcflow(terminal, termios.TCOOFF)
    return ours, terminal


def hung_up_terminal() -> tuple[int, int]:
    ours, terminal = pty.openpty()
    os.close(ours)
    return terminal, terminal


def full_pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.write(writer, b"-" * fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096))
    return reader, writer


def full_pipe_that_does_not_wait() -> tuple[int, int]:
    reader, writer = full_pipe()
    os.set_blocking(writer, False)
    return reader, writer


def left_pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.close(reader)
    return writer, writer


def full_device() -> tuple[int, int]:
    full = os.open("/dev/full", os.O_WRONLY)
    return full, full


STREAMS = (
    stopped_terminal,
    hung_up_terminal,
    full_pipe,
    full_pipe_that_does_not_wait,
    left_pipe,
    full_device,
)


def test_a_complete_scan_ends_with_its_own_code_whatever_stderr_takes(tmp_path: Path) -> None:
    streams = [make() for make in STREAMS]
    # Of stopped machines, so that the scans are not in each other's way.
    fleet = ("--stopped-pct", "100", "--warned-pct", "0", "--truncated-pct", "0")
    with simulation(NOTHING, *fleet) as endpoint:
        scans = [
            subprocess.Popen(
                [sys.executable, "-m", "fleetscan", *scanning(endpoint, tmp_path / str(number))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=CHECKOUT,
                env={"FLEETSCAN_ACCESS_TOKEN": TOKEN, "TERM": "xterm"},
            )
            for number, (_, stderr) in enumerate(streams)
        ]
        try:
            codes = [scan.wait(LONG_S) for scan in scans]
        finally:
            for scan in scans:
                scan.kill()
    for descriptor in {each for stream in streams for each in stream}:
        os.close(descriptor)
    assert dict(zip((make.__name__ for make in STREAMS), codes, strict=True)) == dict.fromkeys(
        (make.__name__ for make in STREAMS), 0
    )
    assert [len(read_run(tmp_path / str(number)).rows) for number in range(len(STREAMS))] == [7] * len(
        STREAMS
    )
