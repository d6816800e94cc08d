"""The VMs of a run by their numbers: their places in the journal, which lists each before it is started.

A listing may come in parts, and is whole once the journal says so. What an earlier process listed keeps its
numbers, and a listing that it left unfinished is gone on with.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.selection import Known, each_once
from fleetscan.model import InventoryError, Target
from fleetscan.records.fleet_facts import listing_stopped
from fleetscan.records.run import Scope
from fleetscan.records.story import NOTHING_LISTED, Story
from fleetscan.redacting import Secrets
from fleetscan.runs.store import RunStore


class Roll:
    """`size` VMs are listed. `targets` are those that were not taken out yet; `first` is their first number.

    `errors` and `scope` are what could not be listed, and of which subscriptions the whole is. Resource Graph
    may know nothing of the VMs of those `through_compute`.
    """

    def __init__(self, store: RunStore, story: Story | None = None) -> None:
        self._store = store
        self.is_whole = story is not None and story.is_listed
        self.targets: list[Target] = [] if story is None else list(story.targets)
        self.first, self.size = 0, len(self.targets)
        self.errors: list[InventoryError] = [] if story is None else story.errors
        self.scope: Scope = NOTHING_LISTED if story is None else story.scope
        self.through_compute: frozenset[str] = frozenset()
        self.subscription_ids = {target.subscription_id.lower() for target in self.targets}

    def add(self, targets: Sequence[Target]) -> None:
        """Note more VMs of a listing."""
        self._store.note_vms(targets)
        self.targets.extend(targets)
        self.subscription_ids.update(target.subscription_id.lower() for target in targets)
        self.size += len(targets)

    def complete(self, fleet: Fleet) -> None:
        """Note the other VMs of a listing, and that it is whole, unless it was.

        Those that an earlier process listed may be among them. The `fleet` holds none of them any longer.
        """
        self.through_compute = fleet.through_compute
        if not self.is_whole:
            known = Known(self.targets) if self.targets else None
            self.add(fleet.targets if known is None else each_once(fleet.targets, known))
            self._note_whole(fleet)
        fleet.targets.clear()

    def _note_whole(self, fleet: Fleet) -> None:
        secrets = Secrets.of(os.environ)
        errors = [replace(each, message=each.message and secrets.hide(each.message)) for each in fleet.errors]
        self._store.note_whole(self.size, errors, fleet.scope)
        self.errors, self.scope, self.is_whole = errors, fleet.scope, True

    def numbered(self) -> Iterator[tuple[int, Target]]:
        """The VMs that were not taken out yet."""
        return enumerate(self.targets, self.first)

    def take_out(self, order: Iterable[int]) -> Iterator[tuple[int, Target]]:
        """Those of `targets` with these places there, in this order; none of them is held any longer."""
        waiting = deque((self.first + place, self.targets[place]) for place in order)
        self.first = self.size
        self.targets.clear()
        while waiting:
            yield waiting.popleft()

    def told_errors(self) -> list[InventoryError]:
        """What could not be listed; for a listing that was stopped, that it was."""
        if self.is_whole:
            return self.errors
        return [*self.errors, listing_stopped(self.size)]
