"""What a machine's clean assessment does not tell: its patch service, its schedule, its installations.

Drawn from the machine's own seed, apart from its fate, and there alone where a scenario asks for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fleetscan.model import Json
from fleetscan.simulator.chances import chances
from fleetscan.simulator.guids import guid_of
from fleetscan.simulator.images import OLD, Image
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.stuck import DAY_S

SERVICES = {"ubuntu": "APT", "debian": "APT", "redhat": "YUM", "suse": "Zypper"}
SCHEDULED_SHARE, HOST_SHARE, INSTALLED_SHARE = 0.6, 0.2, 0.8
MOST_INSTALLATIONS = 4
WEEK_DAYS = 7
HOUR_S = 3600.0

Result: TypeAlias = Literal["succeeded", "failed", "exceeded", "reboot"]
WRONG: tuple[Result, ...] = ("failed", "exceeded", "reboot")


@dataclass(frozen=True, slots=True)
class PastInstallation:
    """An installation that ended before the cloud began, at `began_at` of its clock."""

    guid: str
    began_at: float
    ended_at: float
    result: Result


@dataclass(frozen=True, slots=True)
class KnownThings:
    """What is known of a machine beside its assessment.

    `patch_service` is "" for the usual one. `has_schedule` is an assignment of a configuration for guest
    patches, `has_host_schedule` of one for hosts, which patches nothing.
    """

    patch_service: str
    bypasses_checks: bool | None = None
    has_schedule: bool = False
    has_host_schedule: bool = False
    installations: tuple[PastInstallation, ...] = ()


NOTHING_BESIDES = KnownThings("")


def service_of(things: KnownThings, image: Image) -> str:
    """Azure's word for what says which patches a machine misses."""
    return things.patch_service or ("WU" if image.is_windows else SERVICES[image.distro])


def image_of(scenario: Scenario, key: str, image: Image) -> Image:
    """The image of a machine, or an old one of the same operating system."""
    chance, which, *_ = chances(f"{scenario.seed}:{key}:image") if scenario.misleading_pct else (1.0, 0.0)
    if chance * 100 >= scenario.misleading_pct:
        return image
    alike = [old for old in OLD if old.is_windows is image.is_windows]
    return alike[int(which * len(alike))]


def known_things_of(scenario: Scenario, key: str, image: Image) -> KnownThings:
    """What is known of the machine with the lower-cased id `key`."""
    pct = scenario.misleading_pct
    if not pct:
        return NOTHING_BESIDES
    of_wsus, schedule, host, bypass, installed, *_ = chances(f"{scenario.seed}:{key}:known")
    return KnownThings(
        "WU_WSUS" if image.is_windows and of_wsus * 100 < pct else "",
        bypasses_checks=bypass * 100 >= pct,
        has_schedule=schedule < SCHEDULED_SHARE,
        has_host_schedule=host < HOST_SHARE,
        installations=tuple(_installations(scenario, key)) if installed < INSTALLED_SHARE else (),
    )


def told_of(past: PastInstallation) -> dict[str, Json]:
    """What Resource Graph tells of an installation, without its times."""
    words: dict[Result, tuple[str, int, int]] = {
        "succeeded": ("Succeeded", 0, 0),
        "failed": ("Failed", 3, 0),
        "exceeded": ("CompletedWithWarnings", 0, 5),
        "reboot": ("Succeeded", 0, 1),
    }
    status, failed, pending = words[past.result]
    return {
        "status": status,
        "installationActivityId": past.guid,
        "installedPatchCount": 7,
        "failedPatchCount": failed,
        "pendingPatchCount": pending,
        "notSelectedPatchCount": 2,
        "excludedPatchCount": 0,
        "maintenanceWindowExceeded": past.result == "exceeded",
        "rebootStatus": "Required" if past.result == "reboot" else "NotNeeded",
        "startedBy": "Platform",
    }


def _installations(scenario: Scenario, key: str) -> list[PastInstallation]:
    """One a week, the newest first; each may have gone wrong."""
    day, number, *_ = chances(f"{scenario.seed}:{key}:weeks")
    found = []
    for week in range(1 + int(number * MOST_INSTALLATIONS)):
        seed = f"{scenario.seed}:{key}:week:{week}"
        chance, which, length, *_ = chances(seed)
        result: Result = "succeeded"
        if chance * 100 < scenario.misleading_pct:
            result = WRONG[int(which * len(WRONG))]
        began_at = -(0.5 + day * 6 + WEEK_DAYS * week) * DAY_S
        guid = guid_of(hashlib.blake2b(seed.encode(), digest_size=16).digest())
        found.append(PastInstallation(guid, began_at, began_at + (0.2 + length) * HOUR_S, result))
    return found
