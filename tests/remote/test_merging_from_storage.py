"""Shards whose runs lie in object storage, merged into a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

import fleetscan
from fleetscan.cli.main import run as fleetscan_with
from fleetscan.places import Address
from fleetscan.remote.storage import Storage
from tests.face.test_live_scan import TOKEN, azure, settings_for


async def shards_at(place: str) -> set[str]:
    """Have a fleet scanned in two shards below `place`; the ids of its VMs."""
    async with azure(machines=14, subscriptions=4) as (cloud, endpoint):
        for number in (1, 2):
            settings = settings_for(endpoint, out=f"{place}/{number}", shard=f"{number}/2", shard_by="vm")
            async with fleetscan.scan(settings, credential=TOKEN) as live:
                assert (await live.finish()).exit_code == 0
    return {machine.key for machine in cloud.fleet}


async def test_shards_in_storage_are_merged_and_named_by_their_urls(container: str, tmp_path: Path) -> None:
    keys = await shards_at(container)
    sources = [f"{container}/1", f"{container}/2"]
    assert fleetscan_with(["merge", *sources, "--out", str(tmp_path / "whole"), "--quiet"]) == 0
    merged = fleetscan.open_run(tmp_path / "whole")
    assert {row["resource_id"].lower() for row in merged.rows()} == keys
    assert [source["path"] for source in merged.facts["sources"]] == sources


async def test_a_shard_without_its_marker_is_no_whole_one(
    container: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = await shards_at(container)
    Storage.open(Address.of(f"{container}/2")).remove("complete")
    out = tmp_path / "part"
    assert fleetscan_with(["merge", f"{container}/1", f"{container}/2", "--out", str(out)]) == 5
    merged = fleetscan.open_run(out)
    assert merged.totals()["listed"] == len(keys)
    assert not merged.is_complete
    assert f"{container}/2" in capsys.readouterr().err


async def test_a_shard_that_is_not_given_is_missing(container: str, tmp_path: Path) -> None:
    keys = await shards_at(container)
    assert fleetscan_with(["merge", f"{container}/1", "--out", str(tmp_path / "part"), "--quiet"]) == 5
    totals = fleetscan.open_run(tmp_path / "part").totals()
    own = sum(1 for _ in fleetscan.open_run(tmp_path / "part").rows())
    assert 0 < own < len(keys)
    assert (totals["listed"], totals["outcomes"]["interrupted"]) == (len(keys), len(keys) - own)
