"""Runs a command's async part: on uvloop where the platform has it, until it ends or a signal stops it."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from fleetscan.cli.collector import collect_rarely
from fleetscan.cli.leading import attendant
from fleetscan.errors import mendable

# What a stopped command needs beyond its drain: to write totals, to close connections.
ENDING_S = 10.0


def run_until_stopped(job: Callable[[anyio.Event], Awaitable[int]], drain_s: float = 0.0) -> int:
    """The exit code of `job`, which is handed the event that a signal sets and ends within `drain_s` of that.

    When everything that fleetscan's task groups raise is a FleetscanError, the first one is raised alone;
    a bug stays in its ExceptionGroup, with the whole traceback.
    """
    collect_rarely()
    has_uvloop = importlib.util.find_spec("uvloop") is not None
    try:
        return anyio.run(_with_stop, job, drain_s + ENDING_S, backend_options={"use_uvloop": has_uvloop})
    except ExceptionGroup as group:
        raise mendable(group) from None


async def _with_stop(job: Callable[[anyio.Event], Awaitable[int]], within_s: float) -> int:
    stop = anyio.Event()
    ask = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
    with attendant().stopping(ask, within_s):
        return await job(stop)
