"""Which of the listed VMs the fleet has, and which of those are known not to run. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence

from fleetscan.model import Target

# Azure's words for a VM that does not run, or soon will not, and for an Arc server that is not connected.
# With any other word it may answer: one that is starting, one of unknown state, one whose state is told in a
# word that is not known here.
STOPPED = frozenset(("stopping", "stopped", "deallocating", "deallocated", "hibernating", "hibernated"))
STOPPED |= {"disconnected", "expired"}


def is_skipped(target: Target) -> bool:
    """Whether the inventory knows that the VM does not run: it becomes a row without a call."""
    return target.power_state in STOPPED


class Known:
    """VMs that were seen. Ids compare without case.

    They are held by the hashes of their ids: a hundred thousand ids in lower case would be 25 MB.
    """

    def __init__(self, targets: Iterable[Target] = ()) -> None:
        self._by_hash: dict[int, Target] = {}
        self._of_shared_hash: set[str] = set()
        for target in targets:
            self.is_new(target)

    def is_new(self, target: Target) -> bool:
        """Whether no VM of this id was seen before; now one was."""
        key = target.key
        if (other := self._by_hash.get(hash(key))) is None:
            self._by_hash[hash(key)] = target
            return True
        if other.key == key or key in self._of_shared_hash:
            return False
        self._of_shared_hash.add(key)
        return True


def each_once(targets: Iterable[Target], known: Known | None = None) -> list[Target]:
    """The VMs that are not `known`, the first of each id."""
    known = known or Known()
    return [target for target in targets if known.is_new(target)]


def of_subscriptions(targets: Sequence[Target], ids: Collection[str] | None) -> list[Target]:
    """The VMs of the subscriptions with these `ids`; all of them where that is None."""
    wanted = None if ids is None else {each.lower() for each in ids}
    return [target for target in targets if wanted is None or target.subscription_id.lower() in wanted]


def first(targets: Sequence[Target], limit: int | None) -> list[Target]:
    """At most `limit` VMs: those that may answer first, then by id: a second try meets the same."""
    if limit is None:
        return list(targets)
    return heapq.nsmallest(limit, targets, key=lambda target: (is_skipped(target), target.key))
