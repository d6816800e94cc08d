"""Which subscriptions are listed: all that work, or those named by id or by name. Pure.

A value that has an id's form is an id and never a name. A name may look like anything else; it is compared
exactly first, then without case, and it must mean one subscription alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleetscan.errors import Remedy, UsageError
from fleetscan.inventory.subscriptions import Subscription, Subscriptions
from fleetscan.model import InventoryError
from fleetscan.nearest import nearest

NOT_FOUND = "SubscriptionNotFound"
ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
SHOWN_CHARS = 80
# Ids that a refusal names.
NAMED = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """The subscriptions to list, and the visible ones passed over because of their state.

    `unseen` were named while the list of subscriptions was in doubt: only Compute says whether they exist,
    because Resource Graph finds nothing in a subscription that does not exist.
    """

    chosen: tuple[Subscription, ...]
    unseen: tuple[Subscription, ...] = ()
    not_enabled: tuple[Subscription, ...] = ()
    errors: tuple[InventoryError, ...] = ()
    notes: tuple[str, ...] = ()


def is_id(value: str) -> bool:
    """Whether `value` has the form of a subscription's id."""
    return ID.fullmatch(value) is not None


def choose(subscriptions: Subscriptions, named: Sequence[str]) -> Choice:
    """The subscriptions to list: all that work, or those `named`, whatever their state.

    A named one that is not visible becomes an error. While the list itself is in doubt an id is tried all the
    same, and a name is an error: it may be that of another subscription too. Raises UsageError for a name
    that several have.
    """
    if not named:
        errors = () if subscriptions.error is None else (subscriptions.error,)
        working = tuple(seen for seen in subscriptions.seen if seen.is_working)
        passed_over = tuple(seen for seen in subscriptions.seen if not seen.is_working)
        return Choice(working, not_enabled=passed_over, errors=errors)
    if (doubt := subscriptions.error) is not None:
        return _choose_in_doubt(subscriptions.seen, named, doubt)
    chosen, missing = find(named, subscriptions.seen)
    where = "the subscriptions that the identity can see; check it and the access to it"
    return Choice(
        tuple(chosen),
        errors=tuple(not_found(value, subscriptions.seen, where) for value in missing),
        notes=tuple(_note_of_state(each) for each in chosen if not each.is_working),
    )


def _note_of_state(named: Subscription) -> str:
    shown = _shown(named.name or named.id)
    return f"subscription {shown} ({named.id}) is {named.state}: Azure may refuse to assess its VMs"


def _choose_in_doubt(seen: Sequence[Subscription], named: Sequence[str], doubt: InventoryError) -> Choice:
    visible = {each.key for each in seen}
    ids = [value for value in named if is_id(value) or value.lower() in visible]
    chosen, missing = find(ids, seen)
    told = doubt.message if doubt.http_status is None else None
    why = f"the subscriptions could not all be listed ({told or doubt.code or doubt.http_status})"
    errors = [
        InventoryError(
            None, doubt.code, f"{why}, so the name {_shown(value)} cannot be looked up", doubt.http_status
        )
        for value in named
        if value not in ids
    ]
    notes = (f"{why}: those named are tried anyway",) if missing else ()
    return Choice(tuple(chosen), tuple(map(Subscription, missing)), errors=tuple(errors), notes=notes)


def find(named: Iterable[str], seen: Sequence[Subscription]) -> tuple[list[Subscription], list[str]]:
    """The subscriptions among `seen` that are `named`, and the values that name none; each once.

    Raises UsageError for a name that several have.
    """
    chosen: dict[str, Subscription] = {}
    missing: dict[str, str] = {}
    for value in named:
        meant = _meant(value, seen)
        if len(meant) > 1:
            raise _ambiguous(value, meant)
        if meant:
            chosen.setdefault(meant[0].key, meant[0])
        else:
            missing.setdefault(value.lower(), value)
    return list(chosen.values()), list(missing.values())


def _meant(value: str, seen: Sequence[Subscription]) -> list[Subscription]:
    by_id = [each for each in seen if each.key == value.lower()]
    if by_id or is_id(value):
        return by_id
    exact = [each for each in seen if each.name == value]
    return exact or [each for each in seen if each.name is not None and _folded(each.name) == _folded(value)]


def _folded(name: str) -> str:
    """`name` as it is compared: blanks around it, case and the way accents are written do not count."""
    return unicodedata.normalize("NFC", name.strip().casefold())


def _ambiguous(value: str, meant: Sequence[Subscription]) -> UsageError:
    ids = ", ".join(each.id for each in meant[:NAMED])
    more = f" and {len(meant) - NAMED} more" if len(meant) > NAMED else ""
    what = f"{len(meant)} subscriptions have the name {_shown(value)}: {ids}{more}"
    return UsageError(
        what, Remedy("give the id of the one that is meant with {subscription}", {"subscription": None})
    )


def not_found(value: str, seen: Sequence[Subscription], where: str) -> InventoryError:
    """The error for a `value` that names nothing in `seen`, with the nearest; `where` says what `seen` is."""
    named = value if is_id(value) else None
    shown = "this subscription" if named else f"a subscription named {_shown(value)}"
    message = f"{shown} is not among {where}"
    if (found := _nearest(value, seen)) is not None:
        kind = "id" if is_id(value) else "name"
        message += f"; the nearest {kind} is {_shown(found.name or found.id)} ({found.id})"
    return InventoryError(named, NOT_FOUND, message, None)


def _nearest(value: str, seen: Sequence[Subscription]) -> Subscription | None:
    """The one that `value` was probably meant to be: a misspelt name or id, or a part of a name."""
    ids = {each.id: each for each in reversed(seen)}
    names = {} if is_id(value) else {(each.name or "")[:SHOWN_CHARS]: each for each in reversed(seen)}
    # As portals, scripts and other tools write an id: with a path before it, in braces, without hyphens.
    bare = value.rpartition("/")[2]
    for known, word in ((names, value), (ids, bare)):
        if (near := nearest(word[:SHOWN_CHARS], known)) is not None:
            return known[near]
    parts = [each for name, each in names.items() if _folded(value) in _folded(name).split()]
    return parts[0] if len(parts) == 1 else None


def _shown(name: str) -> str:
    return repr(name if len(name) <= SHOWN_CHARS else f"{name[:SHOWN_CHARS]}...")
