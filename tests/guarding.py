"""The guard of the test suite: a test that reaches for anything but loopback fails, and nothing leaves.

Child processes that run Python are started with the guard in their environment, whatever environment a test
gives them. What cannot be guarded so are programs that are not Python (a browser, git), and `python -I`.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from tests.loopback_guard.sitecustomize import NOTES, guard_sockets

FOLDER = Path(__file__).parent / "loopback_guard"


def begin_guarding() -> None:
    """Guard this process and, from now on, the processes that it starts. Called once."""
    # Several processes run tests beside each other: each has notes of its own.
    file, path = tempfile.mkstemp(prefix="reached-for-")
    os.close(file)
    atexit.register(os.remove, path)
    os.environ[NOTES] = path
    guard_sockets()
    start: Any = subprocess.Popen.__init__

    @wraps(start)
    def guarded(self: Any, *told: Any, env: Any = None, **named: Any) -> None:
        start(self, *told, env=_with_guard(os.environ if env is None else env), **named)

    subprocess.Popen.__init__ = guarded  # type: ignore[method-assign]


def reached_for() -> list[str]:
    """What this process and its children reached for since this was asked last."""
    notes = Path(os.environ[NOTES])
    lines = notes.read_text(encoding="utf-8").splitlines()
    if lines:
        notes.write_bytes(b"")
    return lines


def _with_guard(env: Any) -> dict[str, str]:
    path = env.get("PYTHONPATH", "")
    folders = [str(FOLDER), *([path] if path else [])]
    return {**env, "PYTHONPATH": os.pathsep.join(folders), NOTES: os.environ[NOTES]}


@pytest.fixture(autouse=True)
def nothing_outside_is_reached_for() -> Iterator[None]:
    """Fails the test that reached for another address than loopback's."""
    before = reached_for()
    yield
    outside = before + reached_for()
    assert outside == [], f"reached for from {sys.argv[0]}: {outside}"
