"""What Resource Graph knows besides, given to the VMs of a listing before any is started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from fleetscan.inventory.known_facts import KnownOfBatch, batches_of, query_known
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Target
from fleetscan.records.known_facts import ASSESSMENTS, INSTALLATIONS, MACHINES, MAINTENANCE, NOTHING_KNOWN
from fleetscan.scanner.selecting import Ask

# What stays unknown where a table cannot be read.
UNKNOWN = {
    MACHINES: "all facts",
    ASSESSMENTS: "patch services",
    INSTALLATIONS: "last installations",
    MAINTENANCE: "maintenance schedules",
}


async def with_known(fleet: Fleet, endpoint: str, ask: Ask, now: datetime) -> Fleet:
    """`fleet` with what Resource Graph knows of each VM, and notes on what it could not tell.

    A batch of subscriptions at a time: of one alone are all rows held.
    """
    ids = {target.subscription_id.lower(): target.subscription_id for target in fleet.targets}
    machines = Counter(target.subscription_id.lower() for target in fleet.targets)
    places: dict[str, list[int]] = {}
    for place, target in enumerate(fleet.targets):
        places.setdefault(target.subscription_id.lower(), []).append(place)
    targets, scopes, read = list(fleet.targets), dict[str, str | None](), list[KnownOfBatch]()
    for batch in batches_of(machines):
        [told] = await ask([query_known(endpoint, [ids[each] for each in batch], now, scopes)])
        for place in (place for each in batch for place in places[each]):
            known = told.by_machine.get(targets[place].key, NOTHING_KNOWN)
            targets[place] = replace(targets[place], known=known)
        told.by_machine.clear()
        read.append(told)
    return replace(fleet, targets=targets, notes=[*fleet.notes, *_notes(targets, read)])


def _notes(targets: Sequence[Target], read: Sequence[KnownOfBatch]) -> Iterator[str]:
    for table, unknown in UNKNOWN.items():
        whys = [told.refused[table] for told in read if table in told.refused]
        if whys:
            where = "" if len(whys) == len(read) else " in some subscriptions"
            yield f"Resource Graph {whys[0]}: {unknown} are unknown{where}"
    if arc := sum(target.is_arc for target in targets):
        servers = "1 Arc server" if arc == 1 else f"{arc:,} Arc servers"
        yield f"facts are read of VMs alone: none are known of {servers}"
    unseen = sum(target.known == NOTHING_KNOWN and not target.is_arc for target in targets)
    if unseen and not any(MACHINES in told.refused for told in read):
        vms = "1 VM" if unseen == 1 else f"{unseen:,} VMs"
        yield f"Resource Graph does not show {vms}: no facts are known of {'it' if unseen == 1 else 'them'}"
    if dynamic := sum(told.dynamic for told in read):
        are = "1 maintenance schedule is" if dynamic == 1 else f"{dynamic:,} maintenance schedules are"
        yield f"{are} attached by dynamic scopes: the VMs that have them are not known"
