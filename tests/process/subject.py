"""Real processes that are killed and resumed, as a history that is played by its seed."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from tests.playing import Subject, Verdict
from tests.process.checks import Evidence, Kind, breaches
from tests.process.history import Kill, history_of


def play(seed: int, place: Path) -> Verdict:
    """Play one history and check it. `second scans` were tried beside one at work."""
    history = history_of(seed, place)
    found = breaches(history)
    kinds = Counter(breach.kind for breach in found)
    counts = {
        "kills": len(history.kills),
        "kills while listing": sum(is_while_listing(kill) for kill in history.kills),
        "processes": len(history.lives),
        "second scans": sum(life.second is not None for life in history.lives),
        "starts of unknown fate": Evidence(history).in_doubt.total(),
        **{kind.value: kinds[kind] for kind in Kind},
    }
    return Verdict(seed, tuple(breach.said for breach in found), counts)


def is_while_listing(kill: Kill) -> bool:
    """Whether VMs were started, and not all were listed."""
    return kill.files.count("starting") > 0 and not kill.files.count("listing")


# Histories wait far more than they work.
KILLS = Subject("tests.process", play, unit="kills", wanted=50, at_once=4 * (os.cpu_count() or 1))
