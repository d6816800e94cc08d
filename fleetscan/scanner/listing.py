"""The fleet that the settings select: read from a file, or listed by Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

import anyio

from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.retrying import Retrying
from fleetscan.errors import NothingListedError, Remedy, StoppedError
from fleetscan.inventory.choice import NOT_FOUND, Choice, choose
from fleetscan.inventory.from_file import InventoryFile, read_inventory
from fleetscan.inventory.listing import Fleet, Listing, fleet_of_file, names_in, note_of_skipped
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.selection import first
from fleetscan.inventory.subscriptions import list_subscriptions
from fleetscan.model import InventoryError
from fleetscan.scanner.blocking import unless_stopped
from fleetscan.scanner.dispatcher import Dispatcher, Halt
from fleetscan.scanner.earlier_place import refuse_elsewhere
from fleetscan.scanner.hooks import Hooks
from fleetscan.settings.declared import PlanSettings

T = TypeVar("T")

# A person waits for a listing, and Compute replaces Resource Graph where that fails: four tries, some 5 s.
LISTING_ATTEMPTS = 4
# Subscriptions that an error names.
TOLD = 3


class Ask(Protocol):
    """Runs listings concurrently and returns what each returned, in their order."""

    async def __call__(self, listings: Iterable[Pages[T]]) -> list[T]:
        """Run all of them to their ends."""
        ...


async def read_fleet(
    settings: PlanSettings,
    dispatcher: Dispatcher,
    *,
    chance: Callable[[], float],
    hooks: Hooks,
    stop: anyio.Event,
    deadline_at: float | None = None,
) -> Fleet:
    """`list_fleet` through `dispatcher`; `hooks` gets the notes and what could not be listed.

    Raises StoppedError at once when `stop` is set or the deadline has come: there are no results to wait for.
    """
    retrying = Retrying(chance, attempts=LISTING_ATTEMPTS)

    async def ask(listings: Iterable[Pages[T]]) -> list[T]:
        listing_jobs = [ListingJob(pages, retrying) for pages in listings]
        await dispatcher.run(listing_jobs, stop, Halt(deadline_at=deadline_at))
        return [listing_job.result for listing_job in listing_jobs]

    hooks.phase("listing")
    try:
        fleet = await list_fleet(settings, ask, stop, deadline_at)
    except StoppedError:
        raise stopped_early(is_told=stop.is_set()) from None
    if not fleet.targets:
        hooks.warning("no VMs found", Remedy("check the selection and the permissions of the identity"))
    for note in fleet.notes:
        hooks.warning(note)
    for error in fleet.errors:
        hooks.inventory_error(error)
    return fleet


def stopped_early(*, is_told: bool) -> StoppedError:
    """What ends a scan that was stopped before its first start, by a person or else by its deadline."""
    why = "before all VMs were listed; no assessment was started"
    if is_told:
        return StoppedError(f"stopped {why}")
    return StoppedError(
        f"the deadline passed {why}", Remedy("allow more time: {deadline_s}", {"deadline_s": None})
    )


async def list_fleet(
    settings: PlanSettings, ask: Ask, stop: anyio.Event, deadline_at: float | None = None
) -> Fleet:
    """The VMs that `settings` select. Raises NothingListedError if no part of the fleet could be listed."""
    if settings.inventory is not None:
        refuse_elsewhere(settings)
        file = await unless_stopped(partial(read_inventory, settings.inventory), stop, deadline_at)
        fleet = fleet_of_file(file, settings.subscription, await _looked_up(settings, file, ask))
    else:
        fleet = await _listed(settings, ask)
    if fleet.is_nothing_listed:
        raise NothingListedError(*_nothing(fleet))
    targets = first(fleet.targets, settings.limit)
    note = None if settings.inventory is None else note_of_skipped(targets, settings.inventory)
    return replace(fleet, targets=targets, notes=[*fleet.notes, *([note] if note else [])])


async def _looked_up(settings: PlanSettings, file: InventoryFile, ask: Ask) -> Choice | None:
    """What the names among the subscriptions mean; None, and no request, where all of them are ids."""
    names = names_in(settings.subscription, file)
    if not names:
        return None
    [subscriptions] = await ask([list_subscriptions(settings.endpoint)])
    return choose(subscriptions, names)


async def _listed(settings: PlanSettings, ask: Ask) -> Fleet:
    listing = Listing(settings.endpoint, settings.subscription)
    [subscriptions] = await ask([listing.subscriptions()])
    graph = await ask(listing.graph(subscriptions))
    compute = await ask(listing.compute(graph))
    return listing.fleet(compute)


def _nothing(fleet: Fleet) -> tuple[str, Remedy | None]:
    error = fleet.errors[0]
    where = f"subscription {error.subscription_id}" if error.subscription_id else "the list of subscriptions"
    if error.code == NOT_FOUND:
        return f"no VMs could be listed: {unfound(fleet.errors)}", None
    if error.http_status is None:
        why = f"{where} cannot be reached ({error.message})"
        return f"no VMs could be listed: {why}", Remedy(
            "check {endpoint} and the network", {"endpoint": None}
        )
    said = " ".join(part for part in (error.code, error.message) if part)
    check = error.remedy or "check {endpoint}, and that the identity can read the subscriptions"
    return (
        f"no VMs could be listed: {where} answered {error.http_status} ({said})",
        Remedy(check, {"endpoint": None}),
    )


def unfound(errors: Sequence[InventoryError]) -> str:
    """What is said where none of the subscriptions that were named was found; the first few are told."""
    said = [
        f"subscription {error.subscription_id}: {error.message}"
        if error.subscription_id
        else f"{error.message}"
        for error in errors
    ]
    return "; ".join(said[:TOLD]) + (f"; and {len(said) - TOLD:,} more" if len(said) > TOLD else "")
