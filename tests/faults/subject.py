"""A scan in virtual time with every fault and kill, as a history that is played by its seed."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.checks import breaches
from tests.faults.history import history_of
from tests.playing import Subject, Verdict


def play(seed: int, place: Path) -> Verdict:
    """Play one history and check it."""
    history = history_of(seed, place)
    counts = {
        "kills": history.kills,
        "listings gone on with": history.gone_on_with,
        "requests": len(history.sent),
        "assessments superseded": len(history.cloud.ledger.superseded),
    }
    return Verdict(seed, tuple(breaches(history)), counts)


# No disk is waited for: what outlives a power cut is made up, and a file in memory is one in all else.
MEMORY = Path("/dev/shm")  # noqa: S108 - each history has a directory of its own there, made safely
FAULTS = Subject(
    "tests.faults",
    play,
    unit="seeds",
    wanted=1000,
    at_once=os.cpu_count() or 1,
    room=MEMORY if os.access(MEMORY, os.W_OK) else None,
)
