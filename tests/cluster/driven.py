"""`fleetscan scan --engine dask` as a process: it has no token, and ordinary flags."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.dask_cluster import PLAIN
from tests.process.azure import CHECKOUT
from tests.process.scanner import PACE

LOOK_S = 0.02


class Driver:
    """A scan on a cluster that runs: a context that ends it, one way or the other."""

    def __init__(
        self,
        scheduler: str,
        endpoint: str,
        out: Path,
        *more: str,
        env: Mapping[str, str] | None = None,
        log: str = "first",
    ) -> None:
        self.out = out
        self.log = out.with_name(f"{out.name}-{log}.log")
        command = ("-m", "fleetscan", "scan", "--engine", "dask", "--scheduler", scheduler)
        options = ("--endpoint", endpoint, "--out", str(out), *PACE)
        with self.log.open("ab") as words:
            self._process = subprocess.Popen(
                [sys.executable, *command, *options, *more],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                cwd=CHECKOUT,
                env={**PLAIN, **(env or {})},
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

    def rows(self) -> dict[str, int]:
        """How many rows each shard has, by the name of its directory."""
        files = sorted(self.out.glob("shards/*-of-*/results.jsonl"))
        return {file.parent.name: file.read_bytes().count(b"\n") for file in files}

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()

    def wait(self, within_s: float) -> int | None:
        """The exit code; None where it runs on after so many seconds."""
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
