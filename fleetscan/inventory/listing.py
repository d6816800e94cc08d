"""The fleet of an identity, step by step: its subscriptions, their VMs from Resource Graph, and from Compute
those of every subscription for which Graph could not be relied on.

Graph shows nothing, without an error, of what one may not read. So a subscription without a row is not empty
until Compute says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fleetscan.inventory.bulk import Bulk
from fleetscan.inventory.choice import Choice, choose, is_id
from fleetscan.inventory.compute import ComputeListing, list_machines, list_silent
from fleetscan.inventory.from_file import InventoryFile
from fleetscan.inventory.graph_pages import batches
from fleetscan.inventory.hybrid_compute import with_servers
from fleetscan.inventory.pages import Pages
from fleetscan.inventory.resource_graph import GraphBroken, GraphListing, query_machines
from fleetscan.inventory.selection import each_once, is_skipped, of_subscriptions
from fleetscan.inventory.subscriptions import Subscription, Subscriptions, list_subscriptions
from fleetscan.model import InventoryError, Target
from fleetscan.records.run import Scope, ScopeSubscription, ShardScope

# The code of a subscription that could not be listed where Resource Graph alone may be asked.
GRAPH_FAILED = "ResourceGraphFailed"
# Subscriptions that a note names.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Fleet:
    """The VMs to be assessed, what could not be listed (`errors`) and what a person should know (`notes`).

    `subscriptions` are those whose VMs were read, `not_enabled` the visible ones passed over. Resource Graph
    may know nothing of the VMs of those `through_compute`, which are lower-case ids. Of a fleet that was
    listed before only the `listed_scope` is known of these. `refused` are VMs that were listed and are not
    selected, each with the rule that leaves it out; where that is all of them, `emptied_by` is the last.
    `uniform_scale_set_vms` are in scale sets and in no listing, None where their number is not told. Of a
    part of the fleet `shard` says which.
    """

    targets: list[Target]
    subscriptions: tuple[Subscription, ...] = ()
    not_enabled: tuple[Subscription, ...] = ()
    errors: list[InventoryError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    listed_scope: Scope | None = None
    through_compute: frozenset[str] = frozenset()
    refused: list[tuple[Target, str]] = field(default_factory=list)
    emptied_by: str | None = None
    uniform_scale_set_vms: int | None = None
    shard: ShardScope | None = None

    @property
    def is_nothing_listed(self) -> bool:
        """Whether no part of the fleet could be listed; not so where there is none, or others list some."""
        return bool(self.errors) and not self.subscriptions and not self.targets and not self.has_others

    @property
    def has_others(self) -> bool:
        """Whether other shards have subscriptions of their own."""
        return not all(self._may_be_ours())

    @property
    def is_all_of_others(self) -> bool:
        """Whether other shards have all subscriptions, so that there is none to list."""
        return self.has_others and not any(self._may_be_ours())

    def _may_be_ours(self) -> list[bool]:
        """Of each subscription that could be listed, whether this shard has VMs of it."""
        if self.shard is None:
            return []
        own = None, self.shard["number"]
        return [each["shard"] in own for each in self.shard["subscriptions"]]

    @property
    def scope(self) -> Scope:
        """The subscriptions as run.json names them."""
        if self.listed_scope is not None:
            return self.listed_scope if self.shard is None else {**self.listed_scope, "shard": self.shard}
        return {
            "subscriptions": [_as_json(subscription) for subscription in self.subscriptions],
            "not_enabled": [_as_json(subscription) for subscription in self.not_enabled],
            "uniform_scale_set_vms": self.uniform_scale_set_vms,
            "shard": self.shard,
        }


def _as_json(subscription: Subscription) -> ScopeSubscription:
    return {
        "subscription_id": subscription.id,
        "name": subscription.name,
        "state": subscription.state,
        "tenant_id": subscription.tenant_id,
    }


class Listing:
    """One listing of the fleet; `named` are subscriptions' ids or names, none for all that are enabled.

    Its caller calls the four methods in this order, reads the listings each returns side by side, and hands
    their results, in their order, to the next:

        [subscriptions] = await ask([listing.subscriptions()])
        graph = await ask(listing.graph(subscriptions))
        compute = await ask(listing.compute(graph))
        fleet = listing.fleet(compute)

    Set before, `hand_on` gets VMs while more are read: pages of Graph, and whole subscriptions of Compute.
    The fleet may have them under other facts, or not at all.
    """

    def __init__(
        self,
        endpoint: str,
        named: Sequence[str],
        source: str = "auto",
        where: Sequence[str] = (),
        *,
        include_arc: bool = False,
    ) -> None:
        """`source` says where VMs are listed: through Graph alone, Compute alone, or as the two allow.

        The clauses of `where` may leave out VMs that were not asked for.
        """
        self._endpoint = endpoint
        self._named = named
        self._source = source
        self._where = where
        self._include_arc = include_arc
        self.hand_on: Callable[[list[Target]], None] | None = None
        self._errors: list[InventoryError] = []
        self._bulk = Bulk()
        self._choice = Choice(())
        self._listed: list[Subscription] = []
        self._targets: list[Target] = []
        self._notes: list[str] = []

    def subscriptions(self) -> Pages[Subscriptions]:
        """The first step: which subscriptions are visible."""
        return list_subscriptions(self._endpoint, self._bulk)

    def graph(
        self, subscriptions: Subscriptions, narrow: Callable[[Choice], Choice] = lambda choice: choice
    ) -> list[Pages[GraphListing | GraphBroken]]:
        """The second: a query for every few hundred chosen subscriptions, of those that `narrow` leaves."""
        self._choice = narrow(choose(subscriptions, self._named))
        self._notes.extend(self._choice.notes)
        if self._source == "compute":
            return []
        return [
            query_machines(
                self._endpoint,
                batch,
                self._bulk,
                self._where,
                include_arc=self._include_arc,
                hand_on=self.hand_on,
            )
            for batch in batches(self._choice.chosen)
        ]

    @property
    def selected(self) -> tuple[Subscription, ...]:
        """The subscriptions whose VMs are listed, once that is decided."""
        return (*self._choice.chosen, *self._choice.unseen)

    @property
    def chosen(self) -> tuple[Subscription, ...]:
        """The subscriptions that Graph is asked about, once that is decided."""
        return () if self._source == "compute" else self._choice.chosen

    def compute(self, answers: Iterable[GraphListing | GraphBroken]) -> list[Pages[ComputeListing]]:
        """The third: Compute's list of every subscription that Graph did not list, or showed nothing of."""
        remaining = list(self._choice.unseen)
        if self._source == "compute":
            remaining += self._choice.chosen
        silent: list[Subscription] = []
        for answer in answers:
            match answer:
                case GraphListing():
                    told = {
                        target.subscription_id.lower() for target in answer.targets if not target.is_arc
                    } | answer.holding
                    self._listed += [each for each in answer.subscriptions if each.key in told]
                    silent += [each for each in answer.subscriptions if each.key not in told]
                    self._targets.extend(answer.targets)
                case GraphBroken() if self._source == "resource-graph":
                    self._errors += [_broken(each, answer.why) for each in answer.subscriptions]
                case GraphBroken():
                    remaining.extend(answer.subscriptions)
                    note = (
                        f"Resource Graph {answer.why}: {_count(answer.subscriptions)} listed through Compute"
                    )
                    self._notes.append(note)
        if self._source == "resource-graph":
            # It shows nothing of a subscription that does not exist: what is silent is taken for empty.
            self._listed += silent
            self._errors += [_broken(each, "alone cannot tell whether it exists") for each in remaining]
            return []
        return [
            *(self._beside(list_machines, subscription) for subscription in remaining),
            *(self._beside(list_silent, subscription) for subscription in silent),
        ]

    def _beside(
        self,
        list_vms: Callable[[str, Subscription, Bulk], Pages[ComputeListing]],
        subscription: Subscription,
    ) -> Pages[ComputeListing]:
        """The VMs of a subscription through Compute; where they were asked for its Arc servers, too."""
        listed = list_vms(self._endpoint, subscription, self._bulk)
        if self._include_arc:
            listed = with_servers(self._endpoint, subscription, self._bulk, listed)
        return listed if self.hand_on is None else _handed_on(listed, self.hand_on)

    def fleet(self, listings: Sequence[ComputeListing]) -> Fleet:
        """The end: everything that was listed, each VM once."""
        failures = [listing.error for listing in listings if listing.error is not None]
        read = [listing.subscription for listing in listings if listing.error is None]
        listed = [target for listing in listings for target in listing.targets]
        targets = each_once([*self._targets, *listed])
        hidden = [listing.subscription for listing in listings if listing.is_hidden]
        if hidden:
            self._notes.append(_note_of_hidden(hidden))
        return Fleet(
            targets,
            subscriptions=(*self._listed, *read),
            not_enabled=self._choice.not_enabled,
            errors=[*self._choice.errors, *self._errors, *failures],
            notes=[*self._notes, *(listing.note for listing in listings if listing.note is not None)],
            through_compute=frozenset(listing.subscription.key for listing in listings if listing.targets),
        )


def _handed_on(
    pages: Pages[ComputeListing], hand_on: Callable[[list[Target]], None]
) -> Pages[ComputeListing]:
    listing = yield from pages
    hand_on(listing.targets)
    return listing


def _broken(subscription: Subscription, why: str) -> InventoryError:
    """That a subscription cannot be listed through Resource Graph, where that alone may be asked."""
    return InventoryError(subscription.id, GRAPH_FAILED, f"Resource Graph {why}", None)


def _note_of_hidden(hidden: Sequence[Subscription]) -> str:
    """That Graph cannot be believed for these subscriptions; the first few are named."""
    named = ", ".join(subscription.id for subscription in hidden[:NAMED])
    more = f" and {len(hidden) - NAMED:,} more" if len(hidden) > NAMED else ""
    shows = f"Resource Graph shows no VM of {named}{more}, but Compute does"
    return f"{shows}: {_count(hidden)} listed through Compute"


def _count(subscriptions: Sequence[Subscription]) -> str:
    return "1 subscription is" if len(subscriptions) == 1 else f"{len(subscriptions):,} subscriptions are"


def names_in(named: Sequence[str], file: InventoryFile) -> list[str]:
    """Those of the `named` subscriptions that the file's ids cannot tell: names, to be looked up at Azure."""
    present = {target.subscription_id.lower() for target in file.targets}
    return [value for value in named if not is_id(value) and value.lower() not in present]


def fleet_of_file(file: InventoryFile, named: Sequence[str], looked_up: Choice | None = None) -> Fleet:
    """The VMs of an inventory file that are in the subscriptions `named`, all of them when none is.

    `looked_up` is what Azure knows of the `names_in` them, where there are such.
    """
    names = set(names_in(named, file))
    found = () if looked_up is None else looked_up.chosen
    ids = dict.fromkeys(
        [*(value.lower() for value in named if value not in names), *(each.key for each in found)]
    )
    targets = of_subscriptions(file.targets, ids if named else None)
    notes = [] if file.note is None else [file.note]
    if file.duplicates:
        lines = "1 line" if file.duplicates == 1 else f"{file.duplicates:,} lines"
        notes.append(f"{lines} of {file.name} dropped: the VM was named before")
    present = {target.subscription_id.lower() for target in targets}
    notes += [f"{file.name} has no VM in subscription {each}" for each in ids if each not in present]
    return Fleet(targets, errors=[] if looked_up is None else list(looked_up.errors), notes=notes)


def note_of_skipped(targets: Iterable[Target], name: str) -> str | None:
    """What to say of those `targets` that the inventory file `name` alone says do not run; None of none."""
    skipped = sum(map(is_skipped, targets))
    if not skipped:
        return None
    are, they = ("1 VM is", "it does") if skipped == 1 else (f"{skipped:,} VMs are", "they do")
    return f"{are} skipped because the inventory {name} says that {they} not run"
