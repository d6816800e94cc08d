"""Runs a command's async part: on uvloop where the platform has it, until it ends or a signal stops it.

The first SIGINT or SIGTERM asks for a clean stop, the second SIGINT quits at once.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
from anyio.abc import TaskStatus

from fleetscan.cli.console import tell
from fleetscan.cli.farewell import Farewell
from fleetscan.errors import mendable

SHOW_CURSOR = "\x1b[?25h"
STOPPING = "Stopping. Press Ctrl-C again to quit at once."


def run_until_stopped(job: Callable[[anyio.Event], Awaitable[int]], farewell: Farewell | None = None) -> int:
    """The exit code of `job`, which is handed the event that a signal sets.

    `farewell` has the words for a person who quits at once.
    When everything that fleetscan's task groups raise is a FleetscanError, the first one is raised alone;
    a bug stays in its ExceptionGroup, with the whole traceback.
    """
    _collect_rarely()
    has_uvloop = importlib.util.find_spec("uvloop") is not None
    try:
        return anyio.run(
            _with_signals, job, farewell or Farewell(), backend_options={"use_uvloop": has_uvloop}
        )
    except ExceptionGroup as group:
        raise mendable(group) from None


def _collect_rarely() -> None:
    """Runs the garbage collector rarely: running operations are many, long-lived and without cycles."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _with_signals(job: Callable[[anyio.Event], Awaitable[int]], farewell: Farewell) -> int:
    stop = anyio.Event()
    async with anyio.create_task_group() as watch:
        # The job begins once signals are handled, so that none is missed.
        await watch.start(_set_on_signal, stop, farewell)
        code = await job(stop)
        watch.cancel_scope.cancel()
    return code


async def _set_on_signal(stop: anyio.Event, farewell: Farewell, *, task_status: TaskStatus[None]) -> None:
    # Windows' event loops have no signal handlers: there Ctrl-C ends the program at once, also with 130.
    if sys.platform == "win32":
        task_status.started()
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            if stop.is_set() and number == signal.SIGINT:
                _quit_at_once(farewell.sentence())
            stop.set()
            if number == signal.SIGINT:
                tell(STOPPING)


def _quit_at_once(sentence: str) -> None:
    """Ends the process without any cleanup: what is on disk can be resumed."""
    with suppress(OSError):
        if sys.stderr.isatty():
            os.write(2, SHOW_CURSOR.encode())
        os.write(2, f"{sentence}\n".encode())
    os._exit(130)
