"""A history's end of the simulated Azure: starts `tests.process.server`, ends it, and reads its account."""

from __future__ import annotations

import select
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from fleetscan.simulator.scenario import Scenario

CHECKOUT = Path(__file__).parents[2]
# A busy computer may take its time to load Python.
START_S = 60.0
STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Post:
    """One start that reached Azure: when, in seconds since 1970, and what came of it.

    `status` is 0 where the connection broke. It may have been accepted all the same.
    """

    at: float
    status: int
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class Account:
    """What an Azure was sent, machines by their lower-cased ids.

    `counts` has every machine of the fleet, with the two patch counts of its newest assessment, or None.
    """

    posts: dict[str, list[Post]] = field(default_factory=dict)
    counts: dict[str, list[int | None] | None] = field(default_factory=dict)
    superseded: list[str] = field(default_factory=list)
    installations_killed: list[str] = field(default_factory=list)
    unauthorized: int = 0

    @classmethod
    def read(cls, path: Path) -> Self:
        """The account that a server wrote to `path`."""
        told = orjson.loads(path.read_bytes())
        posts = {key: [Post(*post) for post in posts] for key, posts in told.pop("posts").items()}
        return cls(posts, **told)


class Azure:
    """A simulated Azure in a process of its own: a context that serves while it is open.

    `endpoint` is there once it is entered, `account` once it is left.
    """

    def __init__(self, scenario: Scenario, place: Path) -> None:
        self.scenario = scenario
        self.endpoint = ""
        self.account = Account()
        self._account_path = place / "account.json"

    def __enter__(self) -> Self:
        scenario = orjson.dumps(asdict(self.scenario)).decode()
        command = ("-m", "tests.process.server", "--scenario", scenario, "--account", str(self._account_path))
        self._process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_S)
        self.endpoint = self._process.stdout.readline().strip() if ready else ""
        if not self.endpoint:
            self._stop()
            raise TimeoutError(f"the simulated Azure did not serve within {START_S:g} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if kind is None:
            self.account = Account.read(self._account_path)

    def _stop(self) -> None:
        with self._process:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
