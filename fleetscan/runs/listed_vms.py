"""The VMs that a run's journal says were listed, in two passes over it: none is held.

Nothing is checked against checksums and nothing is locked: for runs at work, and for those that were killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fleetscan import json_text
from fleetscan.model import InventoryError, Target
from fleetscan.records.fleet_facts import RequestCounts, listing_stopped
from fleetscan.records.journal import (
    Event,
    FleetListed,
    Listed,
    ProcessBegan,
    RequestsCounted,
    RowLost,
    StartSending,
    VmEnded,
    event_of,
)
from fleetscan.runs.opening import open_to_read


@dataclass(slots=True)
class Listing:
    """What the journal at `path` tells of a run: a listing of `vms` VMs that begins after `skipped` lines.

    `errors` are what could not be listed; where the listing was cut off, or goes on, one of them says so.
    """

    path: Path
    vms: int = 0
    skipped: int = 0
    errors: list[InventoryError] = field(default_factory=list)

    def targets(self) -> Iterator[Target]:
        """The VMs, one at a time; raises OSError and ValueError where the file has changed."""
        left = self.vms
        for number, event in enumerate(_events(self.path)):
            if not left:
                return
            if number >= self.skipped and isinstance(event, Listed):
                left -= 1
                yield event.machine


def read_listing(path: Path, scan_id: str) -> Listing | None:
    """What the journal at `path` tells of the run `scan_id`; None where it cannot be read, or lists no VM."""
    try:
        listing = _read_listing(path, scan_id)
    except (OSError, ValueError):
        return None
    return listing if listing.vms else None


def _read_listing(path: Path, scan_id: str) -> Listing:
    listing = Listing(path)
    begun = set[tuple[type[Event], int]]()
    for number, event in enumerate(_events(path)):
        match event:
            case Listed():
                listing.vms += 1
            case FleetListed(errors=errors):
                listing.errors = [*errors]
                return listing
            case ProcessBegan():
                if event.scan_id != scan_id:
                    raise ValueError("it is of another run")
                if not begun:
                    # It lists anew, as the story of a run has it.
                    listing.vms, listing.skipped = 0, number
            case StartSending(vm=vm) | VmEnded(vm=vm):
                begun.add((type(event), vm))
            case RowLost(vm=vm):
                begun.discard((VmEnded, vm))
    listing.errors = [listing_stopped(listing.vms)]
    return listing


@dataclass(slots=True)
class Spent:
    """The requests that all processes of a run counted, and the last moment told, in s since 1970."""

    requests: RequestCounts = field(default_factory=RequestCounts)
    last_at: float = 0.0


def read_spent(path: Path) -> Spent:
    """What the journal at `path` tells of that, as far as it can be read."""
    spent, now = Spent(), RequestCounts()
    with suppress(OSError, ValueError):
        for event in _events(path):
            spent.last_at = max(spent.last_at, getattr(event, "at", 0.0))
            if isinstance(event, ProcessBegan):
                spent.requests, now = spent.requests.plus(_named(now)), RequestCounts()
            elif isinstance(event, RequestsCounted):
                now = RequestCounts(**event.requests)
    spent.requests = spent.requests.plus(_named(now))
    return spent


def _named(counts: RequestCounts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in RequestCounts.__slots__}


def _events(path: Path) -> Iterator[Event]:
    with open_to_read(path) as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield event_of(json_text.parse(line))
