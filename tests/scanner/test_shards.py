"""Scans that share a fleet: together they are the whole scan, and none of a VM is in two."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from fleetscan.engine.limits import Account
from fleetscan.errors import NothingListedError, UsageError
from fleetscan.model import Reply, Request
from fleetscan.scanner import parts
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listed import list_over
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.policy import limits_of
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from tests.scanner.test_whole_scans import Notes, Transport, cloud_of, run_of, settings_for
from tests.strict_reader import Run
from tests.virtual_scan import in_virtual_time

SELECTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"tag": ("environment=prod",)},
    {"exclude_name": ("web-*",), "os": ("linux",)},
    {"inventory_source": "compute"},
    {"include_arc": True},
)


async def listed(cloud: Cloud, hooks: Hooks | None = None, **more: Any) -> list[str]:
    """The lower-case ids that a scan of `cloud` would take."""
    wire, settings = Transport(cloud), Settings(**more)
    fleet = await list_over(wire, settings, hooks=hooks or Hooks(), stop=anyio.Event())
    return [target.key for target in fleet.targets]


@pytest.mark.parametrize("by", ["subscription", "vm"])
@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
@in_virtual_time
async def test_the_shards_together_are_the_selection(by: str, selection: dict[str, Any]) -> None:
    cloud = cloud_of(machines=90, subscriptions=7, empty_subscriptions=2, arc_servers=20)
    whole = await listed(cloud, **selection)
    shards = [await listed(cloud, shard=f"{number}/4", shard_by=by, **selection) for number in range(1, 5)]
    assert len(whole) > 8
    assert Counter(key for shard in shards for key in shard) == Counter(whole)
    assert all(len(shard) < len(whole) for shard in shards)


@pytest.mark.parametrize("by", ["subscription", "vm", "size"])
@in_virtual_time
async def test_the_shards_of_a_file_are_its_vms(by: str, tmp_path: Path) -> None:
    cloud = cloud_of(machines=90, subscriptions=7)
    file = tmp_path / "vms.txt"
    file.write_text("\n".join(machine.resource_id for machine in cloud.fleet))
    shards = [
        await listed(cloud, inventory=str(file), shard=f"{number}/3", shard_by=by) for number in (1, 2, 3)
    ]
    assert sorted(key for shard in shards for key in shard) == sorted(machine.key for machine in cloud.fleet)
    if by == "size":
        assert max(map(len, shards)) - min(map(len, shards)) <= 20


@in_virtual_time
async def test_each_run_names_every_subscription_with_its_vms_and_its_shard(tmp_path: Path) -> None:
    cloud = cloud_of(machines=60, subscriptions=5)
    runs = [await shard_run(Transport(cloud), tmp_path, number, 3) for number in (1, 2, 3)]
    truth = Counter(machine.subscription.subscription_id for machine in cloud.fleet)
    for number, run in enumerate(runs, 1):
        told = run.facts["scope"]["shard"]
        assert (told["number"], told["of"], told["by"]) == (number, 3, "subscription")
        assert {each["subscription_id"]: each["vms"] for each in told["subscriptions"]} == truth
        own = {each["subscription_id"] for each in told["subscriptions"] if each["shard"] == number}
        assert own == {each["subscription_id"] for each in run.facts["scope"]["subscriptions"]}
        assert {row["subscription_id"] for row in run.rows} <= own
        assert run.fleet["selection"]["shard"] == run.facts["settings"]["shard"] == f"{number}/3"


@in_virtual_time
async def test_with_rules_on_vms_what_other_shards_have_is_not_known_and_not_guessed(tmp_path: Path) -> None:
    cloud = cloud_of(machines=60, subscriptions=5)
    run = await shard_run(Transport(cloud), tmp_path, 2, 3, tag=("env=prod",))
    for each in run.facts["scope"]["shard"]["subscriptions"]:
        assert (each["vms"] is None) is (each["shard"] != 2)


@pytest.mark.parametrize("by", ["subscription", "vm"])
@pytest.mark.parametrize("seed", range(6))
@in_virtual_time
async def test_vms_and_subscriptions_that_appear_between_two_listings_are_scanned_once_at_most(
    by: str, seed: int, tmp_path: Path
) -> None:
    cloud, draw = cloud_of(machines=80, subscriptions=6, stopped_pct=0.0), random.Random(seed)
    # What each shard does not see yet, the last one sees all.
    hidden = {machine.key for machine in cloud.fleet if draw.random() < 0.3}
    new = cloud.fleet.estate.subscriptions[draw.randrange(6)].subscription_id
    runs = []
    for number in (1, 2, 3):
        sees = {key for key in hidden if draw.random() < number / 3}
        wire = Transport(cloud, Hiding(hidden - sees, new if draw.random() < 0.5 else None))
        runs.append(await shard_run(wire, tmp_path, number, 3, shard_by=by))
    rows = Counter(row["resource_id"].lower() for run in runs for row in run.rows)
    assert set(rows.values()) == {1}
    assert set(cloud.ledger.starts.values()) == {1}
    for machine in cloud.fleet:
        if machine.key not in hidden and machine.subscription.subscription_id != new:
            assert rows[machine.key] == 1


@in_virtual_time
async def test_a_shard_of_a_large_fleet_starts_while_it_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ENOUGH", 5)
    cloud = cloud_of(machines=120, subscriptions=6, page_size=10)
    runs = [await shard_run(Transport(cloud), tmp_path, number, 2, shard_by="vm") for number in (1, 2)]
    assert sorted(row["resource_id"].lower() for run in runs for row in run.rows) == sorted(
        machine.key for machine in cloud.fleet
    )
    assert sum(each["vms"] for each in runs[1].facts["scope"]["shard"]["subscriptions"]) == 120


@in_virtual_time
async def test_a_shard_that_has_no_subscription_ends_well_and_says_so(tmp_path: Path) -> None:
    cloud, hooks = cloud_of(machines=10, subscriptions=1), Notes()
    runs = [await shard_run(Transport(cloud), tmp_path, number, 2, hooks) for number in (1, 2)]
    assert sorted(run.fleet["listed"] for run in runs) == [0, 10]
    assert [run.facts["exit_code"] for run in runs] == [0, 0]
    assert [each for each in hooks.warnings if each.startswith("no VMs in shard ")]


@in_virtual_time
async def test_a_shard_that_may_read_none_of_its_subscriptions_is_a_run_with_errors(tmp_path: Path) -> None:
    cloud = cloud_of(machines=20, subscriptions=6, denied_subscriptions=6)
    with pytest.raises(NothingListedError):
        await run_of(Transport(cloud), settings_for(tmp_path / "whole"))
    runs = [await shard_run(Transport(cloud), tmp_path, number, 3) for number in (1, 2, 3)]
    assert sum(len(run.fleet["inventory_errors"]) for run in runs) == 6
    for run in runs:
        assert run.facts["exit_code"] == (3 if run.fleet["inventory_errors"] else 0)


@in_virtual_time
async def test_a_shard_is_resumed_as_itself_alone(tmp_path: Path) -> None:
    cloud, out = cloud_of(machines=30, subscriptions=3), tmp_path / "1"
    await shard_run(Transport(cloud), tmp_path, 1, 2)
    settings = settings_for(out, shard="2/2", resume=True)
    with pytest.raises(UsageError, match="another shard"):
        await scan_over(Transport(cloud), settings)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"shard": "1/2", "limit": 3}, "limit"),
        ({"shard": "1/2", "shard_by": "size"}, "cut from a file"),
        ({"shard_by": "vm"}, "no shard is named"),
    ],
)
@in_virtual_time
async def test_what_cannot_be_divided_is_refused_before_anything_is_asked(more: Any, words: str) -> None:
    asked: list[Request] = []

    def note(request: Request, reply: Reply) -> Reply:
        asked.append(request)
        return reply

    with pytest.raises(UsageError, match=words):
        await scan_over(Transport(cloud_of(), note), replace(settings_for(None, runs=None), **more))
    assert asked == []


@pytest.mark.parametrize(
    ("more", "share", "graph"),
    [
        ({}, 0.5, 0.5),
        ({"shard": "2/4"}, 0.5, 0.125),
        ({"shard": "2/4", "shard_by": "vm"}, 0.125, 0.125),
    ],
)
def test_shards_share_what_is_a_user_s_and_those_by_vm_each_bucket(
    more: Any, share: float, graph: float
) -> None:
    limits = limits_of(Settings(rate_share=0.5, **more))
    assert (limits.share, limits.share_of(Account.READS)) == (share, share)
    assert limits.share_of(Account.GRAPH) == graph


@in_virtual_time
async def test_two_shards_of_one_subscription_at_the_same_time_end_when_its_limits_allow() -> None:
    fleet: dict[str, Any] = {"subscriptions": 1, "regions": 1, "stopped_pct": 0.0, "durations": "regular"}
    cloud = cloud_of(machines=1200, speed=1.0, limits_speed=1.0, **fleet)
    began_at, ended = time.monotonic(), dict[int, tuple[int, float]]()

    async def scan(number: int) -> None:
        settings = Settings(runs=None, shard=f"{number}/2", shard_by="vm")
        summary = await scan_over(Transport(cloud), settings)
        assert summary.totals["outcomes"]["assessed"] == summary.totals["listed"]
        ended[summary.totals["listed"]] = number, time.monotonic() - began_at

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scan, 1)
        tasks.start_soon(scan, 2)
    for listed, (_, took_s) in ended.items():
        # Half of a bucket of 600 that gains 200 a minute; the last assessment takes up to three minutes.
        starts_s = (listed - 300) / (100 / 60)
        assert starts_s < took_s < starts_s + 180.0
    assert sum(ended) == 1200


class Hiding:
    """Takes VMs, and one subscription, out of every list."""

    def __init__(self, keys: set[str], subscription_id: str | None) -> None:
        self._keys = keys
        self._subscription_id = (subscription_id or "none").lower()

    def __call__(self, request: Request, reply: Reply) -> Reply:
        try:
            told = orjson.loads(reply.body)
        except ValueError:
            return reply
        for name in ("data", "value"):
            if isinstance(rows := told.get(name), list):
                told[name] = [row for row in rows if not self._hides(row)]
                if "totalRecords" in told:
                    told["totalRecords"] -= len(rows) - len(told[name])
                    told["count"] = len(told[name])
        return replace(reply, body=orjson.dumps(told))

    def _hides(self, row: Any) -> bool:
        told = str(row.get("id") or row.get("subscriptionId") or "").lower()
        return told in self._keys or self._subscription_id in told


async def shard_run(
    wire: Transport, directory: Path, number: int, of: int, hooks: Hooks | None = None, **more: Any
) -> Run:
    settings = settings_for(directory / str(number), shard=f"{number}/{of}", **more)
    return (await run_of(wire, settings, hooks))[1]
