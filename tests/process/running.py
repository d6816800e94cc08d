"""A process of a test's own: signalled, killed, waited for, and ended with the test whatever comes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.process.azure import CHECKOUT

LOOK_S = 0.01


class Running:
    """`python -m` with `arguments`, its stderr in the file `log`: a context that ends it in any case."""

    def __init__(self, arguments: tuple[str, ...], log: Path, env: Mapping[str, str], *, mode: str) -> None:
        """`mode` is how `log` is opened: "wb" or "ab"."""
        self.log = log
        with log.open(mode) as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=CHECKOUT,
                env=env,
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
