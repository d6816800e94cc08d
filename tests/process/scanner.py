"""One `fleetscan scan` as users run it: a process of its own, with ordinary flags, signals and files."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import orjson

from tests.process.running import Running

TOKEN = "sesame"
# The simulated VMs take two or three seconds, so the pauses shrink as much.
PACE = (
    *("--first-poll", "1s", "--poll-interval", "0.5s", "--unknown-start-wait", "5s"),
    *("--max-in-flight", "16", "--drain", "5s"),
)


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


class Scanner(Running):
    """A scan that runs. `said` is its stderr, at the end."""

    def __init__(self, endpoint: str, out: Path, log: Path, *more: str, program: str = "fleetscan") -> None:
        self.out = out
        options = ("--endpoint", endpoint, "--out", str(out), "--quiet", *PACE, *more)
        env = os.environ | {"FLEETSCAN_ACCESS_TOKEN": TOKEN}
        super().__init__((program, "scan", *options), log, env, mode="wb")

    def hold_up(self) -> None:
        """Stop it, and return once it stands still, or has ended: the signal takes a moment to arrive."""
        self.send(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

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
