"""Patch operations whose agent died days ago: Compute and Resource Graph show them as InProgress for ever.

Each is drawn from its machine's own seed, apart from its fate. An assessment that is started over one is not
hindered by it and ends nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fleetscan.simulator.chances import chances
from fleetscan.simulator.guids import guid_of
from fleetscan.simulator.scenario import Scenario

DAY_S = 86_400.0
BEGUN_LEAST_DAYS = 1.0
BEGUN_MOST_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Stuck:
    """An operation that began before the cloud did, at any speed days ago. Either kind there is."""

    is_installation: bool
    guid: str
    began_at: float


def stuck_of(scenario: Scenario, key: str) -> Stuck | None:
    """The dead operation of the machine with the lower-cased id `key`; most have none."""
    if not scenario.stuck_pct:
        return None
    seed = f"{scenario.seed}:{key}:stuck"
    percentile, kind, age, *_ = chances(seed)
    if percentile * 100 >= scenario.stuck_pct:
        return None
    days = BEGUN_LEAST_DAYS + age * (BEGUN_MOST_DAYS - BEGUN_LEAST_DAYS)
    guid = guid_of(hashlib.blake2b(seed.encode(), digest_size=16).digest())
    return Stuck(kind < 0.5, guid, -days * DAY_S)
