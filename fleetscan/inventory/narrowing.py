"""Which subscriptions the selection leaves: those below management groups, without the excluded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fleetscan.errors import NothingListedError, Remedy, UsageError
from fleetscan.inventory.choice import Choice, find, is_id, not_found
from fleetscan.inventory.management_groups import ManagementGroup
from fleetscan.inventory.rules import words_of
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import InventoryError

# Subscriptions that a note names.
NAMED = 3
READER = "give the identity the role Management Group Reader there, and check the id: "


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The subscriptions, by lower-case ids, that are selected whatever is in them.

    `within` is None where no management group is asked for. `errors` tell the groups that could not be read.
    """

    within: frozenset[str] | None = None
    within_words: str = ""
    excluded: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[InventoryError, ...] = ()
    notes: tuple[str, ...] = ()

    def refused_by(self, subscription_id: str) -> str | None:
        """The rule that leaves out a subscription's VMs, as a person wrote it."""
        key = subscription_id.lower()
        if self.within is not None and key not in self.within:
            return self.within_words
        return self.excluded.get(key)

    def narrowed(self, choice: Choice) -> Choice:
        """`choice` without what is left out, and a note where nothing remains of it."""
        chosen, unseen = self._kept(choice.chosen), self._kept(choice.unseen)
        notes = [*choice.notes, *self.notes]
        gone = [*choice.chosen, *choice.unseen]
        if gone and not chosen and not unseen:
            words = dict.fromkeys(self.refused_by(each.id) or "" for each in gone)
            notes.append(f"no subscription is left by {' '.join(words)}")
        return replace(
            choice,
            chosen=chosen,
            unseen=unseen,
            not_enabled=self._kept(choice.not_enabled),
            errors=(*choice.errors, *self.errors),
            notes=tuple(notes),
        )

    def with_note_of_unseen(self, seen: Iterable[Subscription]) -> Narrowing:
        """The same, with a note on those of the groups' subscriptions that the identity cannot see."""
        unseen = (self.within or frozenset()) - {each.key for each in seen} - self.excluded.keys()
        if not unseen:
            return self
        are = "1 subscription is" if len(unseen) == 1 else f"{len(unseen):,} subscriptions are"
        named = ", ".join(sorted(unseen)[:NAMED])
        note = f"{are} below {self.within_words} and not visible to the identity: {named}"
        return replace(self, notes=(*self.notes, note))

    def _kept(self, subscriptions: Sequence[Subscription]) -> tuple[Subscription, ...]:
        return tuple(each for each in subscriptions if self.refused_by(each.id) is None)


def within_groups(groups: Sequence[ManagementGroup]) -> Narrowing:
    """Only what is below one of `groups`; everything where there are none.

    Raises NothingListedError where none of them can be read.
    """
    errors = tuple(group.error for group in groups if group.error is not None)
    if not groups:
        return Narrowing()
    if len(errors) == len(groups):
        raise NothingListedError(
            f"no VMs could be listed: {errors[0].message}",
            Remedy(f"{READER}{{management_group}}", {"management_group": None}),
        )
    words = words_of("management_group", [group.id for group in groups])
    return Narrowing(frozenset().union(*(group.subscriptions for group in groups)), words, errors=errors)


def without(
    narrowing: Narrowing,
    groups: Iterable[ManagementGroup],
    named: Sequence[str],
    seen: Sequence[Subscription],
) -> Narrowing:
    """`narrowing` without what is below `groups` and without the subscriptions `named`, which are `seen`.

    Raises NothingListedError where a group cannot be read, and UsageError for a name that none or several
    have: their VMs must not be scanned. An id that is not seen has no VMs to leave out; a note says so.
    """
    excluded: dict[str, str] = {}
    for group in groups:
        if group.error is not None:
            raise NothingListedError(
                f"what to leave out is not known: {group.error.message}",
                Remedy(f"{READER}{{exclude_management_group}}", {"exclude_management_group": None}),
            )
        words = words_of("exclude_management_group", [group.id])
        excluded |= {each: words for each in group.subscriptions if each not in excluded}
    notes: list[str] = []
    for value in named:
        words = words_of("exclude_subscription", [value])
        found, _ = find([value], seen)
        excluded.setdefault(found[0].key if found else value.lower(), words)
        if found:
            continue
        unseen = not_found(value, seen, "the subscriptions that the identity can see")
        if not is_id(value):
            raise UsageError(
                f"what to leave out is not known: {unseen.message}",
                Remedy("check {exclude_subscription}", {"exclude_subscription": None}),
            )
        notes.append(f"nothing is left out by {words}: {unseen.message}")
    return replace(narrowing, excluded=excluded, notes=(*narrowing.notes, *notes))
