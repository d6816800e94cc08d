"""Runs a command's async part: on uvloop where the platform has it, until it ends or a signal stops it.

The first SIGINT or SIGTERM asks for a clean end, the second SIGINT leaves at once.
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

from fleetscan.errors import mendable

SHOW_CURSOR = "\x1b[?25h"
LEFT = b"fleetscan: left at once; a scan with files goes on with --out DIR --resume\n"


def run_until_stopped(job: Callable[[anyio.Event], Awaitable[int]]) -> int:
    """The exit code of `job`, which is handed the event that a signal sets.

    What fleetscan's own task groups raise comes out of its ExceptionGroups when all of it is for a
    person to mend; a bug stays in its group, with the whole traceback.
    """
    _spare_the_long_lived()
    has_uvloop = importlib.util.find_spec("uvloop") is not None
    try:
        return anyio.run(_with_signals, job, backend_options={"use_uvloop": has_uvloop})
    except ExceptionGroup as group:
        raise mendable(group) from None


def _spare_the_long_lived() -> None:
    """Has the collector look rarely: operations in flight are many, long-lived and without circles."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _with_signals(job: Callable[[anyio.Event], Awaitable[int]]) -> int:
    stop = anyio.Event()
    async with anyio.create_task_group() as watch:
        # The job begins once signals are heard: none may slip between.
        await watch.start(_set_on_signal, stop)
        code = await job(stop)
        watch.cancel_scope.cancel()
    return code


async def _set_on_signal(stop: anyio.Event, *, task_status: TaskStatus[None]) -> None:
    # Windows' event loops take no signal handlers: there Ctrl-C ends the program at once, with 130 too.
    if sys.platform == "win32":
        task_status.started()
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            if stop.is_set() and number == signal.SIGINT:
                _leave_at_once()
            stop.set()


def _leave_at_once() -> None:
    """Ends the process without another line of cleaning up: what is on disk can be resumed."""
    with suppress(OSError):
        if sys.stderr.isatty():
            os.write(2, SHOW_CURSOR.encode())
        os.write(2, LEFT)
    os._exit(130)
