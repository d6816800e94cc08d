"""What was found: each finding is a sentence with, where something is wrong, what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fleetscan.doctor.access import Access
from fleetscan.doctor.groups import Groups
from fleetscan.errors import FleetscanError, Remedy
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.records.doctor import CheckName, Status

SHOWN = 3
NAME_CHARS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `what` was found, and the `remedy` and `command` that mend it; `details` say more."""

    check: CheckName
    status: Status
    what: str
    remedy: Remedy | None = None
    command: str | None = None
    details: tuple[str, ...] = ()

    @classmethod
    def of_error(cls, check: CheckName, error: FleetscanError) -> Finding:
        """A check that failed with an error of ours."""
        remedy = error.remedy or _usual_remedy(check)
        return cls(check, "failed", error.what, remedy, details=error.details)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is, unverified, and the second since 1970 when it expires; None where it is not told."""

    principal: dict[str, str | None]
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Directory:
    """Where runs would be kept. `needed_bytes` is None where the fleet could not be counted."""

    path: str
    is_writable: bool
    locks_work: bool | None
    free_bytes: int | None
    needed_bytes: int | None = None


@dataclass(slots=True)
class Examined:
    """Everything that was found, in the order of the checks; what was not come to is None or empty."""

    findings: list[Finding] = field(default_factory=list)
    identity: Identity | None = None
    clock_ahead_s: float | None = None
    access: Sequence[Access] = ()
    passed_over: Sequence[Subscription] = ()
    vms_of: dict[str, int] = field(default_factory=dict)
    groups_of: dict[str, Groups] = field(default_factory=dict)
    vms: int | None = None
    quotas: dict[str, int] = field(default_factory=dict)
    directory: Directory | None = None

    @property
    def has_failed(self) -> bool:
        """Whether anything would stop a scan, or a part of it."""
        return any(finding.status == "failed" for finding in self.findings)


def _usual_remedy(check: CheckName) -> Remedy:
    """What to do where an error does not say."""
    if check == "token":
        return Remedy("check the credential, which {auth} chooses", {"auth": None})
    return Remedy("try again; if it stays, see Azure's status page")


def some(words: Sequence[str]) -> str:
    """The first few, and how many more there are: "a, b, c and 12 more"."""
    shown = ", ".join(words[:SHOWN])
    return shown if len(words) <= SHOWN else f"{shown} and {len(words) - SHOWN:,} more"


def name_of(subscription: Subscription) -> str:
    """What people call it, not longer than a line; of several subscriptions with one name the ids tell."""
    name = subscription.name or subscription.id
    return name if len(name) <= NAME_CHARS else f"{name[:NAME_CHARS]}..."


def subscriptions(number: int) -> str:
    """A number of them in words."""
    return "1 subscription" if number == 1 else f"{number:,} subscriptions"
