"""Arc servers that a file or an earlier run names: left out unless they are asked for, with a note."""

from __future__ import annotations

from dataclasses import replace

from fleetscan.inventory.listing import Fleet

# Stands where a rule of the selection would.
NOT_INCLUDED = "include-arc, which is off"


def without_arc(fleet: Fleet, source: str, *, include_arc: bool) -> Fleet:
    """`fleet`, which `source` names, without its Arc servers unless they are to be scanned."""
    servers = [] if include_arc else [target for target in fleet.targets if target.is_arc]
    if not servers:
        return fleet
    are, them = (
        ("1 Arc server is", "it") if len(servers) == 1 else (f"{len(servers):,} Arc servers are", "them")
    )
    note = f"{are} left out of {source}: an assessed Arc server can be billed; set include-arc to scan {them}"
    return replace(
        fleet,
        targets=[target for target in fleet.targets if not target.is_arc],
        refused=[*fleet.refused, *((target, NOT_INCLUDED) for target in servers)],
        notes=[*fleet.notes, note],
    )
