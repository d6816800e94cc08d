"""Shards of a fleet: each VM is in one of them, whatever each of them lists."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fleetscan.inventory.choice import Choice
from fleetscan.inventory.division import Division
from fleetscan.inventory.listing import Fleet
from fleetscan.inventory.subscriptions import Subscription
from fleetscan.model import InventoryError, Target
from fleetscan.shards import By, Shard, balanced, shard_of
from tests.inventory.listing_driver import A, B, vm_id

BYS = st.sampled_from(["subscription", "size", "vm"])
SUBSCRIPTIONS = st.uuids().map(str)
FLEETS = st.dictionaries(SUBSCRIPTIONS, st.integers(1, 6), min_size=1, max_size=8).map(
    lambda sizes: [
        Target(vm_id(f"vm-{number}", each), each, "rg", f"vm-{number}")
        for each, size in sizes.items()
        for number in range(size)
    ]
)


def divided(targets: list[Target], by: By, shards: int) -> list[Fleet]:
    """What each shard takes of the fleet that it lists, all of which list the same."""
    return [part(targets, by, Shard(number, shards)) for number in range(1, shards + 1)]


def part(targets: list[Target], by: By, shard: Shard) -> Fleet:
    visible = [Subscription(each) for each in dict.fromkeys(each.subscription_id for each in targets)]
    return Division(shard, by).sized(targets).part_of(Fleet(targets), visible)


@given(FLEETS, BYS, st.integers(1, 9))
def test_each_vm_is_in_one_shard_and_each_shard_knows_how_many_the_others_have(
    targets: list[Target], by: By, shards: int
) -> None:
    fleets = divided(targets, by, shards)
    assert Counter(each.key for fleet in fleets for each in fleet.targets) == Counter(
        each.key for each in targets
    )
    for fleet in fleets:
        told = fleet.shard
        assert told is not None
        assert sum(each["vms"] or 0 for each in told["subscriptions"]) == len(targets)
        assert {each["shard"] is None for each in told["subscriptions"]} == {by == "vm"}
        for each in told["subscriptions"] if by != "vm" else ():
            own = [target for target in fleet.targets if target.subscription_id == each["subscription_id"]]
            assert len(own) == (each["vms"] if each["shard"] == told["number"] else 0)


@given(FLEETS, st.sampled_from(["subscription", "vm"]), st.integers(1, 9), st.data())
def test_vms_that_one_shard_sees_and_another_does_not_are_in_two_shards_never(
    targets: list[Target], by: By, shards: int, data: st.DataObject
) -> None:
    seen = [
        [each for each in targets if data.draw(st.booleans())] if data.draw(st.booleans()) else targets
        for _ in range(shards)
    ]
    taken = [part(each, by, Shard(number, shards)).targets for number, each in enumerate(seen, 1)]
    found = Counter(each.key for part_taken in taken for each in part_taken)
    assert set(found.values()) <= {1}
    seen_by_all = set.intersection(*({each.key for each in listed} for listed in seen))
    assert seen_by_all <= found.keys()


@given(st.dictionaries(SUBSCRIPTIONS, st.integers(0, 10_000), max_size=40), st.integers(1, 9))
def test_shards_by_size_differ_by_one_subscription_at_most(sizes: dict[str, int], shards: int) -> None:
    loads = Counter(dict.fromkeys(range(1, shards + 1), 0))
    for key, number in balanced(sizes, shards).items():
        loads[number] += sizes[key]
    assert max(loads.values()) - min(loads.values()) <= max(sizes.values(), default=0)


@given(SUBSCRIPTIONS, st.integers(1, 10_000))
def test_the_case_of_an_id_changes_no_shard(subscription_id: str, shards: int) -> None:
    assert shard_of(subscription_id, shards) == shard_of(subscription_id.upper(), shards)
    assert 1 <= shard_of(subscription_id, shards) <= shards


def test_a_shard_is_the_same_in_every_version() -> None:
    # Two versions may share a scan, and a resumed shard meets its own VMs again.
    assert [shard_of(A, 16), shard_of(B, 16), shard_of(vm_id("web"), 16)] == [16, 8, 1]


def test_errors_are_of_the_shard_whose_subscription_they_are_about() -> None:
    errors = (InventoryError(A, "Gone", "", None), InventoryError(None, "Doubt", "", None))
    subscriptions = Subscription(A), Subscription(B)
    choice = Choice(subscriptions, not_enabled=subscriptions, errors=errors)
    narrowed = [Division(Shard(number, 3), "subscription").narrowed(choice) for number in (1, 2, 3)]
    assert sorted(each.id for one in narrowed for each in one.chosen) == [A, B]
    assert sorted(each.id for one in narrowed for each in one.not_enabled) == [A, B]
    assert [error.code for one in narrowed for error in one.errors].count("Gone") == 1
    assert [error.code for one in narrowed for error in one.errors].count("Doubt") == 3


def test_a_fleet_divided_by_vm_leaves_all_subscriptions_to_each_shard() -> None:
    choice = Choice((Subscription(A), Subscription(B)))
    assert Division(Shard(2, 3), "vm").narrowed(choice) is choice
