"""The part of the fleet that the settings have this process take, and what is asked to tell of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from fleetscan.errors import Remedy, UsageError
from fleetscan.inventory.division import Division
from fleetscan.inventory.graph_pages import batches
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.resource_graph import count_machines
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.settings.selecting import ListSettings
from fleetscan.shards import By, Shard


def division_in(settings: ListSettings) -> Division | None:
    """How `settings` divide the fleet, None where they do not. Raises UsageError where they cannot."""
    if settings.shard is None:
        if settings.shard_by == "subscription":
            return None
        which = Remedy("name the shard, or leave {shard_by} out", {"shard_by": None, "shard": None})
        raise UsageError("shard-by divides a fleet, and no shard is named", which)
    if settings.limit is not None:
        one = Remedy("leave one of them out: {shard} or {limit}", {"shard": None, "limit": None})
        raise UsageError("a limit is of a whole scan: its shards would each take as many VMs", one)
    if settings.shard_by == "size" and settings.inventory is None:
        how = Remedy(
            "give all shards one file, which `fleetscan inventory` prints: {inventory}", {"inventory": None}
        )
        raise UsageError("shards of equal size are cut from a file, so that all of them cut alike", how)
    return Division(Shard.of_text(settings.shard), cast(By, settings.shard_by))


def share_of(settings: ListSettings) -> float:
    """The part of a subscription's limits that this process may use: shards by VM share them."""
    division = division_in(settings)
    return settings.rate_share / (division.shard.of if division is not None and division.by == "vm" else 1)


def askers_of(settings: ListSettings) -> int:
    """How many processes share the limits that are not a subscription's, this one among them."""
    division = division_in(settings)
    return 1 if division is None or division.by == "vm" else division.shard.of


def counts_of_others(
    settings: ListSettings, division: Division, subscriptions: Sequence[Subscription]
) -> list[Pages[dict[str, int] | str]]:
    """Queries for how many VMs those of `subscriptions` have that are other shards'."""
    others = [each for each in subscriptions if not division.has_subscription(each.id)]
    return [
        count_machines(settings.endpoint, [each.id for each in batch], include_arc=settings.include_arc)
        for batch in batches(others)
    ]
