"""What the settings select: rules made of them, with names and management groups looked up at Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias, TypeVar

from fleetscan.errors import SettingError
from fleetscan.inventory.choice import Choice, choose
from fleetscan.inventory.division import Division
from fleetscan.inventory.from_file import InventoryFile
from fleetscan.inventory.graph_pages import batches
from fleetscan.inventory.listing import Fleet, Listing, fleet_of_file, names_in
from fleetscan.inventory.management_groups import list_below
from fleetscan.inventory.narrowing import Narrowing, within_groups, without
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.pushed import pushed
from fleetscan.inventory.resource_graph import GraphBroken, GraphListing, count_machines
from fleetscan.inventory.rules import EXCLUDE, KINDS, Rule, words_of
from fleetscan.inventory.scale_sets import UniformSets, UniformUntold, query_uniform, uniform_vms
from fleetscan.inventory.sifting import Selection
from fleetscan.inventory.subscriptions import Subscription, Subscriptions, list_subscriptions
from fleetscan.model import Target
from fleetscan.scanner.arc import without_arc
from fleetscan.scanner.parts import Parts
from fleetscan.scanner.sharding import counts_of_others, division_in
from fleetscan.settings.selecting import ListSettings

T = TypeVar("T")
Answer: TypeAlias = GraphListing | GraphBroken | UniformSets | UniformUntold


class Ask(Protocol):
    """Runs listings concurrently and returns what each returned, in their order."""

    async def __call__(self, listings: Iterable[Pages[T]]) -> list[T]:
        """Run all of them to their ends."""
        ...


def selection_in(settings: ListSettings) -> Selection:
    """The rules of `settings` on what a VM is. Raises UsageError where no VM can pass them together, or the
    fleet cannot be divided as it is asked for.
    """
    division_in(settings)
    names = [prefix + kind for kind in KINDS for prefix in ("", EXCLUDE)]
    try:
        return Selection({name: getattr(settings, name) for name in names})
    except ValueError as refusal:
        raise SettingError("tag", str(refusal)) from None


def sifted(
    fleet: Fleet, selection: Selection, outside: Callable[[Target], str | None] | None = None
) -> Fleet:
    """`fleet` without what is not selected; `outside` names a rule on the VM's subscription."""
    result = selection.sift(fleet.targets, outside)
    return replace(
        fleet,
        targets=result.kept,
        refused=[*fleet.refused, *result.refused],
        emptied_by=result.emptied_by,
        notes=[*fleet.notes, *result.notes],
    )


async def narrowing_in(settings: ListSettings, ask: Ask) -> Callable[[Sequence[Subscription]], Narrowing]:
    """What narrows the subscriptions, once those are told that are seen.

    Raises NothingListedError where a management group cannot be read that has to be known; what it returns
    raises UsageError for a name that is not known.
    """
    asked = [*settings.management_group, *settings.exclude_management_group]
    groups = await ask([list_below(settings.endpoint, each) for each in asked]) if asked else []
    inside = within_groups(groups[: len(settings.management_group)])
    outside = groups[len(settings.management_group) :]
    return lambda seen: without(inside, outside, settings.exclude_subscription, seen)


async def fleet_at_azure(
    settings: ListSettings,
    selection: Selection,
    ask: Ask,
    *,
    is_everything: bool,
    parts: Parts | None = None,
) -> Fleet:
    """The fleet as Azure lists it, sifted; with `is_everything` what is left out is listed, too.

    `parts` gets VMs of the fleet while more are read, and the fleet has all of these.
    """
    narrowing_of = await narrowing_in(settings, ask)
    rules = [] if is_everything else pushed(selection.rules)
    listing = _listing(settings, rules, is_everything=is_everything)
    [subscriptions] = await ask([listing.subscriptions()])
    narrowing = narrowing_of(subscriptions.seen)
    named = choose(subscriptions, settings.subscription)
    narrowing = narrowing.with_note_of_unseen(subscriptions.seen)
    chosen = frozenset(each.key for each in (*named.chosen, *named.unseen))
    outside = _outside(settings, narrowing, chosen)
    division, everyone = division_in(settings), narrowing.narrowed(named)
    if parts is not None:
        listing.hand_on = _handing_on(parts, selection, outside, division)
    narrow = _beside(named, narrowing) if is_everything else _ours(narrowing, division)
    graph = listing.graph(subscriptions, narrow)
    if parts is not None:
        parts.subscription_ids = [each.id for each in listing.selected]
    sets = [] if is_everything else [*_scale_sets(settings, listing)]
    fleet = sifted(await _read(listing, graph, sets, selection.rules, ask), selection, outside)
    if division is not None:
        fleet = await _divided(fleet, division, (*everyone.chosen, *everyone.unseen), settings, ask)
    if parts is not None:
        fleet = replace(fleet, targets=parts.joined_by(fleet.targets))
    if rules and not fleet.targets and fleet.emptied_by is None and settings.inventory_source != "compute":
        return replace(fleet, emptied_by=await _emptied_by(settings, fleet, rules, ask))
    return fleet


def _listing(settings: ListSettings, rules: Sequence[tuple[Rule, str]], *, is_everything: bool) -> Listing:
    return Listing(
        settings.endpoint,
        () if is_everything else settings.subscription,
        settings.inventory_source,
        [clause for _, clause in rules],
        include_arc=settings.include_arc,
    )


def _ours(narrowing: Narrowing, division: Division | None) -> Callable[[Choice], Choice]:
    if division is None:
        return narrowing.narrowed
    return lambda choice: division.narrowed(narrowing.narrowed(choice))


def _handing_on(
    parts: Parts,
    selection: Selection,
    outside: Callable[[Target], str | None] | None,
    division: Division | None,
) -> Callable[[list[Target]], None]:
    def hand_on(targets: list[Target]) -> None:
        kept = selection.sift(targets, outside).kept
        parts.take(kept if division is None else division.kept(kept))

    return hand_on


async def _divided(
    fleet: Fleet, division: Division, visible: Sequence[Subscription], settings: ListSettings, ask: Ask
) -> Fleet:
    """What of the fleet is this shard's, and how many VMs the others have: not known with rules."""
    is_countable = settings.inventory_source != "compute" and not selection_in(settings).rules
    counts = await ask(counts_of_others(settings, division, visible)) if is_countable else []
    return division.part_of(fleet, visible, counts)


def _scale_sets(settings: ListSettings, listing: Listing) -> Iterator[Pages[UniformSets | UniformUntold]]:
    for batch in batches(listing.chosen):
        yield query_uniform(settings.endpoint, [each.id for each in batch])


async def _read(
    listing: Listing,
    graph: Sequence[Pages[GraphListing | GraphBroken]],
    sets: Sequence[Pages[UniformSets | UniformUntold]],
    rules: Sequence[Rule],
    ask: Ask,
) -> Fleet:
    """The fleet that Graph tells of, with what Compute has to be asked for, and the scale sets beside it."""
    answers: list[Answer] = await ask([*graph, *sets])
    listed = [each for each in answers if isinstance(each, GraphListing | GraphBroken)]
    fleet = listing.fleet(await ask(listing.compute(listed)))
    if not sets:
        return fleet
    uniform = [each for each in answers if isinstance(each, UniformSets | UniformUntold)]
    return replace(fleet, uniform_scale_set_vms=uniform_vms(uniform, rules))


async def _emptied_by(
    settings: ListSettings, fleet: Fleet, rules: Sequence[tuple[Rule, str]], ask: Ask
) -> str | None:
    """The words of the rule after which Graph counts no VM of some; None where it has none, or cannot say."""
    ids = [each.id for each in fleet.subscriptions]
    clauses = [clause for _, clause in rules]
    for number in range(len(rules) + 1):
        where = clauses[:number]
        counts = await ask(
            count_machines(settings.endpoint, batch, where, include_arc=settings.include_arc)
            for batch in batches(ids)
        )
        if any(isinstance(count, str) for count in counts):
            return None
        if not any(counts):
            return rules[number - 1][0].words if number else None
    return None


def _beside(named: Choice, narrowing: Narrowing) -> Callable[[Choice], Choice]:
    """All subscriptions, and what there is to say of those that are `named`."""

    def choice_of(every: Choice) -> Choice:
        chosen = {each.key: each for each in (*named.chosen, *every.chosen)}
        return Choice(
            tuple(chosen.values()),
            named.unseen,
            every.not_enabled,
            (*named.errors, *narrowing.errors),
            (*named.notes, *narrowing.notes),
        )

    return choice_of


def _outside(
    settings: ListSettings, narrowing: Narrowing, chosen: frozenset[str]
) -> Callable[[Target], str | None] | None:
    """What leaves a VM out by its subscription; those that are `chosen` were asked for. None for nothing."""
    if not settings.subscription and narrowing.within is None and not narrowing.excluded:
        return None

    def outside(target: Target) -> str | None:
        if settings.subscription and target.subscription_id.lower() not in chosen:
            return words_of("subscription", settings.subscription)
        return narrowing.refused_by(target.subscription_id)

    return outside


async def fleet_in_file(settings: ListSettings, file: InventoryFile, selection: Selection, ask: Ask) -> Fleet:
    """The fleet of an inventory file, sifted. Azure is asked only what names and groups stand for."""
    narrowing_of = await narrowing_in(settings, ask)
    known = {each.subscription_id.lower(): Subscription(each.subscription_id) for each in file.targets}
    subscriptions, looked_up = Subscriptions(tuple(known.values())), None
    if names_in([*settings.subscription, *settings.exclude_subscription], file):
        [subscriptions] = await ask([list_subscriptions(settings.endpoint)])
        if names := names_in(settings.subscription, file):
            looked_up = choose(subscriptions, names)
    seen = {each.key: each for each in subscriptions.seen}
    narrowing = narrowing_of([*seen.values(), *(known[key] for key in known.keys() - seen.keys())])
    fleet = fleet_of_file(file, settings.subscription, looked_up)
    chosen = frozenset(each.subscription_id.lower() for each in fleet.targets)
    fleet = replace(
        fleet,
        targets=file.targets,
        errors=[*fleet.errors, *narrowing.errors],
        notes=[*fleet.notes, *narrowing.notes],
    )
    fleet = without_arc(fleet, file.name, include_arc=settings.include_arc)
    fleet = sifted(fleet, selection, _outside(settings, narrowing, chosen))
    return in_part(fleet, settings)


def in_part(fleet: Fleet, settings: ListSettings) -> Fleet:
    """What of a fleet that is known as a whole is this shard's; all of it where none is named."""
    division = division_in(settings)
    if division is None:
        return fleet
    known = {each.subscription_id.lower(): each for each in fleet.targets}
    visible = [Subscription(each.subscription_id, each.subscription_name) for each in known.values()]
    return division.sized(fleet.targets).part_of(fleet, visible)
