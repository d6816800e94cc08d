"""A real proxy, proxy.py, in a process of its own on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
START_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningProxy:
    """A proxy that listens on `port`; `notes` is what clients sent it outside of tunnels."""

    port: int
    notes: Path
    process: subprocess.Popen[bytes]

    def url(self, login: str = "", scheme: str = "http") -> str:
        """Its address as a setting, with a login before the host."""
        return f"{scheme}://{login and login + '@'}127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[str]:
        """The line and the headers of each request it took, in lower case."""
        told = self.notes.read_text() if self.notes.exists() else ""
        return [head.lower() for head in told.split("\n\n") if head]

    @property
    def cuts(self) -> int:
        """How many tunnels it has cut."""
        return len(self.notes.with_name("cuts").read_text())

    @property
    def connected(self) -> set[str]:
        """The places it was asked to connect to."""
        assert all(head.startswith("connect ") for head in self.asked)
        return {head.split()[1] for head in self.asked}


@contextmanager
def proxy(
    folder: Path, *flags: str, cuts: int = 0, cut_after: int = 0, refused: str = ""
) -> Iterator[RunningProxy]:
    """A proxy for as long as the block lasts; it resolves every name to this machine.

    It cuts `cuts` tunnels after so many bytes, and refuses the CONNECTs of these numbers.
    """
    folder.mkdir(exist_ok=True)
    port_file, notes = folder / "port", folder / "notes"
    port_file.unlink(missing_ok=True)
    line = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0", "--num-acceptors", "1"]
    line += ["--num-workers", "1", "--port-file", str(port_file), "--log-level", "ERROR", "--data-dir"]
    line += [str(folder / "data"), "--plugins", "tests.network.loopback_plugin.LoopbackPlugin", *flags]
    told = {"NOTES": str(notes), "CUTS": str(cuts), "CUT_AFTER": str(cut_after), "REFUSED": refused}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(CHECKOUT), **told}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(line, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        until = time.monotonic() + START_S
        while not (port_file.exists() and (told_port := port_file.read_text().strip())):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.02)
        yield RunningProxy(int(told_port), notes, process)
    finally:
        # SIGTERM ends its workers too.
        process.terminate()
        try:
            process.wait(START_S)
        finally:
            process.kill()
            process.wait()
