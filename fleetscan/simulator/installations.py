"""Patch installations that run when the cloud begins, and end by themselves, by an assessment, or never.

The cloud starts none of its own. What is asked about a past moment is answered as it was then, because
Resource Graph shows the past.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

from fleetscan.model import Json
from fleetscan.simulator.chances import chances
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.guids import guid_of
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.times import Calendar

# Those that run when the cloud begins have begun at least and at most this long before.
BEGUN_LEAST_S = 60.0
BEGUN_MOST_S = 1800.0


@dataclass(frozen=True, slots=True)
class Installation:
    """One patch installation. `killed_at` is when an assessment took its machine over, if one did.

    One that `ends_at` infinity died long ago: nothing runs, and its status was never changed.
    """

    machine: Machine
    guid: str
    began_at: float
    ends_at: float
    killed_at: float | None = None

    def status(self, at: float) -> str:
        """Its status word at a moment."""
        if self.killed_at is not None and at >= self.killed_at:
            return "Failed"
        return "InProgress" if at < self.ends_at else "Succeeded"

    def modified_at(self, at: float) -> float:
        """When its status last changed, as seen at a moment."""
        if self.killed_at is not None and at >= self.killed_at:
            return self.killed_at
        return self.began_at if at < self.ends_at else self.ends_at


class Installations:
    """Every installation of a cloud, by its machine's key."""

    def __init__(self, scenario: Scenario, fleet: Fleet, calendar: Calendar) -> None:
        self._scenario = scenario
        self._calendar = calendar
        machines = fleet if scenario.installing_pct or scenario.stuck_pct else ()
        self._by_machine = {
            machine.key: found for machine in machines if (found := self._first(machine)) is not None
        }

    def kill(self, machine: Machine, now: float) -> bool:
        """Ends what runs on a machine; whether anything did."""
        found = self._by_machine.get(machine.key)
        if found is None or found.status(now) != "InProgress" or found.ends_at == inf:
            return False
        self._by_machine[machine.key] = replace(found, killed_at=now)
        return True

    def machines(self) -> Iterator[Machine]:
        """The machines that have one, in the fleet's order."""
        return (installation.machine for installation in self._by_machine.values())

    def of(self, machine: Machine) -> Installation | None:
        """The one of a machine."""
        return self._by_machine.get(machine.key)

    def summary(self, machine: Machine, now: float) -> dict[str, Json] | None:
        """`patchStatus.lastPatchInstallationSummary` of the instance view; None where none ran."""
        found = self.of(machine)
        if found is None:
            return None
        return {
            "status": found.status(now),
            "installationActivityId": found.guid,
            "startTime": self._calendar.iso(found.began_at, machine.lot.utc_offset_h),
            "lastModifiedTime": self._calendar.iso(found.modified_at(now), machine.lot.utc_offset_h),
        }

    def _first(self, machine: Machine) -> Installation | None:
        """What is there when the cloud begins: one that runs, or one that died."""
        if machine.lot.installs_until is not None:
            return self._begun(machine, machine.lot.installs_until)
        stuck = machine.lot.stuck
        if stuck is None or not stuck.is_installation:
            return None
        return Installation(machine, stuck.guid, stuck.began_at, inf)

    def _begun(self, machine: Machine, ends_at: float) -> Installation:
        seed = f"{self._scenario.seed}:{machine.key}:installed"
        ago_s = BEGUN_LEAST_S + chances(seed)[0] * (BEGUN_MOST_S - BEGUN_LEAST_S)
        guid = guid_of(hashlib.blake2b(seed.encode(), digest_size=16).digest())
        return Installation(machine, guid, -ago_s / self._scenario.speed, ends_at)
