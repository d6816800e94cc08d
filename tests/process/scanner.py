"""One `fleetscan scan` as users run it: a process of its own, with ordinary flags, signals and files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from tests.process.azure import CHECKOUT

TOKEN = "sesame"
# The simulated VMs take two or three seconds, so the pauses shrink as much.
PACE = (
    *("--first-poll", "1s", "--poll-interval", "0.5s", "--unknown-start-wait", "5s"),
    *("--max-in-flight", "16", "--drain", "5s"),
)
LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Files:
    """The two files of a run that grow, up to their last whole line, as they stood at a moment."""

    rows: bytes
    journal: bytes

    @classmethod
    def of(cls, out: Path) -> Self:
        """What is in the directory `out` now, which may not be there."""
        return cls(_whole_lines(out / "results.jsonl"), _whole_lines(out / "journal.jsonl"))

    def count(self, event: str) -> int:
        """How many lines of the journal tell of `event`."""
        return self.journal.count(b'{"event":"%s",' % event.encode())


class Scanner:
    """A scan that runs: a context that ends it, one way or the other. `said` is its stderr, at the end."""

    def __init__(self, endpoint: str, out: Path, log: Path, *more: str, program: str = "fleetscan") -> None:
        self.out = out
        self.log = log
        command = ("-m", program, "scan", "--endpoint", endpoint, "--out", str(out), "--quiet", *PACE)
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, *command, *more],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=CHECKOUT,
                env=os.environ | {"FLEETSCAN_ACCESS_TOKEN": TOKEN},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            self._process.kill()

    @property
    def said(self) -> str:
        """What it told people so far."""
        return self.log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens where the process has ended."""
        self._process.send_signal(number)

    def hold_up(self) -> None:
        """Stop it, and return once it stands still, or has ended: the signal takes a moment to arrive."""
        self.send(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def wait(self, within_s: float) -> int | None:
        """The exit code, negative where a signal ended it; None where it runs on after so many seconds."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None

    def wait_until(self, is_so: Callable[[], bool], within_s: float) -> bool:
        """Whether something comes to be so within so many seconds, while the process runs."""
        until = time.monotonic() + within_s
        while not is_so():
            if time.monotonic() > until or self.wait(LOOK_S) is not None:
                return False
        return True

    def wait_at_work(self, within_s: float) -> bool:
        """Whether it sets to work in its directory within so many seconds."""
        return self.wait_until(self.is_at_work, within_s)

    def is_at_work(self) -> bool:
        """Whether it is at work in its directory, or was when it died.

        It says so in the journal, and in run.json that it has ended, before it lets the directory go.
        """
        begun = [line for line in Files.of(self.out).journal.splitlines() if b'"event":"begun"' in line]
        if not begun or orjson.loads(begun[-1])["pid"] != self._process.pid:
            return False
        run = self.out / "run.json"
        return not run.exists() or orjson.loads(run.read_bytes())["exit_code"] is None


def _whole_lines(path: Path) -> bytes:
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]
