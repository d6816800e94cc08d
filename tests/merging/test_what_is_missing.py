"""What a merged run lacks is told, with a number where one is known, and its exit code is 5 or 3."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleetscan.merging.given import given
from fleetscan.merging.merge import Merged, merge
from fleetscan.model import InventoryError
from fleetscan.records.run import ShardSubscription
from fleetscan.runs.journal import JournalFile
from fleetscan.runs.reader import open_run
from tests.merging.shard_runs import BEGAN_AT_S, Made, id_of, subscription_id, write
from tests.records.examples import assessed, machine

ONE, TWO, THREE = map(subscription_id, (1, 2, 3))


def vms(subscription: str, count: int, without: int = 0) -> list[Any]:
    """VMs of a subscription, the last of them without a row."""
    names = [f"vm-{number}-of-{subscription[-1]}" for number in range(count)]
    made = (machine(name, subscription_id=subscription, tags={"owner": "ops"}) for name in names)
    targets = [replace(each, resource_id=id_of(subscription, each.name)) for each in made]
    return [(each, assessed() if number < count - without else None) for number, each in enumerate(targets)]


def seen(**vms_and_shards: tuple[int | None, int | None]) -> list[ShardSubscription]:
    """What a shard saw: of each subscription, by its number, its VMs and its shard."""
    return [
        ShardSubscription(
            subscription_id=subscription_id(int(name[1:])), name=f"Sub {name[1:]}", vms=count, shard=shard
        )
        for name, (count, shard) in vms_and_shards.items()
    ]


def shard(
    number: int, of: int, own: Sequence[Any], told: Sequence[ShardSubscription] | None, **more: Any
) -> Made:
    """A shard."""
    more = {"shard": (number, of, more.pop("by", "subscription")), **more}
    return Made(f"{number}d000000-0000-4000-8000-000000000000", own, seen=told, **more)


def merged(place: Path, *made: Made) -> Merged:
    paths = [write(place / f"r{number}", each) for number, each in enumerate(made, start=1)]
    return merge([given(path.name, path) for path in paths], place / "out")


def codes(result: Merged) -> list[tuple[str | None, str | None]]:
    """The inventory errors."""
    return [(error["subscription_id"], error["code"]) for error in result.totals["inventory_errors"]]


def numbers(result: Merged) -> tuple[int | None, int, int]:
    """Exit code, VMs listed, VMs without a row."""
    totals = result.totals
    return result.facts["exit_code"], totals["listed"], totals["outcomes"]["interrupted"]


def test_the_vms_of_a_missing_shard_are_counted_as_the_others_were_told(tmp_path: Path) -> None:
    told = seen(s1=(2, 1), s2=(7, 2), s3=(5, 3))
    newer = [*seen(s1=(2, 1), s2=(8, 2)), *seen(s3=(None, 3))]
    one = shard(1, 3, vms(ONE, 2), told)
    three = shard(3, 3, vms(THREE, 5), newer, began_at_s=BEGAN_AT_S + 60)
    result = merged(tmp_path, one, three)
    assert numbers(result) == (5, 15, 8)
    assert result.lacking == ["shard 2/3 is not among the runs: 8 VMs of the scan are missing"]
    assert result.facts["stopped_by"] == result.lacking[0]
    assert result.facts["warnings"] == result.lacking
    assert codes(result) == []
    [group] = [each for each in open_run(tmp_path / "out").groups() if each["key"] == TWO.lower()]
    assert (group["name"], group["outcomes"]["interrupted"]) == ("Sub 2", 8)
    assert result.totals["uniform_scale_set_vms"] is None


def test_where_a_count_is_not_known_an_error_stands_in_its_place(tmp_path: Path) -> None:
    told = seen(s1=(2, 1), s2=(7, 2), s3=(None, 2), s4=(3, 4))
    result = merged(tmp_path, shard(1, 4, vms(ONE, 2), told), shard(3, 4, [], told))
    # Of shard 2 nothing is counted, of shard 4 all.
    assert numbers(result) == (5, 5, 3)
    assert codes(result) == [(None, "ShardNotCounted")]
    assert result.totals["inventory_errors"][0]["message"] == (
        "shard 2 is not among the runs, and how many VMs it has is not known: none of them is counted"
    )
    assert result.lacking == [
        "shards 2/4 and 4/4 are not among the runs: how many VMs are missing is not known"
    ]


def test_a_missing_part_of_subscriptions_is_what_no_other_listed(tmp_path: Path) -> None:
    told = seen(s1=(10, None), s2=(4, None))
    one = shard(1, 3, [*vms(ONE, 3), *vms(TWO, 1)], told, by="vm")
    two = shard(2, 3, [*vms(ONE, 6, without=1)[3:]], told, by="vm", end="stopped")
    result = merged(tmp_path, one, two)
    assert numbers(result) == (5, 14, 8)
    interrupted = {
        each["key"]: each["outcomes"]["interrupted"] for each in open_run(tmp_path / "out").groups()
    }
    # One of the stopped shard, and those of the missing one.
    assert (interrupted[ONE.lower()], interrupted[TWO.lower()]) == (5, 3)


@pytest.mark.parametrize("told", [seen(s1=(10, None), s2=(None, None)), [], None])
def test_a_missing_part_is_not_guessed(tmp_path: Path, told: list[ShardSubscription] | None) -> None:
    result = merged(tmp_path, shard(1, 2, vms(ONE, 3), told, by="vm"))
    assert numbers(result) == (5, 3, 0)
    assert codes(result) == [(None, "ShardNotCounted")]


def test_a_subscription_that_appeared_between_the_listings_is_an_error(tmp_path: Path) -> None:
    one = shard(1, 2, vms(ONE, 2), seen(s1=(2, 1), s2=(3, 2)))
    two = shard(2, 2, vms(TWO, 3), seen(s1=(2, 1), s2=(3, 2), s3=(4, 1)))
    result = merged(tmp_path, one, two)
    assert numbers(result) == (3, 5, 0)
    assert codes(result) == [(THREE, "NotInAnyShard")]
    assert result.facts["stopped_by"] is None


def test_a_subscription_that_each_shard_takes_for_the_others_is_an_error(tmp_path: Path) -> None:
    one = shard(1, 2, vms(ONE, 2), seen(s1=(2, 1), s3=(4, 2)), by="size")
    two = shard(2, 2, [], seen(s1=(2, 1), s3=(4, 1)), by="size")
    result = merged(tmp_path, one, two)
    assert (result.facts["exit_code"], codes(result)) == (3, [(THREE, "NotInAnyShard")])


def test_a_part_of_a_subscription_that_one_shard_did_not_see_is_an_error(tmp_path: Path) -> None:
    one = shard(1, 2, vms(ONE, 2), seen(s1=(4, None)), by="vm")
    two = shard(2, 2, [*vms(ONE, 4)[2:], *vms(TWO, 1)], seen(s1=(4, None), s2=(2, None)), by="vm")
    result = merged(tmp_path, one, two)
    assert (result.facts["exit_code"], codes(result)) == (3, [(TWO, "NotInAnyShard")])
    assert str(result.totals["inventory_errors"][0]["message"]).startswith("shard 1/2 did not see this ")


def test_inventory_errors_are_kept_and_the_same_one_once(tmp_path: Path) -> None:
    everywhere = InventoryError(None, "Throttled", "wait", 429)
    own = [InventoryError(each, "AuthorizationFailed", "no", 403) for each in (ONE, TWO)]
    told = seen(s1=(0, 1), s2=(0, 2))
    one = shard(1, 2, [], told, errors=[everywhere, own[0]])
    two = shard(2, 2, [], told, errors=[everywhere, own[1]])
    result = merged(tmp_path, one, two)
    assert (result.facts["exit_code"], result.totals["listed"]) == (3, 0)
    assert codes(result) == [(None, "Throttled"), (ONE, "AuthorizationFailed"), (TWO, "AuthorizationFailed")]


def test_a_shard_that_was_stopped_while_it_listed_is_told_so(tmp_path: Path) -> None:
    told = seen(s1=(2, 1), s2=(9, 2))
    for end, seen_by_two in (("stopped", told), ("killed", told), ("killed", None)):
        place = tmp_path / f"{end}-{seen_by_two is None}"
        two = shard(2, 2, vms(TWO, 3, without=1), seen_by_two, end=end, listed=3)
        result = merged(place, shard(1, 2, vms(ONE, 2), told), two)
        assert numbers(result) == (5, 5, 1)
        assert codes(result) == [(None, "ListingStopped")]
        state = "was stopped" if end == "stopped" else "has not finished"
        assert result.lacking == [f"shard 2/2 (r2) {state}: 1 VM has no row and not all VMs were listed"]


def test_a_killed_shard_without_a_journal_is_not_counted(tmp_path: Path) -> None:
    told = seen(s1=(2, 1), s2=(9, 2))
    two = shard(2, 2, vms(TWO, 9, without=4), told, end="killed", has_journal=False)
    result = merged(tmp_path, shard(1, 2, vms(ONE, 2), told), two)
    assert numbers(result) == (5, 7, 0)
    assert codes(result) == [(None, "ShardNotCounted")]
    assert result.lacking == ["shard 2/2 (r2) has not finished: how many VMs it has is not known"]


@pytest.mark.skipif(os.name == "nt", reason="a locked journal cannot be read there")
def test_a_shard_that_a_live_process_holds_is_merged_as_far_as_it_came(tmp_path: Path) -> None:
    told = seen(s1=(2, 1), s2=(9, 2))
    paths = [
        write(tmp_path / "r1", shard(1, 2, vms(ONE, 2), told)),
        write(tmp_path / "r2", shard(2, 2, vms(TWO, 9, without=4), told, end="killed")),
    ]
    holder = JournalFile.reopen(paths[1] / "journal.jsonl")
    try:
        result = merge([given(path.name, path) for path in paths], tmp_path / "out")
    finally:
        holder.close()
    assert numbers(result) == (5, 11, 4)
    assert result.lacking == ["shard 2/2 (r2) is still running: 4 VMs have no row"]
    assert result.unfinished == []


def test_a_complete_shard_that_lost_a_row_is_not_whole(tmp_path: Path) -> None:
    told = seen(s1=(3, 1), s2=(0, 2))
    for has_journal in (True, False):
        place = tmp_path / str(has_journal)
        one = write(place / "r1", shard(1, 2, vms(ONE, 3), told, has_journal=has_journal))
        two = write(place / "r2", shard(2, 2, [], told))
        (one / "results.jsonl").write_bytes((one / "results.jsonl").read_bytes()[:-9])
        result = merge([given(path.name, path) for path in (one, two)], place / "out")
        assert numbers(result) == (5, 3, 1)
        assert result.lacking == ["shard 1/2 (r1) was complete, and is not any more: 1 VM has no row"]


def test_subscriptions_that_were_passed_over_are_told_unless_one_shard_listed_them(tmp_path: Path) -> None:
    told = seen(s1=(1, 1), s2=(1, 2))
    paths = [
        write(tmp_path / f"r{each}", shard(each, 2, vms(subscription_id(each), 1), told)) for each in (1, 2)
    ]
    off = [
        {"subscription_id": each, "name": None, "state": "Disabled", "tenant_id": None}
        for each in (THREE, TWO)
    ]
    for path in paths:
        facts = orjson.loads((path / "run.json").read_bytes())
        facts["scope"]["not_enabled"] = off
        (path / "run.json").write_bytes(orjson.dumps(facts))
    result = merge([given(path.name, path) for path in paths], tmp_path / "out")
    assert [each["subscription_id"] for each in result.totals["not_scanned"]] == [THREE]
    assert [each["subscription_id"] for each in result.facts["scope"]["subscriptions"]] == [ONE, TWO]


def test_totals_that_are_out_of_date_do_not_count(tmp_path: Path) -> None:
    """A shard was stopped, resumed, and its second process was killed: its totals are the first one's."""
    told = seen(s1=(9, 1))
    stopped = write(tmp_path / "stopped", shard(1, 1, vms(ONE, 9, without=5), told, end="stopped"))
    path = write(tmp_path / "r1", shard(1, 1, vms(ONE, 9, without=2), told, end="killed"))
    (stopped / "totals.jsonl").replace(path / "totals.jsonl")
    result = merge([given("r1", path)], tmp_path / "out")
    assert numbers(result) == (5, 9, 2)


def test_numbers_that_a_stranger_made_up_cost_nothing(tmp_path: Path) -> None:
    many = 2**62
    path = write(tmp_path / "r1", shard(1, 2, vms(ONE, 2, without=1), seen(s2=(many, 2)), end="stopped"))
    (path / "journal.jsonl").unlink()
    lines = (path / "totals.jsonl").read_bytes()
    more = lines.replace(b'"listed":2', b'"listed":%d' % many).replace(
        b'"interrupted":1', b'"interrupted":%d' % (many - 1)
    )
    assert more != lines
    (path / "totals.jsonl").write_bytes(more)
    result = merge([given("r1", path)], tmp_path / "out")
    assert numbers(result) == (5, 2 * many, 2 * many - 1)


def test_the_times_are_those_from_the_first_begin_to_the_last_end(tmp_path: Path) -> None:
    told = seen(s1=(2, 1), s2=(3, 2))
    one = shard(1, 2, vms(ONE, 2), told, began_at_s=BEGAN_AT_S + 90)
    two = shard(2, 2, vms(TWO, 3), told, began_at_s=BEGAN_AT_S - 100)
    totals = merged(tmp_path, one, two).totals
    assert (totals["started_at"], totals["duration_s"]) == (two.started_at, 700.0)
    assert totals["uniform_scale_set_vms"] == 24
    assert totals["requests"] == {
        "list": 6,
        "start": 20,
        "poll": 80,
        "other": 4,
        "throttled": 2,
        "retried": 8,
    }


def test_a_warning_tells_whose_numbers_it_has(tmp_path: Path) -> None:
    told = seen(s1=(2, 1), s2=(3, 2))
    paths = [
        write(tmp_path / "r1", shard(1, 2, vms(ONE, 2), told)),
        write(tmp_path / "r2", shard(2, 2, vms(TWO, 3), told)),
        write(tmp_path / "r3", Made("3f", vms(TWO, 3)[:1], retries=shard(2, 2, [], None).scan_id)),
    ]
    for path, warnings in zip(
        paths,
        (["1 VM is skipped", "no VMs found"], ["1 VM is skipped", "an odd clock"], ["an odd clock"]),
        strict=True,
    ):
        facts = orjson.loads((path / "run.json").read_bytes())
        (path / "run.json").write_bytes(orjson.dumps({**facts, "warnings": warnings}))
    result = merge([given(path.name, path) for path in paths], tmp_path / "out")
    assert result.facts["warnings"] == [
        "each shard: 1 VM is skipped",
        "shard 1/2 (r1): no VMs found",
        "shard 2/2 (r2) and r3: an odd clock",
    ]


def test_a_warning_of_a_whole_scan_stands_as_it_is_and_one_of_its_retry_is_the_retry_s(
    tmp_path: Path,
) -> None:
    whole = Made("1e", vms(ONE, 2))
    paths = [write(tmp_path / "r1", whole), write(tmp_path / "r2", Made("2e", vms(ONE, 1), retries="1e"))]
    for path, warnings in zip(paths, (["an odd clock"], ["an odd clock", "3 VMs busy"]), strict=True):
        facts = orjson.loads((path / "run.json").read_bytes())
        (path / "run.json").write_bytes(orjson.dumps({**facts, "warnings": warnings}))
    result = merge([given(path.name, path) for path in paths], tmp_path / "out")
    assert result.facts["warnings"] == ["an odd clock", "r2: 3 VMs busy"]


def test_every_tag_that_one_shard_has_totals_for_has_them(tmp_path: Path) -> None:
    told = seen(s1=(2, 1), s2=(3, 2))
    one = shard(1, 2, vms(ONE, 2), told, group_by=("tag:owner",))
    two = shard(2, 2, vms(TWO, 3), told, group_by=("tag:Owner", "tag:env"))
    result = merged(tmp_path, one, two)
    scopes = {each["scope"] for each in open_run(tmp_path / "out").groups()}
    assert scopes == {"subscription", "location", "os_type", "tag:owner", "tag:env"}
    assert result.facts["settings"]["group_by"] == ["tag:owner", "tag:env"]
