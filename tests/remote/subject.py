"""Hosts that are lost in mid-scan, as a history that is played by its seed against an Azurite of its own."""

from __future__ import annotations

import os
from pathlib import Path

from tests.playing import Subject, Verdict
from tests.remote.azurite import Azurite
from tests.remote.lost_host import play as play_in


def play(seed: int, place: Path) -> Verdict:
    """Play one history and check it."""
    with Azurite() as azurite:
        os.environ.update(azurite.environment)
        lost = play_in(seed, f"az://{azurite.container()}/run", azurite.environment, place)
    counts = {"kills": lost.kills, "starts that no upload told of": lost.untold}
    return Verdict(seed, tuple(lost.breaches), counts)


# Histories wait far more than they work.
LOSSES = Subject("tests.remote", play, unit="kills", wanted=20, at_once=2 * (os.cpu_count() or 1))
