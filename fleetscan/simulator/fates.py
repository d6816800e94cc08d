"""How a machine's assessment can end, and how a fate is drawn from a machine's own seed.

A fate depends on the seed and the machine's id alone: another order of requests, another fleet size or
another client changes nothing about it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log
from typing import Literal

from fleetscan.simulator.chances import chances
from fleetscan.simulator.images import Image
from fleetscan.simulator.known_things import NOTHING_BESIDES, KnownThings, known_things_of
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.stuck import Stuck, stuck_of
from fleetscan.simulator.troubles import Trouble, trouble_of
from fleetscan.simulator.wrong_clocks import WrongClock, wrong_clock_of


class Fate(StrEnum):
    """How an assessment of a machine ends, every time it is asked for."""

    SUCCEEDED = "succeeded"
    WARNED = "warned"
    """CompletedWithWarnings, with counts and a list."""
    TRUNCATED = "truncated"
    """The counts exceed the list."""
    STOPPED = "stopped"
    """Stopped or deallocated, and listed so."""

    PACKAGE_MANAGER_FAILURE = "package_manager_failure"
    """Linux: the operation succeeds, the assessment in it fails."""
    ESM_REQUIRED = "esm_required"
    """Ubuntu out of support: the operation succeeds, the assessment in it fails."""
    PATCH_INTERNAL_ERROR = "patch_internal_error"
    """The operation succeeds, the assessment in it fails with "please retry later"."""
    OPERATION_FAILED = "operation_failed"
    OPERATION_CANCELED = "operation_canceled"
    NO_COUNTS = "no_counts"
    """Operation and assessment succeed, and no counts came."""
    NO_CONTENT = "no_content"
    """The start is answered 204."""
    REFUSED_BAD_REQUEST = "refused_bad_request"
    REFUSED_DENIED = "refused_denied"
    REFUSED_GONE = "refused_gone"
    """Listed, and deleted since."""
    REFUSED_CONFLICT = "refused_conflict"
    AGENT_NOT_READY = "agent_not_ready"
    STOPPED_UNSEEN = "stopped_unseen"
    """Listed as running, stopped since."""


_FAILING = tuple(Fate)[4:]

# One operation in a hundred takes ten times as long; sigma 0.5 puts nine in ten between 80 and 410 s.
MEDIAN_S = 180.0
SIGMA = 0.5
LONG_FACTOR = 10.0
REGULAR_WINDOWS_S = 180.0
REGULAR_LINUX_S = 120.0
EVEN_LEAST_S, EVEN_MOST_S = 20.0, 150.0
BIMODAL_S = (30.0, 600.0)
BRIEF_S = 3.0

DEALLOCATED_SHARE = 0.7
# Machines with another time zone, with an upper-cased group in one listing, a lower-cased id in another.
ODD_SHARE = 0.1

# Patch installations end this long after the cloud begins, evenly on a logarithmic scale.
INSTALLS_LEAST_S = 300.0
INSTALLS_MOST_S = 3 * 3600.0
# Fates of machines that do not run, whatever a listing says.
_HALTED = (Fate.STOPPED, Fate.STOPPED_UNSEEN, Fate.REFUSED_GONE)

PowerState = Literal["running", "stopped", "deallocated"]


@dataclass(frozen=True, slots=True)
class Lot:
    """Everything chance decides about one machine. `duration_s` is at the scenario's speed.

    `installs_until` is when the patch installation ends that runs as the cloud begins, in seconds of the
    cloud's clock; None where none runs. `trouble` is what lasts, whatever the fate, `stuck` an operation that
    died long ago, and `wrong_clock` what is wrong with the times that are told of its assessments. No listing
    tells the states of a machine that `is_untold`.
    """

    fate: Fate
    duration_s: float
    power_state: PowerState
    utc_offset_h: int
    has_upper_group: bool
    has_lower_id: bool
    patch_mode: str
    assessment_mode: str
    installs_until: float | None = None
    trouble: Trouble | None = None
    stuck: Stuck | None = None
    wrong_clock: WrongClock | None = None
    is_untold: bool = False
    known: KnownThings = NOTHING_BESIDES


def cast_lot(scenario: Scenario, key: str, image: Image) -> Lot:
    """The lot of the machine with the lower-cased id `key`. The draws always come in the same order.

    What few scenarios ask for is drawn apart, so that it changes nothing else.
    """
    draw = random.Random(f"{scenario.seed}:{key}")
    fate = _fate(scenario, draw.random() * 100, draw.random(), image)
    halted: PowerState = "deallocated" if draw.random() < DEALLOCATED_SHARE else "stopped"
    modes = ("AutomaticByOS", "Manual") if image.is_windows else ("ImageDefault",)
    return Lot(
        fate=fate,
        duration_s=_duration_s(scenario, draw, image) / scenario.speed,
        power_state=halted if fate is Fate.STOPPED else "running",
        utc_offset_h=-5 if draw.random() < ODD_SHARE else 0,
        has_upper_group=draw.random() < ODD_SHARE,
        has_lower_id=draw.random() < ODD_SHARE,
        patch_mode=draw.choice((*modes, "AutomaticByPlatform")),
        assessment_mode=draw.choice(("ImageDefault", "ImageDefault", "AutomaticByPlatform")),
        installs_until=_installs_until(scenario, key, fate),
        trouble=trouble_of(scenario, key),
        stuck=None if fate in _HALTED else stuck_of(scenario, key),
        wrong_clock=wrong_clock_of(scenario, key),
        is_untold=bool(scenario.untold_pct)
        and chances(f"{scenario.seed}:{key}:untold")[0] * 100 < scenario.untold_pct,
        known=known_things_of(scenario, key, image),
    )


def failing_kinds(image: Image) -> tuple[Fate, ...]:
    """The failures a machine with this image can meet."""
    foreign = set()
    if image.is_windows:
        foreign.add(Fate.PACKAGE_MANAGER_FAILURE)
    if image.distro != "ubuntu":
        foreign.add(Fate.ESM_REQUIRED)
    return tuple(fate for fate in _FAILING if fate not in foreign)


def _fate(scenario: Scenario, percentile: float, choice: float, image: Image) -> Fate:
    for share, fate in (
        (scenario.stopped_pct, Fate.STOPPED),
        (scenario.warned_pct, Fate.WARNED),
        (scenario.truncated_pct, Fate.TRUNCATED),
    ):
        if percentile < share:
            return fate
        percentile -= share
    if percentile < scenario.failing_pct:
        kinds = failing_kinds(image)
        return kinds[int(choice * len(kinds))]
    return Fate.SUCCEEDED


def _duration_s(scenario: Scenario, draw: random.Random, image: Image) -> float:
    bell, chance = draw.lognormvariate(0.0, SIGMA), draw.random()
    match scenario.durations:
        case "regular":
            typical_s = REGULAR_WINDOWS_S if image.is_windows else REGULAR_LINUX_S
            return typical_s * (0.95 + 0.1 * chance)
        case "even":
            return EVEN_LEAST_S + (EVEN_MOST_S - EVEN_LEAST_S) * chance
        case "bimodal":
            # Two draws of one chance: which of the two, and how far from it.
            return BIMODAL_S[chance < 0.5] * (0.9 + 0.4 * (chance % 0.5))
        case "brief":
            return BRIEF_S
    return MEDIAN_S * bell * (LONG_FACTOR if chance * 100 < scenario.long_pct else 1.0)


def _installs_until(scenario: Scenario, key: str, fate: Fate) -> float | None:
    if not scenario.installing_pct or fate in _HALTED:
        return None
    percentile, length, *_ = chances(f"{scenario.seed}:{key}:installation")
    if percentile * 100 >= scenario.installing_pct:
        return None
    return INSTALLS_LEAST_S * exp(length * log(INSTALLS_MOST_S / INSTALLS_LEAST_S)) / scenario.speed
