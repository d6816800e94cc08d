"""The part of the fleet that one shard scans, and what its run tells of the parts of the others. Pure.

Whole subscriptions are divided by the hash of their ids, so that a subscription that one shard sees and
another does not is in the same shard for both; by their sizes only where all shards read one file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fleetscan.inventory.choice import Choice
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.rules import words_of
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import Target
from fleetscan.records.run import ShardScope
from fleetscan.shards import By, Shard, balanced, shard_of


@dataclass(frozen=True, slots=True)
class Division:
    """How a fleet is divided, and which part is ours; `by_size` has each subscription's shard."""

    shard: Shard
    by: By
    by_size: Mapping[str, int] = field(default_factory=dict)

    def sized(self, targets: Iterable[Target]) -> Division:
        """The same, of a fleet of these VMs."""
        if self.by != "size":
            return self
        return replace(self, by_size=balanced(_sizes(targets), self.shard.of))

    def narrowed(self, choice: Choice) -> Choice:
        """`choice` without the subscriptions that are other shards', and what there is to say of those."""
        if self.by == "vm":
            return choice
        ours = self.has_subscription
        chosen, unseen = self._kept(choice.chosen), self._kept(choice.unseen)
        return replace(
            choice,
            chosen=chosen,
            unseen=unseen,
            not_enabled=self._kept(choice.not_enabled),
            errors=tuple(
                each for each in choice.errors if each.subscription_id is None or ours(each.subscription_id)
            ),
        )

    def has_subscription(self, subscription_id: str) -> bool:
        """Whether VMs of the subscription may be ours."""
        return self._shard_of(subscription_id) in (None, self.shard.number)

    def kept(self, targets: Sequence[Target]) -> list[Target]:
        """Those VMs that are ours."""
        return [each for each in targets if self.has(each)]

    def has(self, target: Target) -> bool:
        """Whether the VM is ours."""
        if self.by == "vm":
            return shard_of(target.resource_id, self.shard.of) == self.shard.number
        return self.has_subscription(target.subscription_id)

    def part_of(
        self,
        fleet: Fleet,
        subscriptions: Iterable[Subscription],
        counts: Iterable[Mapping[str, int] | str] = (),
    ) -> Fleet:
        """The VMs of `fleet` that are ours; it has at least those, and all of a fleet divided by VM or size.

        `subscriptions` are all that could be scanned, `counts` how many VMs those have that were not
        listed, or why that is not known.
        """
        listed = dict.fromkeys((each.key for each in fleet.subscriptions), 0) | _sizes(fleet.targets)
        counted = {key: vms for told in counts if not isinstance(told, str) for key, vms in told.items()}
        refused = [(each, self.words) for each in fleet.targets if not self.has(each)]
        return replace(
            fleet,
            targets=self.kept(fleet.targets),
            refused=[*fleet.refused, *refused],
            shard=self._scope(subscriptions, counted | listed),
        )

    @property
    def words(self) -> str:
        """The rule that leaves out what is not ours."""
        return words_of("shard", [str(self.shard)])

    def _scope(self, subscriptions: Iterable[Subscription], vms: Mapping[str, int]) -> ShardScope:
        return {
            "number": self.shard.number,
            "of": self.shard.of,
            "by": self.by,
            "subscriptions": [
                {
                    "subscription_id": each.id,
                    "name": each.name,
                    "vms": vms.get(each.key),
                    "shard": self._shard_of(each.id),
                }
                for each in subscriptions
            ],
        }

    def _shard_of(self, subscription_id: str) -> int | None:
        """The shard that has the whole subscription; None where each has a part."""
        match self.by:
            case "vm":
                return None
            case "size":
                return self.by_size.get(subscription_id.lower(), shard_of(subscription_id, self.shard.of))
        return shard_of(subscription_id, self.shard.of)

    def _kept(self, subscriptions: Sequence[Subscription]) -> tuple[Subscription, ...]:
        return tuple(each for each in subscriptions if self.has_subscription(each.id))


def _sizes(targets: Iterable[Target]) -> Counter[str]:
    return Counter(target.subscription_id.lower() for target in targets)
