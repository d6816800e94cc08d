"""`fleetscan scan --engine dask` as a process: it has no token, and ordinary flags."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.cluster.dask_cluster import PLAIN
from tests.process.running import Running
from tests.process.scanner import PACE


class Driver(Running):
    """A scan on a cluster that runs."""

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
        command = ("fleetscan", "scan", "--engine", "dask", "--scheduler", scheduler)
        options = ("--endpoint", endpoint, "--out", str(out), *PACE, *more)
        words = out.with_name(f"{out.name}-{log}.log")
        super().__init__((*command, *options), words, {**PLAIN, **(env or {})}, mode="ab")

    def rows(self) -> dict[str, int]:
        """How many rows each shard has, by the name of its directory."""
        files = sorted(self.out.glob("shards/*-of-*/results.jsonl"))
        return {file.parent.name: file.read_bytes().count(b"\n") for file in files}

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()
