"""Locks are tried against another process, and what a mount says of other hosts is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetscan.doctor import disk_room, shared_disk
from fleetscan.doctor.disk_room import look_at
from fleetscan.doctor.shared_disk import Mount, holds_against_others, mount_of
from fleetscan.runs.lock import try_lock
from fleetscan.runs.opening import open_to_append

TABLE = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
23 22 0:5 / {place}/with\\040blank rw,nosuid shared:3 - nfs4 store:/runs rw,vers=4.2,local_lock=none
24 22 0:6 / {place}/own rw - nfs store:/runs rw,vers=3,local_lock=flock
25 22 0:7 / {place}/own/covered rw - tmpfs tmpfs rw
26 22 0:8 / {place}/ssh rw - fuse.sshfs me@host: rw
27 22 0:9 / {place}/share rw - cifs //host/share rw,nobrl
"""


def test_another_process_finds_what_this_one_has_locked(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fd = open_to_append(path, os.O_CREAT)
    try:
        assert not holds_against_others(path)
        assert try_lock(fd)
        assert holds_against_others(path)
    finally:
        os.close(fd)
    assert not holds_against_others(path)


def test_locks_that_another_process_does_not_find_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_disk, "LOOK", "raise SystemExit(1)")
    directory, found = look_at(str(tmp_path / "run"), "runs", None)
    assert directory is not None
    assert directory.locks_work is False
    assert [finding.status for finding in found] == ["failed"]


@pytest.mark.parametrize(
    ("place", "mount"),
    [
        ("elsewhere", Mount("ext4", is_shared=False)),
        ("with blank/run", Mount("nfs4", is_shared=True)),
        ("own", Mount("nfs", True, "it is mounted with local_lock=flock")),
        ("own/covered/run", Mount("tmpfs", is_shared=False)),
        ("ssh", Mount("fuse.sshfs", True, "it is fuse.sshfs")),
        ("share", Mount("cifs", True, "it is mounted with nobrl")),
    ],
)
def test_what_a_directory_is_on_is_read_from_the_table_of_mounts(
    tmp_path: Path, place: str, mount: Mount
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE.format(place=tmp_path))
    assert mount_of(tmp_path / place, table) == mount


def test_a_system_without_such_a_table_tells_nothing(tmp_path: Path) -> None:
    assert mount_of(tmp_path, tmp_path / "none") is None


def test_a_mount_whose_locks_are_this_host_s_alone_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE.format(place=tmp_path))
    monkeypatch.setattr(disk_room, "mount_of", lambda path: mount_of(path, table))
    (tmp_path / "own").mkdir()
    _, found = look_at(str(tmp_path / "own"), "runs", None)
    assert [finding.status for finding in found] == ["warning", "ok"]
    assert (
        found[0].what
        == f"locks in {tmp_path}/own hold on this host alone: it is mounted with local_lock=flock"
    )
    (tmp_path / "with blank").mkdir()
    _, found = look_at(str(tmp_path / "with blank"), "runs", None)
    assert found[0].what == (
        f"{tmp_path}/with blank is on nfs4; that locks hold across hosts is seen only from two hosts"
    )
