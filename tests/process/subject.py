"""Real processes that are killed and resumed, as a history that is played by its seed."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from tests.playing import Subject, Verdict
from tests.process.checks import Evidence, Kind, breaches
from tests.process.history import history_of


def play(seed: int, place: Path) -> Verdict:
    """Play one history and check it. `second scans` were tried beside one at work."""
    history = history_of(seed, place)
    found = breaches(history)
    kinds = Counter(breach.kind for breach in found)
    counts = {
        "kills": len(history.kills),
        "processes": len(history.lives),
        "second scans": sum(life.second is not None for life in history.lives),
        "starts of unknown fate": Evidence(history).in_doubt.total(),
        **{kind.value: kinds[kind] for kind in Kind},
    }
    return Verdict(seed, tuple(breach.said for breach in found), counts)


# Histories wait far more than they work.
KILLS = Subject("tests.process", play, unit="kills", wanted=50, at_once=4 * (os.cpu_count() or 1))
