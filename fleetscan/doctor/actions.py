"""Which actions an identity's permissions permit. Pure.

Facts: Azure's documents on role definitions. Actions are compared without case, `*` stands for any
characters, slashes too. What one role leaves out by `notActions` another role may still give: the sets are a
union, and `notActions` forbid nothing. Deny assignments and policies are not told by permissions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Duty(StrEnum):
    """What a scan does in a subscription."""

    LIST = "listing"
    START = "starting"
    POLL = "polling"


COMPUTE: Mapping[Duty, str] = {
    Duty.LIST: "Microsoft.Compute/virtualMachines/read",
    Duty.START: "Microsoft.Compute/virtualMachines/assessPatches/action",
    # An accepted assessment is polled at the subscription, whatever its VM's resource group permits.
    Duty.POLL: "Microsoft.Compute/locations/operations/read",
}
ARC: Mapping[Duty, str] = {
    Duty.LIST: "Microsoft.HybridCompute/machines/read",
    Duty.START: "Microsoft.HybridCompute/machines/assessPatches/action",
    Duty.POLL: "Microsoft.HybridCompute/locations/updateCenterOperationResults/read",
}


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """What one role gives: all that matches one of `actions` and none of `not_actions`."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    def permits(self, action: str) -> bool:
        """Whether this set alone permits `action`."""
        return _any_matches(self.actions, action) and not _any_matches(self.not_actions, action)


def permits(sets: Iterable[PermissionSet], action: str) -> bool:
    """Whether the sets together permit `action`."""
    return any(each.permits(action) for each in sets)


def matches(pattern: str, action: str) -> bool:
    """Whether `pattern` stands for `action`, in time that grows with their lengths alone."""
    first, *rest = pattern.lower().split("*")
    action = action.lower()
    if not rest:
        return first == action
    last = rest.pop()
    if len(first) + len(last) > len(action) or not (action.startswith(first) and action.endswith(last)):
        return False
    at, end = len(first), len(action) - len(last)
    for part in rest:
        found = action.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _any_matches(patterns: Iterable[str], action: str) -> bool:
    return any(matches(pattern, action) for pattern in patterns)
