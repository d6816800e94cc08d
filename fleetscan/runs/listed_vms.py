"""The VMs that a run's journal says were listed, in two passes over it: none is held.

Nothing is checked against checksums and nothing is locked: for runs at work, and for those that were killed.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    `requests` are those of all processes, `last_at` the newest moment told, in s since 1970.
    """

    path: Path
    vms: int = 0
    skipped: int = 0
    errors: list[InventoryError] = field(default_factory=list)
    requests: RequestCounts = field(default_factory=RequestCounts)
    last_at: float = 0.0

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
        return _read(path, scan_id)
    except (OSError, ValueError):
        return None


def _read(path: Path, scan_id: str) -> Listing:
    listing, now = Listing(path), RequestCounts()
    begun = set[tuple[type[Event], int]]()
    is_whole = False
    for number, event in enumerate(_events(path)):
        listing.last_at = max(listing.last_at, getattr(event, "at", 0.0))
        match event:
            case Listed() if not is_whole:
                listing.vms += 1
            case FleetListed(errors=errors):
                listing.errors, is_whole = [*errors], True
            case ProcessBegan():
                if event.scan_id != scan_id:
                    raise ValueError("it is of another run")
                listing.requests, now = listing.requests.plus(now.told()), RequestCounts()  # type: ignore[arg-type]
                if not begun and not is_whole:
                    # It lists anew, as the story of a run has it.
                    listing.vms, listing.skipped = 0, number
            case StartSending(vm=vm) | VmEnded(vm=vm):
                begun.add((type(event), vm))
            case RowLost(vm=vm):
                begun.discard((VmEnded, vm))
            case RequestsCounted(requests=requests):
                now = RequestCounts(**requests)
            case _:
                pass
    listing.requests = listing.requests.plus(now.told())  # type: ignore[arg-type]
    if not is_whole:
        if not listing.vms:
            raise ValueError("it lists no VM")
        listing.errors = [listing_stopped(listing.vms)]
    return listing


def _events(path: Path) -> Iterator[Event]:
    with open_to_read(path) as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield event_of(json_text.parse(line))
