"""What an operation's phases have in common: a start, the polls after it, the recovery of a doubtful start.

A phase asks one request at a time and ends in another phase or in the VM's ending.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeAlias

from fleetscan.model import Ending, Reply, Request, RequestKind, Stage, Target, Turn


class Phase(Protocol):
    """One part of an operation's course. `stage` is what its errors are told under."""

    stage: Stage

    def request(self) -> Request:
        """What it wants sent now."""
        ...

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """How much longer a turn that may wait can wait."""
        ...

    def receive(self, reply: Reply, sent_at: float, now: float) -> Next:
        """What follows the reply to a request sent at `sent_at`."""
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """The phase that comes after, and the first turn it wants."""

    phase: Phase
    turn: Turn


@dataclass(frozen=True, slots=True)
class Preempted:
    """A newer operation ended the one whose start was sent at `posted_at`.

    `otherwise` is the VM's end where nothing comes of the newer one.
    """

    posted_at: float
    otherwise: Ending


Next: TypeAlias = Turn | Ending | Passage | Preempted
"""The same phase's next turn, the VM's end, the next phase, or that another client took the VM over."""


def turn_of(
    target: Target, kind: RequestKind, after_s: float, *, is_retry: bool = False, may_wait: bool = False
) -> Turn:
    """A turn in the queue that requests of `kind` about `target` draw on."""
    subscription_id, region = lowered(target.subscription_id), target.location or ""
    return Turn(kind, subscription_id, region, after_s, is_retry, may_wait, target.is_arc)


def watched_as(target: Target) -> str:
    """Whose assessments take alike: those of one operating system, of Arc servers apart."""
    os_type = target.os_type or ""
    return f"arc {os_type}" if target.is_arc else os_type


@lru_cache(maxsize=10_000)
def lowered(subscription_id: str) -> str:
    """The id in lower case, the same object for all VMs of a subscription."""
    return subscription_id.lower()
