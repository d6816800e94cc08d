"""The fleet the settings select: out of a file, or listed by asking Azure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from fleetscan.errors import NothingListedError
from fleetscan.inventory.from_file import read_inventory
from fleetscan.inventory.listing import Fleet, Listing, fleet_of_file
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.selection import first
from fleetscan.settings import ScanSettings

T = TypeVar("T")


class Ask(Protocol):
    """Reads listings side by side and brings what each returned, in their order."""

    async def __call__(self, listings: Iterable[Pages[T]]) -> list[T]:
        """All of them, read to their ends."""
        ...


async def list_fleet(settings: ScanSettings, ask: Ask) -> Fleet:
    """The machines that `settings` select. Raises NothingListedError where no part could be listed."""
    if settings.inventory is not None:
        fleet = fleet_of_file(read_inventory(settings.inventory), settings.subscription)
    else:
        fleet = await _listed(settings, ask)
    if fleet.is_nothing_listed:
        raise NothingListedError(_nothing(fleet))
    return replace(fleet, targets=first(fleet.targets, settings.limit))


async def _listed(settings: ScanSettings, ask: Ask) -> Fleet:
    listing = Listing(settings.endpoint, settings.subscription)
    [subscriptions] = await ask([listing.subscriptions()])
    graph = await ask(listing.graph(subscriptions))
    compute = await ask(listing.compute(graph))
    return listing.fleet(compute)


def _nothing(fleet: Fleet) -> str:
    error = fleet.errors[0]
    where = f"subscription {error.subscription_id}" if error.subscription_id else "the list of subscriptions"
    if error.http_status is None:
        why = f"{where} is out of reach ({error.message})"
        return f"nothing could be listed: {why}; check --endpoint and the network"
    said = " ".join(part for part in (error.code, error.message) if part)
    return (
        f"nothing could be listed: {where} answered {error.http_status} ({said}); "
        "check the endpoint, and that the identity may read the subscriptions"
    )
