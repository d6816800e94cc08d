"""How each compared program is called: fleetscan with ordinary flags, the others as users write them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path


class Client(Enum):
    """The compared programs, in the order in which they take turns; the value is what people read."""

    FLOOR = "floor: bare aiohttp, no logic"
    FLEETSCAN = "fleetscan"
    FLEETSCAN_AGAIN = "fleetscan with --last-run"
    ASYNCIO = "azure-mgmt-compute asyncio, 64 at a time"
    ASYNCIO_WIDE = "azure-mgmt-compute asyncio, all at once"
    THREADS = "azure-mgmt-compute, 64 threads"


MODULES = {
    Client.FLOOR: "benchmarks.clients.floor",
    Client.ASYNCIO: "benchmarks.clients.sdk_asyncio",
    Client.ASYNCIO_WIDE: "benchmarks.clients.sdk_asyncio",
    Client.THREADS: "benchmarks.clients.sdk_threads",
}
OURS = (Client.FLEETSCAN, Client.FLEETSCAN_AGAIN)
WIDTH = 64
ALL_AT_ONCE = 1_000_000

# The official clients' own interval, and the least a client must wait for the longest regular assessment.
SDK_INTERVAL_S = 30.0
LONGEST_REGULAR_S = 190.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the clients wait before they look.

    `fleetscan` are the flags that say so, none at life's own speed; `wait_s` is between two looks of the
    official clients, which look at once first; `floor_wait_s` before the floor's only look.
    """

    fleetscan: tuple[str, ...]
    wait_s: float
    floor_wait_s: float


def pace_at(speed: float) -> Pace:
    """Every client's defaults, divided as the scenario divides the assessments' durations.

    fleetscan learns when to poll by life's own clock alone. On a faster one it is told to poll when the last
    have ended, which is less often than it would by itself.
    """
    longest_s = LONGEST_REGULAR_S / speed
    flags = () if speed == 1.0 else _flags(longest_s, longest_s)
    return Pace(flags, SDK_INTERVAL_S / speed, longest_s)


def one_look(after_s: float, speed: float) -> Pace:
    """fleetscan and the floor look once, after every end; the official clients at once, then as ever."""
    return Pace(_flags(after_s, after_s), SDK_INTERVAL_S / speed, after_s)


def learning_from(run: Path, pace: Pace) -> Pace:
    """The same, with fleetscan learning from an earlier run."""
    return replace(pace, fleetscan=(*pace.fleetscan, "--last-run", str(run)))


def first_look_after(first_poll_s: float) -> Pace:
    """A scan that only starts assessments, until it is stopped."""
    return Pace(_flags(first_poll_s, first_poll_s), first_poll_s, first_poll_s)


def _flags(first_poll_s: float, poll_interval_s: float) -> tuple[str, ...]:
    return ("--first-poll", f"{first_poll_s:.6g}s", "--poll-interval", f"{poll_interval_s:.6g}s")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and the file it writes one line a machine to."""

    line: tuple[str, ...]
    rows: Path


def command(
    client: Client, endpoint: str, inventory: Path, place: Path, pace: Pace, *, is_listing: bool = False
) -> Command:
    """The command that has `client` assess the machines of `inventory`, its files inside `place`.

    With `is_listing` fleetscan asks Azure which machines there are; the others cannot.
    """
    asked: tuple[str, ...] = ("--endpoint", endpoint, "--inventory", str(inventory))
    if client in OURS:
        asked = asked[:2] if is_listing else asked
        run = place / "run"
        line = (
            sys.executable,
            "-m",
            "fleetscan",
            "scan",
            *asked,
            "--out",
            str(run),
            "--quiet",
            *pace.fleetscan,
        )
        return Command(line, run / "results.jsonl")
    rows = place / "rows.jsonl"
    wait_s = pace.floor_wait_s if client is Client.FLOOR else pace.wait_s
    width = ALL_AT_ONCE if client is Client.ASYNCIO_WIDE else WIDTH
    line = (
        sys.executable, "-m", MODULES[client], *asked,
        "--out", str(rows), "--wait-s", f"{wait_s:.6g}", "--width", str(width),
    )  # fmt: skip
    return Command(line, rows)
