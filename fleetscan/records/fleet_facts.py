"""What the fleet's line of totals.jsonl tells besides sums: when, how many requests, what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fleetscan.model import InventoryError, RequestKind
from fleetscan.records.asked import Selection
from fleetscan.records.run import Scope
from fleetscan.records.totals import GroupTotals, NotListed, NotScanned, Requests, Totals

# The code of the error that says that a listing was not ended.
LISTING_STOPPED = "ListingStopped"
# That of shards whose VMs are missing, and were not counted by any.
SHARD_NOT_COUNTED = "ShardNotCounted"
# That of a subscription that a shard saw and none scanned.
NOT_IN_ANY_SHARD = "NotInAnyShard"


@dataclass(slots=True)
class RequestCounts:
    """The requests of a scan, by what they were for; `throttled` (429s) and `retried` are among these.

    `other` are those that find out what became of starts and operations that cannot be followed.
    """

    list: int = 0
    start: int = 0
    poll: int = 0
    other: int = 0
    throttled: int = 0
    retried: int = 0

    def sent(self, kind: RequestKind, *, is_retry: bool) -> None:
        """Count one request; reads of a finished operation's result are polls, as in its record."""
        match kind:
            case RequestKind.START:
                self.start += 1
            case RequestKind.POLL | RequestKind.RESULT:
                self.poll += 1
            case RequestKind.VIEW | RequestKind.QUERY_PATCHES:
                self.other += 1
            case _:
                self.list += 1
        self.retried += is_retry

    @property
    def total(self) -> int:
        """All requests of every kind."""
        return self.list + self.start + self.poll + self.other

    def plus(self, earlier: Mapping[str, int]) -> RequestCounts:
        """These and those of earlier processes, by the names of the fields."""
        return RequestCounts(
            **{name: getattr(self, name) + earlier.get(name, 0) for name in RequestCounts.__slots__}
        )

    def told(self) -> Requests:
        """The counts as records write them."""
        return {
            "list": self.list,
            "start": self.start,
            "poll": self.poll,
            "other": self.other,
            "throttled": self.throttled,
            "retried": self.retried,
        }


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """One scan as a whole. Times are UTC ISO 8601 with Z; what is not among the VMs listed is named."""

    started_at: str
    finished_at: str
    duration_s: float
    requests: RequestCounts
    inventory_errors: Sequence[InventoryError] = ()
    selection: Selection = field(default_factory=dict)
    not_scanned: Sequence[NotScanned] = ()
    uniform_scale_set_vms: int | None = None

    def totals(self, line: GroupTotals) -> Totals:
        """The fleet's line of totals.jsonl: the sums in `line`, and these facts."""
        return {
            **line,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "duration_s": round(self.duration_s, 3),
            "requests": self.requests.told(),
            "selection": self.selection,
            "not_scanned": [*self.not_scanned],
            "uniform_scale_set_vms": self.uniform_scale_set_vms,
            "inventory_errors": [not_listed(error) for error in self.inventory_errors],
        }


def listing_stopped(listed: int) -> InventoryError:
    """That a listing was not ended after so many VMs."""
    vms = "1 VM is" if listed == 1 else f"{listed:,} VMs are"
    why = f"the scan has not listed all VMs: {vms} known, and how many are missing is not"
    return InventoryError(None, LISTING_STOPPED, why, None)


def why_stopped(*, is_merged: bool) -> str:
    """Why a run is not whole, as a clause: one that `is_merged` may also lack whole runs."""
    return "runs that it was merged of are missing or were stopped" if is_merged else "the run was stopped"


def stopped_words(totals: Totals, *, is_merged: bool = False) -> str | None:
    """What a run that was stopped lacks, as a sentence; None where every VM has its row."""
    left = totals["outcomes"]["interrupted"]
    unfinished = [f"{'1 VM has' if left == 1 else f'{left:,} VMs have'} no row"] if left else []
    codes = {error["code"] for error in totals["inventory_errors"]}
    is_listed = codes.isdisjoint((LISTING_STOPPED, SHARD_NOT_COUNTED))
    unlisted = [] if is_listed else ["not all VMs were listed"]
    lacking = " and ".join([*unfinished, *unlisted])
    return f"{why_stopped(is_merged=is_merged)}: {lacking}" if lacking else None


def not_listed(error: InventoryError) -> NotListed:
    """What could not be listed, as records tell it."""
    return {
        "subscription_id": error.subscription_id,
        "code": error.code,
        "message": error.message,
        "http_status": error.http_status,
    }


def could_not_list(told: NotListed) -> InventoryError:
    """What a record tells could not be listed; what a later version adds to it is passed over."""
    return InventoryError(told["subscription_id"], told["code"], told["message"], told["http_status"])


def not_scanned(scope: Scope) -> list[NotScanned]:
    """The subscriptions that were passed over, as the fleet's line tells them."""
    return [
        {"subscription_id": each["subscription_id"], "name": each["name"], "state": each["state"]}
        for each in scope["not_enabled"]
    ]
