"""A real process that is told to stop: it ends in good order, whatever it was waiting for."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ENDS_WITHIN_S = 20.0


def scan(*arguments: str, stdin: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fleetscan", "scan", "--endpoint", "http://127.0.0.1:9", *arguments],
        stdin=stdin,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"FLEETSCAN_ACCESS_TOKEN": "t"},
        cwd=Path(__file__).parents[2],
    )


def wait_until_it_reads(reader: int, writer: int) -> None:
    """Return once what is written is taken: from then on the scan waits for more."""
    os.write(writer, b"# the first line\n")
    until = time.monotonic() + ENDS_WITHIN_S
    while select.select([reader], [], [], 0)[0]:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_scan_that_waits_for_a_silent_standard_input_can_be_stopped(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    try:
        with scan("--inventory", "-", "--out", str(tmp_path / "run"), stdin=reader) as process:
            try:
                wait_until_it_reads(reader, writer)
                process.send_signal(signal.SIGTERM)
                assert process.wait(ENDS_WITHIN_S) == 5
                assert process.stderr is not None
                assert "stopped before all VMs were listed" in process.stderr.read()
            finally:
                process.kill()
    finally:
        os.close(reader)
        os.close(writer)
    assert not (tmp_path / "run").exists()


def test_the_deadline_ends_a_scan_that_waits_for_a_silent_standard_input(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    arguments = ("--inventory", "-", "--deadline", "1s", "--out", str(tmp_path / "run"))
    try:
        with scan(*arguments, stdin=reader) as process:
            assert process.wait(ENDS_WITHIN_S) == 5
            assert process.stderr is not None
            assert (
                "the deadline passed before all VMs were listed; no assessment was started; "
                "allow more time: --deadline"
            ) in process.stderr.read()
    finally:
        os.close(reader)
        os.close(writer)
    assert not (tmp_path / "run").exists()
