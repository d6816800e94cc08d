"""The assessment that a machine had some days before the cloud began, drawn from the machine's own seed.

Its result's two times are nearer together than an operation's: of a recorded operation that took 71.1 s, they
lie 43.1 s apart. No machine takes quite as long as it took last time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import cos, exp, log, pi, sqrt

from fleetscan.simulator.chances import chances
from fleetscan.simulator.fates import Fate, Lot
from fleetscan.simulator.guids import guid_of
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.stuck import DAY_S

# Resource Graph keeps a row for seven days.
LEAST_DAYS, MOST_DAYS = 0.2, 6.9
RESULT_SHARE = 43.1 / 71.1
# How an assessment ends that writes a row; a failure that never reaches the guest writes none.
_WRITING = frozenset(
    (
        Fate.SUCCEEDED,
        Fate.WARNED,
        Fate.TRUNCATED,
        Fate.STOPPED,
        Fate.STOPPED_UNSEEN,
        Fate.PACKAGE_MANAGER_FAILURE,
        Fate.ESM_REQUIRED,
        Fate.PATCH_INTERNAL_ERROR,
        Fate.NO_COUNTS,
    )
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """It began at `began_at`, before the cloud's second 0; its result's two times lie `span_s` apart."""

    guid: str
    began_at: float
    span_s: float


def earlier_of(scenario: Scenario, key: str, lot: Lot) -> Earlier | None:
    """The earlier assessment of the machine with the lower-cased id `key`; None where none is kept."""
    is_stuck = lot.stuck is not None and not lot.stuck.is_installation
    if not scenario.assessed_before_pct or is_stuck or lot.fate not in _WRITING:
        return None
    seed = f"{scenario.seed}:{key}:earlier"
    percentile, age, size, turn, *_ = chances(seed)
    if percentile * 100 >= scenario.assessed_before_pct:
        return None
    # Two even chances make one that is normal (Box and Muller).
    differs = exp(scenario.nights_differ * sqrt(-2.0 * log(size)) * cos(2.0 * pi * turn))
    days = LEAST_DAYS + age * (MOST_DAYS - LEAST_DAYS)
    guid = guid_of(hashlib.blake2b(seed.encode(), digest_size=16).digest())
    return Earlier(guid, -days * DAY_S, lot.duration_s * RESULT_SHARE * differs)
