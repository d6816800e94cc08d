"""The shards that are not among the runs, and subscriptions that no shard scanned, by what the others saw.

A wrong number is worse than a missing one: where a shard's VMs were not counted, that is said instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fleetscan.merging.given import BY_VM, Family, Given
from fleetscan.merging.rowless import not_counted
from fleetscan.model import InventoryError, Target
from fleetscan.records.fleet_facts import NOT_IN_ANY_SHARD
from fleetscan.records.run import ShardSubscription

MOST_NAMED = 10


@dataclass(slots=True)
class Missing:
    """What is missing: VMs by their subscription's id and name; `sentences` for people, and errors."""

    vms: dict[tuple[str, str | None], int] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    errors: list[InventoryError] = field(default_factory=list)

    def targets(self) -> list[tuple[Target, int]]:
        """One VM of each subscription, of which only that is known, and how many there are of it."""
        return [
            (Target(f"/subscriptions/{key}", key, "", "", subscription_name=name), count)
            for (key, name), count in self.vms.items()
            if count
        ]


def missing_of(families: Sequence[Family], listed: Mapping[str, int], *, are_counted: bool) -> Missing:
    """What is missing of the scan whose shards are `families`; nothing of a whole scan.

    `listed` is how many VMs these have of each subscription; `are_counted` False where one does not tell.
    """
    shards = [family.base for family in families]
    first, by = shards[0].shard, shards[0].by
    if first is None:
        return Missing()
    numbers = {each.shard.number for each in shards if each.shard is not None}
    absent = [number for number in range(1, first.of + 1) if number not in numbers]
    newest = _newest_seen(shards)
    if not absent:
        missing = Missing()
    elif by == BY_VM:
        missing = _of_parts(newest, listed, are_counted=are_counted)
    else:
        missing = _of_wholes(shards, newest, absent)
    if absent:
        _say(missing, absent, first.of)
    if by == BY_VM:
        missing.errors.extend(_unseen_parts(shards, newest))
    else:
        missing.errors.extend(_unscanned(shards, newest, absent))
    return missing


def _newest_seen(shards: Sequence[Given]) -> dict[str, ShardSubscription]:
    """Each subscription that a shard saw, by its id in lower case, as the last that counted it told of it."""
    newest: dict[str, ShardSubscription] = {}
    for shard in sorted(shards, key=lambda each: each.facts["started_at"]):
        for told in shard.seen or ():
            key = told["subscription_id"].lower()
            if told["vms"] is not None or key not in newest or newest[key]["vms"] is None:
                newest[key] = told
    return newest


def _of_wholes(
    shards: Sequence[Given], newest: Mapping[str, ShardSubscription], absent: Sequence[int]
) -> Missing:
    """The VMs of the subscriptions that `absent` shards scan, as far as the others counted them."""
    scanned, gone = _scanned(shards), {*absent}
    theirs = {key: told for key, told in newest.items() if told["shard"] in gone and key not in scanned}
    uncounted = {told["shard"] for told in theirs.values() if told["vms"] is None}
    if all(shard.seen is None for shard in shards):
        uncounted = {*absent}
    errors = [
        not_counted(f"shard {number} is not among the runs") for number in absent if number in uncounted
    ]
    counted = {
        (key, told["name"]): told["vms"] or 0
        for key, told in theirs.items()
        if told["shard"] not in uncounted
    }
    return Missing(counted, errors=errors)


def _of_parts(
    newest: Mapping[str, ShardSubscription], listed: Mapping[str, int], *, are_counted: bool
) -> Missing:
    """The VMs of each subscription that no shard listed that is among the runs."""
    totals = {(key, told["name"]): told["vms"] for key, told in newest.items()}
    counted = {each: count for each, count in totals.items() if count is not None}
    if not are_counted or not totals or len(counted) < len(totals):
        return Missing(errors=[not_counted("a shard is not among the runs")])
    return Missing({each: max(0, count - listed.get(each[0], 0)) for each, count in counted.items()})


def _scanned(shards: Sequence[Given]) -> set[str]:
    """The subscriptions that a shard saw as its own, by their ids in lower case."""
    return {
        told["subscription_id"].lower()
        for each in shards
        for told in each.seen or ()
        if each.shard is not None and told["shard"] == each.shard.number
    }


def _unscanned(
    shards: Sequence[Given], newest: Mapping[str, ShardSubscription], absent: Sequence[int]
) -> Iterator[InventoryError]:
    """Each subscription that should be scanned by a shard among the runs, which did not see it."""
    scanned = _scanned(shards)
    # Of a shard that was stopped while it listed, that is told already.
    excused = {*absent, *(each.shard.number for each in shards if each.shard and each.seen is None)}
    for key, told in newest.items():
        if key not in scanned and told["shard"] not in excused:
            yield _not_in_any(told, "no shard scanned this subscription, which another saw")


def _unseen_parts(
    shards: Sequence[Given], newest: Mapping[str, ShardSubscription]
) -> Iterator[InventoryError]:
    """Each subscription of which one shard did not see its part, where every shard scans a part of it."""
    seen = [
        (each, {told["subscription_id"].lower() for told in each.seen})
        for each in shards
        if each.seen is not None
    ]
    for key, told in newest.items():
        blind = [str(shard.shard) for shard, keys in seen if key not in keys]
        if blind:
            parts = f"shard {blind[0]}" if len(blind) == 1 else f"shards {named(blind)}"
            yield _not_in_any(told, f"{parts} did not see this subscription, and scanned no VM of it")


def _not_in_any(told: ShardSubscription, what: str) -> InventoryError:
    why = f"{what}: it may have appeared while the shards listed; scan it by itself, or scan anew"
    return InventoryError(told["subscription_id"], NOT_IN_ANY_SHARD, why, None)


def _say(missing: Missing, absent: Sequence[int], of: int) -> None:
    numbers = [f"{number}/{of}" for number in absent]
    which = f"shard {numbers[0]} is" if len(numbers) == 1 else f"shards {named(numbers)} are"
    vms = sum(missing.vms.values())
    count = "1 VM" if vms == 1 else f"{vms:,} VMs"
    unknown = (
        "how many VMs are missing is not known" if missing.errors else f"{count} of the scan are missing"
    )
    missing.sentences.append(f"{which} not among the runs: {unknown}")


def named(words: Sequence[str]) -> str:
    """Some words in a sentence, and how many more there are."""
    more = len(words) - MOST_NAMED
    shown = [*words[:MOST_NAMED], *([f"{more:,} more"] if more > 0 else [])]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
