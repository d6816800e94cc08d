"""A real process that is told to stop: it ends in good order, whatever it was waiting for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
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


def keep_asking_to_stop(process: subprocess.Popen[str], until: threading.Event) -> None:
    """SIGTERM now and then: one that comes before the process listens ends it too, with another code."""
    while not until.wait(2.0):
        process.send_signal(signal.SIGTERM)


def test_a_scan_that_waits_for_a_silent_standard_input_can_be_stopped(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    over = threading.Event()
    try:
        with scan("--inventory", "-", "--out", str(tmp_path / "run"), stdin=reader) as process:
            asking = threading.Thread(target=keep_asking_to_stop, args=(process, over))
            asking.start()
            try:
                assert process.wait(ENDS_WITHIN_S) == 5
                assert process.stderr is not None
                assert "stopped before all VMs were listed" in process.stderr.read()
            finally:
                over.set()
                process.kill()
                asking.join()
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
