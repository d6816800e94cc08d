"""A merge that the disk refuses, or that is killed, leaves no run, half or whole, and the next one passes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fleetscan.errors import CannotWriteError, RunExistsError, UsageError
from fleetscan.merging.given import Given, given
from fleetscan.merging.merge import merge
from fleetscan.runs.directory import holds_run
from fleetscan.runs.found import runs_in
from fleetscan.runs.reader import open_run
from tests.cli.processes import CHECKOUT, LONG_S
from tests.disk_faults import Disk, Fault, Moment, on_disk
from tests.merge_measure import write_shards

FILES = ("results.jsonl", "totals.jsonl", "run.json")
MOMENTS = [
    *(Moment(call, name) for name in FILES for call in ("open", "write", "fsync", "replace")),
    Moment("write", "results.jsonl", 2),
    Moment("mkdir", "out"),
]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two shards, with rows of more than one piece."""
    return write_shards(tmp_path_factory.mktemp("shards"), 2, 60, 50)


def runs(shards: list[Path]) -> list[Given]:
    return [given(path.name, path) for path in shards]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment.call}-{moment.file}-{moment.nth}")
def test_a_disk_that_refuses_leaves_nothing(tmp_path: Path, shards: list[Path], moment: Moment) -> None:
    out = tmp_path / "out"
    given_runs = runs(shards)
    disk = Disk(Fault(errno.ENOSPC, moment, share=0.5))
    with on_disk(disk), pytest.raises(CannotWriteError, match="No space left on device") as refused:
        merge(given_runs, out)
    assert disk.has_failed
    assert refused.value.exit_code == 4
    assert str(refused.value).endswith("make room, or name another directory with out")
    assert not out.exists()
    assert merge(runs(shards), out).totals["listed"] == 120


def test_files_of_a_person_stay_beside_the_run(tmp_path: Path, shards: list[Path]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    disk = Disk(Fault(errno.EIO, Moment("replace", "run.json")))
    with on_disk(disk), pytest.raises(CannotWriteError):
        merge(runs(shards), out)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    merge(runs(shards), out)
    assert sorted(path.name for path in out.iterdir()) == ["notes.txt", *sorted(FILES)]


def test_a_scan_that_begins_there_meanwhile_keeps_its_directory(tmp_path: Path, shards: list[Path]) -> None:
    out = tmp_path / "out"

    def begin(_: object) -> None:
        (out / "journal.jsonl").write_bytes(b"theirs")

    with pytest.raises(RunExistsError):
        merge(runs(shards), out, begin)
    assert [path.name for path in out.iterdir()] == ["journal.jsonl"]


def test_two_merges_into_one_directory_do_not_mix(tmp_path: Path, shards: list[Path]) -> None:
    out = tmp_path / "out"
    said: list[str] = []

    def second(_: object) -> None:
        with pytest.raises(UsageError) as refused:
            merge(runs(shards), out)
        said.append(str(refused.value))

    merge(runs(shards), out, second)
    assert said == [
        f"another process is writing into {out}; wait until it ends, or name another directory with out"
    ]
    assert open_run(out).incomplete == []


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_a_merge_that_is_killed_leaves_no_run(
    tmp_path: Path, shards: list[Path], signal_number: signal.Signals
) -> None:
    kept = tmp_path / "runs"
    rows = kept / "out" / ".results.jsonl.new"
    # A source that never ends: the merge waits where it reads the second shard's rows.
    arguments = ["merge", *map(str, shards), "--out", str(kept / "out"), "--runs", str(kept)]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *arguments], cwd=CHECKOUT, stderr=subprocess.PIPE
    ) as process:
        until = time.monotonic() + LONG_S
        while not (rows.exists() and rows.stat().st_size) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal_number)
        process.wait(LONG_S)
    assert process.returncode != 0
    assert not holds_run(kept / "out")
    assert (runs_in(kept).runs, runs_in(kept).damaged) == ([], [])
    left = {path.name for path in (kept / "out").iterdir()}
    assert left == (set() if signal_number == signal.SIGTERM else {f".{name}.new" for name in FILES})
    merge(runs(shards), kept / "out")
    assert {path.name for path in (kept / "out").iterdir()} == {*FILES}
    assert os.stat(kept / "out" / "run.json").st_mode & 0o777 == 0o600


# The same process, whose disk is slow.
SLOW = """
import os, time
write, done = os.write, []
def slow(fd, data):
    if done:
        time.sleep(60)
    done.append(1)
    return write(fd, data)
from fleetscan.runs import disk
disk.os.write = slow
import sys
sys.argv = ["fleetscan", *sys.argv[1:]]
from fleetscan.__main__ import main
main()
"""
