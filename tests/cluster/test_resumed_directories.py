"""The directory of a scan on a cluster that is gone on with: what its driver left, and whose scan it is."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetscan.cluster.place import Place, driven, make_place
from fleetscan.cluster.resumable import refuse_other
from fleetscan.cluster.whole import merge_shards
from fleetscan.errors import CannotResumeError
from fleetscan.runs.reader import open_run
from fleetscan.scanner.asking import selection_of
from fleetscan.settings.declared import Settings
from tests.merging.shard_runs import BEGAN_AT_S, End, Made, fleet, write

BEGAN = datetime.fromtimestamp(BEGAN_AT_S, UTC)
SOON = BEGAN + timedelta(hours=1)
LATE = BEGAN + timedelta(hours=21)
ASKED = Settings(endpoint="https://management.azure.com", location=("westeurope",))


def begun(path: Path, end: End = "whole") -> Place:
    """A scan whose two shards have ended so."""
    with driven(path):
        place = make_place(path, "1", 2)
    vms = fleet(random.Random(1), 1, 10)
    for number in (1, 2):
        own = vms[number - 1 :: 2]
        made = Made(f"{number}" * 8, own, end, (number, 2, "vm"), None)
        made.selection = {**selection_of(ASKED), "shard": f"{number}/2", "shard_by": "vm"}
        write(place.shard(number), made)
    return place


@pytest.mark.parametrize("name", ["run.json", "results.jsonl", "totals.jsonl", "journal.jsonl"])
def test_what_a_driver_leaves_that_is_killed_while_it_merges_is_removed(tmp_path: Path, name: str) -> None:
    place = begun(tmp_path / "run")
    beside = place.path / "shards" / "merged"
    beside.mkdir()
    (beside / f".{name}.new").touch()
    merged = merge_shards(place)
    assert merged is not None
    assert merged.totals["listed"] == 10
    assert not beside.exists()
    assert open_run(place.path).is_complete


def test_the_same_selection_is_gone_on_with(tmp_path: Path) -> None:
    place = begun(tmp_path / "run", "stopped")
    settings = Settings(endpoint="https://management.azure.com", location=("West Europe",), shard_by="vm")
    refuse_other(place, settings, SOON)
    merge_shards(place)
    refuse_other(place, settings, SOON)


@pytest.mark.parametrize("is_merged", [False, True])
@pytest.mark.parametrize("end", ["whole", "stopped", "killed"])
def test_another_selection_is_refused(tmp_path: Path, end: End, is_merged: bool) -> None:
    place = begun(tmp_path / "run", end)
    if is_merged:
        merge_shards(place)
    with pytest.raises(CannotResumeError, match="it was started with another location"):
        refuse_other(place, Settings(shard_by="vm"), SOON)
    other = Settings(endpoint="https://management.azure.com", location=("westeurope",))
    with pytest.raises(CannotResumeError, match="it was started with another shard-by"):
        refuse_other(place, other, SOON)


@pytest.mark.parametrize("is_merged", [False, True])
@pytest.mark.parametrize("end", ["whole", "stopped", "killed"])
def test_one_that_began_too_long_ago_is_refused(tmp_path: Path, end: End, is_merged: bool) -> None:
    place = begun(tmp_path / "run", end)
    if is_merged:
        merge_shards(place)
    settings = Settings(endpoint="https://management.azure.com", location=("westeurope",), shard_by="vm")
    with pytest.raises(CannotResumeError, match="more than 20 h ago"):
        refuse_other(place, settings, LATE)


def test_nothing_is_refused_where_no_shard_has_begun(tmp_path: Path) -> None:
    with driven(tmp_path / "run") as path:
        refuse_other(make_place(path, "1", 2), ASKED, LATE)
