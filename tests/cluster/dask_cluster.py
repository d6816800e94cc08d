"""A Dask cluster of real processes on loopback: a scheduler, and workers that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from tests.process.azure import CHECKOUT
from tests.process.scanner import TOKEN

START_S = 60.0
LOOK_S = 0.05
# Python's own modules are compiled once, and no worker has anything of ours in its environment but a token.
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("FLEETSCAN_")}


class Worker:
    """One worker: `log` is what it wrote."""

    def __init__(
        self, scheduler: str, place: Path, name: str, env: Mapping[str, str], *more: str, at: Path = CHECKOUT
    ) -> None:
        self.name = name
        self.log = place / f"{name}.log"
        command = ("-m", "distributed.cli.dask_worker", scheduler, "--host", "127.0.0.1", "--no-nanny")
        options = (
            "--nthreads",
            "1",
            "--dashboard-address",
            "127.0.0.1:0",
            "--name",
            name,
            "--local-directory",
            str(place / name),
        )
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, *options, *more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=at,
                env={**PLAIN, **env},
            )

    def kill(self) -> None:
        """End it without a word, as a machine that fails does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class DaskCluster:
    """A context that has a scheduler and `workers` from the moment it is entered."""

    def __init__(
        self,
        place: Path,
        workers: int,
        env: Mapping[str, str] | None = None,
        scheduler_env: Mapping[str, str] | None = None,
        protocol: str = "tcp",
        at: Path = CHECKOUT,
    ) -> None:
        self.place = place
        self.address = ""
        self.dashboard = ""
        self.workers: list[Worker] = []
        self._wanted = workers
        self._env = {"FLEETSCAN_ACCESS_TOKEN": TOKEN} if env is None else dict(env)
        self._scheduler_env = scheduler_env or {}
        self._protocol = protocol
        # Python finds what is in the directory that a process begins in first.
        self._at = at

    def __enter__(self) -> Self:
        self.place.mkdir(parents=True, exist_ok=True)
        file, log = self.place / "scheduler.json", self.place / "scheduler.log"
        command = (
            "-m",
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--protocol",
            self._protocol,
        )
        options = ("--port", "0", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(file))
        with log.open("wb") as words:
            self.scheduler = subprocess.Popen(
                [sys.executable, *command, *options],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                cwd=self._at,
                env={**PLAIN, **self._scheduler_env},
            )
        try:
            _wait_for(file, self.scheduler, log)
            told = orjson.loads(file.read_bytes())
            self.address = told["address"]
            self.dashboard = f"http://127.0.0.1:{told['services']['dashboard']}"
            for _ in range(self._wanted):
                self.add_worker()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def add_worker(self, *more: str) -> Worker:
        """Start one more."""
        name = f"worker-{len(self.workers)}"
        worker = Worker(self.address, self.place, name, self._env, *more, at=self._at)
        self.workers.append(worker)
        return worker

    def _end(self) -> None:
        for process in (*(worker.process for worker in self.workers), self.scheduler):
            process.kill()
            process.wait()


def _wait_for(file: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the scheduler has said where it is."""
    until = time.monotonic() + START_S
    while not (file.exists() and file.stat().st_size):
        if process.poll() is not None or time.monotonic() > until:
            raise TimeoutError(f"the scheduler did not start: {log.read_text()[-2000:]}")
        time.sleep(LOOK_S)
    # It is written at once, but not in one piece.
    while file.read_bytes()[-1:] != b"}":
        time.sleep(LOOK_S)
