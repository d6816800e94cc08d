"""The fleet that the settings select: read from a file, or listed by Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import anyio

from fleetscan.engine.listing_job import ListingJob
from fleetscan.engine.retrying import Retrying
from fleetscan.errors import NothingListedError, Remedy, StoppedError
from fleetscan.inventory.choice import NOT_FOUND
from fleetscan.inventory.from_file import read_inventory
from fleetscan.inventory.listing import GRAPH_FAILED, Fleet, note_of_skipped
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.rules import words_of
from fleetscan.inventory.selection import first
from fleetscan.model import InventoryError, Target
from fleetscan.scanner.blocking import unless_stopped
from fleetscan.scanner.dispatcher import MORE_TIME, Dispatcher, Halt
from fleetscan.scanner.earlier_place import refuse_elsewhere
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.parts import Parts
from fleetscan.scanner.selecting import Ask, fleet_at_azure, fleet_in_file, selection_in
from fleetscan.scanner.silence import to_reach
from fleetscan.settings.selecting import ListSettings

T = TypeVar("T")

# A person waits for a listing, and Compute replaces Resource Graph where that fails: four tries, some 5 s.
LISTING_ATTEMPTS = 4
# Subscriptions that an error names.
TOLD = 3


async def read_fleet(
    settings: ListSettings,
    ask: Ask,
    *,
    hooks: Hooks,
    stop: anyio.Event,
    deadline_at: float | None = None,
    is_everything: bool = False,
    known_at: datetime | None = None,
    parts: Parts | None = None,
) -> Fleet:
    """`list_fleet`; `hooks` gets the notes and what could not be listed.

    With `known_at`, which is now, what else Resource Graph knows of the VMs is read.

    Raises StoppedError at once when `stop` is set or the deadline has come: there are no results to wait for.
    """
    hooks.phase("listing")
    try:
        fleet = await list_fleet(settings, ask, stop, deadline_at, is_everything=is_everything, parts=parts)
        if known_at is not None:
            # It takes milliseconds to load, and few scans ask for it.
            from fleetscan.scanner.knowing import with_known

            fleet = await with_known(fleet, settings.endpoint, ask, known_at)
    except StoppedError:
        raise stopped_early(is_told=stop.is_set()) from None
    if not fleet.targets:
        hooks.warning(*none_found(fleet, settings))
    for note in fleet.notes:
        hooks.warning(note)
    for error in fleet.errors:
        hooks.inventory_error(error)
    return fleet


def asking(
    dispatcher: Dispatcher,
    chance: Callable[[], float],
    stop: anyio.Event,
    deadline_at: float | None = None,
    drain_s: float | None = None,
) -> Ask:
    """What runs listings through `dispatcher`; it raises StoppedError as `read_fleet` says.

    Where an earlier process started assessments, these get `drain_s` after a stop.
    """
    retrying = Retrying(chance, attempts=LISTING_ATTEMPTS)

    async def ask(listings: Iterable[Pages[T]]) -> list[T]:
        listing_jobs = [ListingJob(pages, retrying) for pages in listings]
        await dispatcher.run(listing_jobs, stop, Halt(drain_s, deadline_at))
        return [listing_job.result for listing_job in listing_jobs]

    return ask


def stopped_early(*, is_told: bool) -> StoppedError:
    """What ends a scan that was stopped before its first start, by a person or else by its deadline."""
    why = "before all VMs were listed; no assessment was started"
    if is_told:
        return StoppedError(f"stopped {why}")
    return StoppedError(f"the deadline passed {why}", MORE_TIME)


def none_found(fleet: Fleet, settings: ListSettings) -> tuple[str, Remedy]:
    """What is said where no VM is left, with the rule that left none, and what to do."""
    if fleet.emptied_by is not None:
        return f"no VMs selected: none is left by {fleet.emptied_by}", Remedy("check this rule")
    if fleet.is_all_of_others:
        fewer = (
            "the others have all subscriptions: have fewer shards, or cut them in another way with {shard_by}"
        )
        return f"no VMs in shard {settings.shard}", Remedy(fewer, {"shard_by": None})
    if settings.inventory is not None:
        file = "standard input" if settings.inventory == "-" else settings.inventory
        remedy = "check the file, and the command that writes it: {inventory}"
        return f"no VMs found: {file} names none", Remedy(remedy, {"inventory": None})
    where = {"subscription": settings.subscription, "management_group": settings.management_group}
    if words := " ".join(words_of(name, values) for name, values in where.items() if values):
        return f"no VMs found in {words}", Remedy("check this rule and the permissions of the identity")
    return "no VMs found", Remedy("check the selection and the permissions of the identity")


async def list_fleet(
    settings: ListSettings,
    ask: Ask,
    stop: anyio.Event,
    deadline_at: float | None = None,
    *,
    is_everything: bool = False,
    parts: Parts | None = None,
) -> Fleet:
    """The VMs that `settings` select; with `is_everything` the others are listed and `refused`, too.

    `parts` gets VMs that Azure lists while it lists more.

    Raises NothingListedError if no part of the fleet could be listed.
    """
    selection = selection_in(settings)
    if settings.inventory is not None:
        refuse_elsewhere(settings)
        file = await unless_stopped(partial(read_inventory, settings.inventory), stop, deadline_at)
        fleet = await fleet_in_file(settings, file, selection, ask)
    else:
        fleet = await fleet_at_azure(settings, selection, ask, is_everything=is_everything, parts=parts)
    if fleet.is_nothing_listed:
        raise NothingListedError(*_nothing(fleet))
    targets = first(fleet.targets, settings.limit)
    # They are not asked for again, and a scan would hold them to its end.
    refused = [*fleet.refused, *_beyond(fleet, targets)] if is_everything else []
    note = None if settings.inventory is None else note_of_skipped(targets, settings.inventory)
    return replace(fleet, targets=targets, refused=refused, notes=[*fleet.notes, *([note] if note else [])])


def _beyond(fleet: Fleet, targets: Sequence[Target]) -> Iterator[tuple[Target, str]]:
    """The selected VMs that a limit leaves out."""
    taken = {target.key for target in targets}
    words = words_of("limit", [str(len(targets))])
    return ((target, words) for target in fleet.targets if target.key not in taken)


def _nothing(fleet: Fleet) -> tuple[str, Remedy | None]:
    error = fleet.errors[0]
    where = f"subscription {error.subscription_id}" if error.subscription_id else "the list of subscriptions"
    if error.code == NOT_FOUND:
        return f"no VMs could be listed: {unfound(fleet.errors)}", None
    if error.code == GRAPH_FAILED:
        why = f"subscription {error.subscription_id}: {error.message}"
        remedy = Remedy("list them in another way: {inventory_source}", {"inventory_source": "auto"})
        return f"no VMs could be listed: {why}", remedy
    if error.http_status is None:
        why = f"{where} cannot be reached ({error.message})"
        return f"no VMs could be listed: {why}", to_reach(error.message or "")
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
