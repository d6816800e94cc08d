"""An old run goes with its shards, unless a process is at work on one, or something else is among them."""

from __future__ import annotations

import fcntl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleetscan.errors import LockedError
from fleetscan.runs.pruning import remove, size_bytes, sort_out
from tests.runs.old_runs import DAY_S, old_run

HOUR_S = 3600.0


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A merged run of forty days ago, as a scan on a cluster leaves it; a newer one is kept."""
    old_run(tmp_path, "new", 1)
    run = old_run(tmp_path, "old", 40)
    (run / "journal.jsonl").unlink()
    for number in (1, 2):
        old_run(run / "shards", f"{number}-of-2", 40)
    (run / "shards" / "scan.json").write_text("{}")
    (run / "shards" / "driver.lock").touch()
    # What a driver leaves that is killed while it merges.
    (run / "shards" / "merged").mkdir()
    for name in ("results.jsonl", "totals.jsonl", "run.json"):
        (run / "shards" / "merged" / f".{name}.new").touch()
    return run


def why_kept(runs: Path) -> list[str]:
    """Why old runs stay."""
    found = sort_out(runs, datetime.now(UTC), 30 * DAY_S, HOUR_S)
    return [kept.why for kept in found.kept]


def test_a_run_goes_with_its_shards(run: Path) -> None:
    found = sort_out(run.parent, datetime.now(UTC), 30 * DAY_S, HOUR_S)
    assert [old.path for old in found.old] == [run]
    assert size_bytes(run) > 3_000_000
    remove(run)
    assert [path.name for path in run.parent.iterdir()] == ["new"]


@pytest.mark.parametrize(
    "name", ["shards/notes.txt", "shards/1-of-2/notes.txt", "shards/3-of-2x/run.json", "shards/1-of-2/a/b"]
)
def test_what_a_person_put_there_keeps_the_run(run: Path, name: str) -> None:
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).touch()
    [why] = why_kept(run.parent)
    told = name if name.endswith(".txt") else name.rpartition("/")[0]
    assert why == f"{told} in it is not a file that a scan wrote"


def test_a_link_in_a_shard_s_place_keeps_the_run(run: Path, tmp_path: Path) -> None:
    (run / "shards" / "3-of-3").symlink_to(tmp_path)
    assert why_kept(run.parent) == ["shards/3-of-3 in it is not a file that a scan wrote"]


@pytest.mark.parametrize("name", ["shards/driver.lock", "shards/2-of-2/journal.jsonl"])
def test_a_process_at_work_on_a_shard_keeps_the_run(run: Path, name: str) -> None:
    with (run / name).open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LockedError):
            remove(run)
    assert (run / "run.json").exists()
    assert (run / "shards" / "2-of-2" / "results.jsonl").exists()
