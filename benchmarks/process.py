"""One client as a whole process, judged by the operating system's own accounting of it (wait4).

The harness must stay small: Linux counts a parent's size into the peak of the child it starts.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.place import CHECKOUT

# How exactly the end of a process and the arrival of a row are known; fifty looks a second cost nothing.
LOOK_S = 0.02
# What a client is given to end in good order once it is asked to.
GRACE_S = 30.0
# ru_maxrss counts KiB on Linux, bytes on macOS.
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one whole process took. `exit_code` is negative where a signal ended it; MB are 10^6 bytes."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    exit_code: int
    complaint: str


class RowWatch:
    """When a growing file had reached which size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sizes: list[int] = []
        self._moments: list[float] = []

    def look(self) -> None:
        """Note the size, where it has changed."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size > (self._sizes[-1] if self._sizes else 0):
            self._sizes.append(size)
            self._moments.append(time.monotonic())

    def seen_at(self, end: int) -> float:
        """When the file was first seen to hold its first `end` bytes, in monotonic seconds."""
        return self._moments[bisect_left(self._sizes, end)]


def environment() -> dict[str, str]:
    """This process's own, in which a client keeps its bytecode, as an installed program does.

    To compile all modules again would take 0.1 s of every run.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Process:
    """A client that runs. `cost` is there once it has ended."""

    def __init__(self, command: Sequence[str], complaints: Path) -> None:
        self._complaints = complaints
        self._began_at = time.monotonic()
        with complaints.open("wb") as stderr:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=CHECKOUT,
                env=environment(),
            )
        self.cost: Cost | None = None

    def wait(self, within_s: float, each: Callable[[], None]) -> bool:
        """Whether it ends within so many seconds; `each` is called all the while, and once at the end."""
        until = time.monotonic() + within_s
        while self.cost is None and time.monotonic() < until:
            time.sleep(LOOK_S)
            each()
            self._reap(os.WNOHANG)
        each()
        return self.cost is not None

    def stop(self, each: Callable[[], None]) -> Cost:
        """Ask it to end with SIGTERM, and make it end where it does not."""
        self._popen.terminate()
        if not self.wait(GRACE_S, each):
            self.kill()
        assert self.cost is not None
        return self.cost

    def cpu_s(self) -> float | None:
        """The CPU it has taken so far, all its threads together; None where the platform has no /proc."""
        try:
            stat = Path(f"/proc/{self._popen.pid}/stat").read_text()
        except FileNotFoundError:
            return None
        # The name may hold blanks and brackets; user and system time are the 12th and 13th after it.
        ticks = stat.rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float | None:
        """Its resident size now; None where the platform has no /proc."""
        try:
            pages = int(Path(f"/proc/{self._popen.pid}/statm").read_text().split()[1])
        except FileNotFoundError:
            return None
        return pages * resource.getpagesize() / 1e6

    def kill(self) -> Cost:
        """End it at once."""
        self._popen.kill()
        self._reap(0)
        assert self.cost is not None
        return self.cost

    def _reap(self, options: int) -> None:
        pid, status, usage = os.wait4(self._popen.pid, options)
        if not pid:
            return
        # Popen must not wait for a process that is gone.
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        lines = self._complaints.read_text(errors="replace").splitlines()
        # Groups of exceptions end in a border.
        said = [line.strip(" |") for line in lines if any(map(str.isalpha, line))]
        self.cost = Cost(
            cpu_s=usage.ru_utime + usage.ru_stime,
            wall_s=time.monotonic() - self._began_at,
            peak_mb=usage.ru_maxrss * MAXRSS_BYTES / 1e6,
            exit_code=self._popen.returncode,
            complaint=said[-1][:200] if said else "",
        )
