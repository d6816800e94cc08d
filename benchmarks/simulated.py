"""The harness's end of a simulated Azure: starts `benchmarks.server`, ends it, and reads its account."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from benchmarks.place import CHECKOUT
from fleetscan.simulator.scenario import Scenario

# Making up 100,000 machines takes seconds.
START_S = 120.0
STOP_S = 60.0


@dataclass(frozen=True, slots=True)
class Account:
    """What an Azure saw of one client; an Azure that is not ours tells nothing.

    `requests` are those answered otherwise than 429, by kind, `throttled` the 429s. `ends_at` has the end of
    each machine's newest accepted operation by lower-cased id. Moments are monotonic seconds.
    """

    bound_s: float | None = None
    requests: Mapping[str, int] | None = None
    throttled: Mapping[str, int] | None = None
    first_start_at: float | None = None
    ends_at: Mapping[str, float] = field(default_factory=dict)


class Simulated:
    """A simulated Azure of its own for one client's run: a context that serves while it is open.

    `endpoint` and `inventory` are there once it is entered, `account` once it is left. `port` 0 is any.
    """

    def __init__(self, scenario: Scenario, place: Path, port: int = 0) -> None:
        self.scenario = scenario
        self._port = port
        self.inventory = place / "machines.jsonl"
        self.endpoint = ""
        self.account = Account()
        self._account_path = place / "account.json"

    def __enter__(self) -> Self:
        scenario = orjson.dumps(asdict(self.scenario)).decode()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", "--scenario", scenario,
             "--inventory", str(self.inventory), "--account", str(self._account_path),
             "--port", str(self._port)],
            stdout=subprocess.PIPE, text=True, bufsize=1, cwd=CHECKOUT,
        )  # fmt: skip
        self.endpoint = self._said(START_S)
        return self

    def wait_accepted(self, within_s: float) -> bool:
        """Whether every machine's start is accepted within so many seconds."""
        return self._said(within_s) == "accepted"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if kind is None:
            self.account = Account(**orjson.loads(self._account_path.read_bytes()))

    def _said(self, within_s: float) -> str:
        """The next line it prints, "" where none comes in time."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], within_s)
        return self._process.stdout.readline().strip() if ready else ""
