"""Real scans of a simulated fleet in shards, and real retries, merged: the fleet, each VM once."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetscan.merging.given import given
from fleetscan.merging.merge import Merged, merge
from fleetscan.scanner.live import scan_over
from tests.scanner.test_shards import Hiding, shard_run
from tests.scanner.test_whole_scans import Notes, Transport, cloud_of, run_of, settings_for
from tests.strict_reader import Run, read_run
from tests.virtual_scan import in_virtual_time


def merged(place: Path, *names: str, out: str = "out") -> tuple[Merged, Run]:
    """The merged run, as a strict reader finds it."""
    result = merge([given(name, place / name) for name in names], place / out)
    read = place / f"{out}-read"
    shutil.copytree(place / out, read)
    # All that a scan's run has besides.
    os.close(os.open(read / "journal.jsonl", os.O_CREAT | os.O_WRONLY, 0o600))
    return result, read_run(read)


@pytest.mark.parametrize("by", ["subscription", "vm"])
@in_virtual_time
async def test_merged_shards_are_the_whole_scan(tmp_path: Path, by: str) -> None:
    fleet = {"machines": 90, "subscriptions": 6, "failing_pct": 20.0, "denied_subscriptions": 1}
    _, whole = await run_of(Transport(cloud_of(**fleet)), settings_for(tmp_path / "whole"))  # type: ignore[arg-type]
    cloud = cloud_of(**fleet)  # type: ignore[arg-type]
    for number in (1, 2, 3):
        await shard_run(Transport(cloud), tmp_path, number, 3, shard_by=by)
    result, run = merged(tmp_path, "2", "3", "1")
    assert result.facts["exit_code"] == whole.facts["exit_code"] == 3
    assert run.by_id.keys() == whole.by_id.keys()
    assert run.fleet["inventory_errors"] == whole.fleet["inventory_errors"]
    told = [
        [(line["scope"], line["key"], line["name"], line["listed"]) for line in each.totals]
        for each in (run, whole)
    ]
    assert told[0] == told[1]
    assert run.fleet["uniform_scale_set_vms"] == whole.fleet["uniform_scale_set_vms"]
    assert run.facts["selection"] == whole.facts["selection"]
    names = [
        [each["subscription_id"] for each in one.facts["scope"]["subscriptions"]] for one in (run, whole)
    ]
    assert sorted(names[0]) == sorted(names[1])


@pytest.mark.parametrize("by", ["subscription", "size", "vm"])
@in_virtual_time
async def test_shards_of_a_file_in_two_places_are_its_vms(tmp_path: Path, by: str) -> None:
    cloud = cloud_of(machines=40, subscriptions=4)
    for number in (1, 2):
        # As on two hosts.
        file = tmp_path / f"vms-{number}.txt"
        file.write_text("\n".join(machine.resource_id for machine in cloud.fleet))
        await shard_run(Transport(cloud), tmp_path, number, 2, shard_by=by, inventory=str(file))
    result, run = merged(tmp_path, "1", "2")
    assert (result.facts["exit_code"], len(run.rows)) == (0, 40)
    (tmp_path / "1").rename(tmp_path / "elsewhere")
    result, run = merged(tmp_path, "2", out="half")
    assert run.fleet["listed"] == 40
    assert (result.facts["exit_code"], run.fleet["outcomes"]["interrupted"]) == (5, 40 - len(run.rows))


@pytest.mark.parametrize("by", ["subscription", "vm"])
@in_virtual_time
async def test_a_missing_shard_s_vms_are_counted(tmp_path: Path, by: str) -> None:
    cloud = cloud_of(machines=90, subscriptions=6)
    for number in (1, 3):
        await shard_run(Transport(cloud), tmp_path, number, 3, shard_by=by)
    result, run = merged(tmp_path, "1", "3")
    assert (result.facts["exit_code"], run.fleet["listed"]) == (5, 90)
    assert run.fleet["outcomes"]["interrupted"] == 90 - len(run.rows) > 0
    await shard_run(Transport(cloud), tmp_path, 2, 3, shard_by=by)
    result, run = merged(tmp_path, "1", "2", "3", out="again")
    assert (result.facts["exit_code"], len(run.rows)) == (0, 90)
    assert set(cloud.ledger.starts.values()) == {1}


@pytest.mark.parametrize("by", ["subscription", "vm"])
@pytest.mark.parametrize("seed", range(5))
@in_virtual_time
async def test_what_appears_while_shards_list_is_scanned_or_told(tmp_path: Path, by: str, seed: int) -> None:
    cloud, draw = cloud_of(machines=60, subscriptions=6, stopped_pct=0.0), random.Random(seed)
    new = cloud.fleet.estate.subscriptions[draw.randrange(6)].subscription_id
    sees = [draw.random() < 0.5 for _ in range(3)]
    for number, is_seen in enumerate(sees, start=1):
        wire = Transport(cloud, Hiding(set(), None if is_seen else new))
        await shard_run(wire, tmp_path, number, 3, shard_by=by)
    result, run = merged(tmp_path, "1", "2", "3")
    lost = {machine.key for machine in cloud.fleet} - run.by_id.keys()
    told = [error["subscription_id"] for error in run.fleet["inventory_errors"]]
    assert {key.split("/")[2] for key in lost} <= {each.lower() for each in told}
    if any(sees) and lost:
        assert (told, result.facts["exit_code"]) == ([new], 3)


@in_virtual_time
async def test_a_shard_that_was_stopped_is_resumed_and_merged_again(tmp_path: Path) -> None:
    cloud = cloud_of(machines=60, subscriptions=2, speed=1.0, stopped_pct=0.0)
    slow: dict[str, Any] = {"shard_by": "vm", "first_poll_s": 30.0, "poll_interval_s": 30.0}
    await shard_run(Transport(cloud), tmp_path, 1, 2, **slow)
    stopped = await shard_run(Transport(cloud), tmp_path, 2, 2, **slow, deadline_s=50.0, drain_s=0.0)
    left = stopped.fleet["outcomes"]["interrupted"]
    result, run = merged(tmp_path, "1", "2")
    assert result.facts["exit_code"] == 5
    assert (run.fleet["listed"], run.fleet["outcomes"]["interrupted"]) == (60, left)
    assert left > 0
    settings = settings_for(tmp_path / "2", shard="2/2", resume=True, **slow)
    assert (await scan_over(Transport(cloud), settings)).exit_code in (0, 3)
    result, run = merged(tmp_path, "1", "2", out="again")
    assert (result.facts["exit_code"] in (0, 3), len(run.rows)) == (True, 60)


@in_virtual_time
async def test_a_scan_that_resumes_what_is_unfinished_passes_a_merged_run_by(tmp_path: Path) -> None:
    cloud, hooks, runs = cloud_of(machines=30), Notes(), tmp_path / "runs"
    await shard_run(Transport(cloud), tmp_path, 1, 2)
    merge([given("1", tmp_path / "1")], runs / "merged")
    settings = settings_for(None, runs=str(runs), resume=True, resume_within_s=86_400.0 * 300)
    summary = await scan_over(Transport(cloud), settings, hooks=hooks)
    assert (summary.totals["listed"], summary.directory == runs / "merged") == (30, False)
    assert [each for each in hooks.warnings if "merged" in each] == []


@in_virtual_time
async def test_a_run_is_merged_with_its_real_retry(tmp_path: Path) -> None:
    cloud = cloud_of(machines=60, failing_pct=40.0)
    _, base = await run_of(Transport(cloud), settings_for(tmp_path / "base"))
    retrying = settings_for(tmp_path / "retry", retry_failed=str(tmp_path / "base"))
    _, retry = await run_of(Transport(cloud), retrying)
    assert 0 < len(retry.rows) < len(base.rows)
    _, run = merged(tmp_path, "base", "retry")
    assert run.by_id.keys() == base.by_id.keys()
    later = {**base.by_id, **retry.by_id}
    assert {key: row["outcome"] for key, row in run.by_id.items()} == {
        key: row["outcome"] for key, row in later.items()
    }
    assert run.facts["selection"] == base.facts["selection"]
    again = settings_for(tmp_path / "again", retry_failed=str(tmp_path / "out"))
    await run_of(Transport(cloud), again)
    _, twice = merged(tmp_path, "again", "out", out="twice")
    assert twice.by_id.keys() == base.by_id.keys()
