"""Whether runs can be kept in a directory: what is made there to find out is gone afterwards."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fleetscan.doctor.disk_room import look_at, size
from fleetscan.errors import UsageError

GIB = 1024**3


def looked(out: Path | str | None, vms: int | None = None, runs: str = "unused") -> tuple[str, str]:
    """How the last check of a directory ended, and its sentence."""
    _, findings = look_at(None if out is None else str(out), runs, vms)
    return findings[-1].status, findings[-1].what


def test_a_directory_that_is_not_there_yet_is_judged_by_its_parent_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    directory, [finding] = look_at(str(path), "unused", 1000)
    assert (finding.check, finding.status) == ("directory", "ok")
    assert directory is not None
    assert (directory.is_writable, directory.locks_work, directory.needed_bytes) == (True, True, 30_000_000)
    assert os.listdir(tmp_path) == []


def test_without_out_runs_are_kept_under_runs(tmp_path: Path) -> None:
    directory, _ = look_at(None, str(tmp_path / "runs"), None)
    assert directory is not None
    assert (directory.path, directory.needed_bytes) == (str(tmp_path / "runs"), None)


def test_standard_output_needs_no_disk() -> None:
    assert look_at("-", "unused", 5)[0] is None


def test_an_empty_name_is_an_unset_variable() -> None:
    with pytest.raises(UsageError, match="empty"):
        look_at("", "unused", None)


def test_a_file_in_the_way_fails_and_says_which(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    status, what = looked(tmp_path / "runs" / "tonight")
    assert (status, what) == (
        "failed",
        f"{tmp_path}/runs/tonight cannot be written: {tmp_path}/runs is not a directory",
    )
    assert (tmp_path / "runs").read_text() == "mine"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_directory_that_takes_no_file_fails_with_the_system_s_words(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.open", refuse)
    directory, [finding] = look_at(str(tmp_path), "unused", 5)
    assert (finding.status, finding.what) == ("failed", f"{tmp_path} cannot be written: {os.strerror(code)}")
    assert directory is not None
    assert (directory.is_writable, directory.locks_work) == (False, None)
    assert finding.remedy is not None
    assert "out" in finding.remedy.told()


def test_a_disk_that_fills_up_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.write", full)
    assert looked(tmp_path)[0] == "failed"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("way", ["refused", "not kept"])
def test_a_disk_without_locks_fails(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(fd: int, how: int) -> None:
        if way == "refused":
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    status, what = looked(tmp_path)
    assert (status, "cannot be locked" in what) == ("failed", True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("free_bytes", "vms", "status"),
    [
        (29_999_999, 1000, "failed"),
        (30_000_000, 1000, "warning"),
        (89_999_999, 1000, "warning"),
        (90_000_000, 1000, "ok"),
        (1, None, "ok"),
        (0, 0, "ok"),
    ],
)
def test_free_space_is_held_against_what_the_counted_fleet_needs(
    free_bytes: int, vms: int | None, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free_bytes))
    assert looked(tmp_path, vms)[0] == status


def test_a_run_that_is_there_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").touch()
    _, [run, disk] = look_at(str(tmp_path), "unused", None)
    assert (run.status, disk.status) == ("warning", "ok")
    assert "already holds a run" in run.what


def test_sizes_are_told_in_their_units() -> None:
    assert [size(0), size(2048), size(3 * 1024**2), size(3 * GIB // 2)] == [
        "0 KiB",
        "2 KiB",
        "3.0 MiB",
        "1.5 GiB",
    ]
