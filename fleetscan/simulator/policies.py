"""Azure's published rate limits as data, and the three ways in which Microsoft.Compute may name them.

Sizes and refills are facts from Microsoft's throttling pages. Written apart from the scanner's own
numbers on purpose: a shared mistake would stay hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from fleetscan.simulator.scenario import PolicyNames


@dataclass(frozen=True, slots=True)
class Policy:
    """A published limit: requests a minute, and how many may come at once.

    `is_per_machine` tells the limits of one machine from those of a subscription and region.
    """

    name: str
    refill_per_min: float
    size: int
    is_per_machine: bool = False


class Duty(StrEnum):
    """What Microsoft.Compute counts."""

    PATCH = "patch"
    POLL = "poll"
    GET_VM = "get_vm"
    LIST_VMS = "list_vms"


Policies = Mapping[Duty, tuple[Policy, ...]]

ARM_READS = Policy("reads", 25 * 60, 250)
ARM_WRITES = Policy("writes", 10 * 60, 200)


def _windows(name: str, refill_per_min: float, size: int) -> tuple[Policy, ...]:
    """Two windows of one scope; the long one fills as fast and holds ten times as much, so it never binds."""
    return Policy(f"{name}3Min", refill_per_min, size), Policy(f"{name}30Min", refill_per_min, 10 * size)


# Names and order of the 2024 recording.
_2024: Policies = {
    Duty.PATCH: (
        Policy("VMGuestPatchOperationSubscriptionMaximum", 200, 600),
        Policy("VMGuestPatchOperationResource", 2, 6, is_per_machine=True),
    ),
    Duty.POLL: (
        Policy("GetOperationResource", 15, 45, is_per_machine=True),
        Policy("GetOperationSubscriptionMaximum", 5_000, 15_000),
    ),
    Duty.GET_VM: (
        Policy("LowCostGetResource", 12, 36, is_per_machine=True),
        Policy("LowCostGetSubscriptionMaximum", 8_000, 24_000),
    ),
    Duty.LIST_VMS: (Policy("HighCostGetSubscriptionMaximum", 300, 900),),
}

# The 2023 recording names two windows of a subscription and region, and nothing of a machine's own.
_2023: Policies = {
    Duty.PATCH: _windows("PatchOperation", 200, 600),
    Duty.POLL: _windows("GetOperation", 5_000, 15_000),
    Duty.GET_VM: _windows("LowCostGet", 8_000, 24_000),
    Duty.LIST_VMS: _windows("HighCostGet", 300, 900),
}

# Invented: Azure renamed its policies three times. A machine's own still end in "Resource".
_NOVEL: Policies = {
    Duty.PATCH: (
        Policy("GuestAssessSubscriptionBurst", 200, 600),
        Policy("GuestAssessPerResource", 2, 6, is_per_machine=True),
    ),
    Duty.POLL: (
        Policy("OperationStatusPerResource", 15, 45, is_per_machine=True),
        Policy("OperationStatusSubscriptionBurst", 5_000, 15_000),
    ),
    Duty.GET_VM: (
        Policy("MachineReadPerResource", 12, 36, is_per_machine=True),
        Policy("MachineReadSubscriptionBurst", 8_000, 24_000),
    ),
    Duty.LIST_VMS: (Policy("MachineListSubscriptionBurst", 300, 900),),
}

POLICIES: Mapping[PolicyNames, Policies] = MappingProxyType({"2023": _2023, "2024": _2024, "novel": _NOVEL})
"""Microsoft.Compute's policies by the fashion of their names, in the order of the headers."""
