"""The assessment that a machine had some days before the cloud began, drawn from the machine's own seed.

Its result's two times are nearer together than an operation's: of a recorded operation that took 71.1 s, they
lie 43.1 s apart. No machine takes quite as long as it took last time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from math import cos, exp, log, pi, sqrt

from fleetscan.simulator.chances import chances
from fleetscan.simulator.fates import Fate, Lot
from fleetscan.simulator.guids import guid_of
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.stuck import DAY_S

# Resource Graph keeps a row for so long.
KEPT_S = 7 * DAY_S
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


class Gap(Enum):
    """What Resource Graph does not show of an assessment."""

    NONE = "none"
    NO_SUMMARY = "no summary"
    NO_COUNTS = "no counts"
    NO_PATCHES = "no patches"
    HALF_THE_PATCHES = "half the patches"


GAPS = tuple(Gap)[1:]


@dataclass(frozen=True, slots=True)
class Earlier:
    """It began at `began_at`, before the cloud's second 0; its result's two times lie `span_s` apart."""

    guid: str
    began_at: float
    span_s: float
    has_failed: bool = False
    gap: Gap = Gap.NONE

    def is_kept(self, now: float) -> bool:
        """Whether Resource Graph still has rows of it."""
        return now - (self.began_at + self.span_s) <= KEPT_S


def earlier_of(scenario: Scenario, key: str, lot: Lot) -> Earlier | None:
    """The earlier assessment of the machine with the lower-cased id `key`; None where none is kept."""
    is_stuck = lot.stuck is not None and not lot.stuck.is_installation
    if not scenario.assessed_before_pct or is_stuck or lot.fate not in _WRITING:
        return None
    seed = f"{scenario.seed}:{key}:earlier"
    percentile, age, size, turn, failing, lacking, which, _ = chances(seed)
    if percentile * 100 >= scenario.assessed_before_pct:
        return None
    # Two even chances make one that is normal (Box and Muller).
    differs = exp(scenario.nights_differ * sqrt(-2.0 * log(size)) * cos(2.0 * pi * turn))
    least_days, most_days = scenario.earlier_least_days, scenario.earlier_most_days
    days = least_days + age * (most_days - least_days)
    guid = guid_of(hashlib.blake2b(seed.encode(), digest_size=16).digest())
    has_gap = lacking * 100 < scenario.earlier_gaps_pct
    return Earlier(
        guid,
        -days * DAY_S,
        lot.duration_s * RESULT_SHARE * differs,
        has_failed=failing * 100 < scenario.earlier_failed_pct,
        gap=GAPS[int(which * len(GAPS))] if has_gap else Gap.NONE,
    )
