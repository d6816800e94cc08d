"""Whether runs can be kept in a directory: files, locks and free space. What it makes there it removes.

A directory that is not there yet is made by a scan: its nearest parent is looked at instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from fleetscan.doctor.findings import Directory, Finding
from fleetscan.doctor.shared_disk import holds_against_others, mount_of
from fleetscan.errors import Remedy
from fleetscan.places import is_url
from fleetscan.runs.directory import holds_run, path_of
from fleetscan.runs.disk import reason
from fleetscan.runs.lock import is_locked, try_lock
from fleetscan.runs.opening import open_to_append

# Measured with simulated fleets: 13 kB a VM with 20 patches, 26 kB with 60, two thirds of it results.
VM_BYTES = 30_000
# With less than this many runs' room there is little time to notice.
SPARE_RUNS = 3
MIB, GIB = 1024**2, 1024**3


def look_at(out: str | None, runs: str, vms: int | None) -> tuple[Directory | None, list[Finding]]:
    """Where a run would be kept and what is wrong with it; `vms` is the size of the fleet, where it is known.

    Raises UsageError for an empty name.
    """
    if out == "-":
        return None, [Finding("directory", "ok", "rows go to standard output: nothing is kept on disk")]
    setting, named = ("runs", runs) if out is None else ("out", out)
    if is_url(named):
        from fleetscan.doctor.storage_room import look_at_place

        return look_at_place(named, setting)
    path = path_of(named)
    try:
        standing = _nearest(path)
        locks_work = _try_file(standing)
        free_bytes = shutil.disk_usage(standing).free
    except NotADirectoryError as error:
        remedy = Remedy(f"name a directory with {{{setting}}}", {setting: None})
        return _unwritable(path, error, remedy)
    except OSError as error:
        remedy = Remedy(
            f"give this user the right to write there, or name another with {{{setting}}}", {setting: None}
        )
        return _unwritable(path, error, remedy)
    needed = None if vms is None else vms * VM_BYTES
    directory = Directory(str(path), True, locks_work, free_bytes, needed)
    return directory, [*_of_run(path, out), *_of_mount(standing), _finding_of(directory, setting)]


def _unwritable(path: Path, error: OSError, remedy: Remedy) -> tuple[Directory, list[Finding]]:
    finding = Finding("directory", "failed", f"{path} cannot be written: {reason(error)}", remedy)
    return Directory(str(path), is_writable=False, locks_work=None, free_bytes=None), [finding]


def _nearest(path: Path) -> Path:
    """`path`, or the parent that is there. Raises NotADirectoryError where a file is in the way."""
    standing = path.absolute()
    while not os.path.lexists(standing):
        standing = standing.parent
    if not standing.is_dir():
        raise NotADirectoryError(0, f"{standing} is not a directory")
    return standing


def _try_file(directory: Path) -> bool:
    """Make a file there, write and lock it as a run's journal, and remove it; whether the lock holds."""
    fd, name = tempfile.mkstemp(prefix=".fleetscan-doctor-", dir=directory)
    try:
        os.write(fd, b"\n")
        os.fsync(fd)
        return _holds_lock(fd, Path(name))
    finally:
        os.close(fd)
        os.unlink(name)


def _holds_lock(fd: int, path: Path) -> bool:
    """Whether a lock on the file is held against others that open it, here and in another process."""
    other = open_to_append(path, 0)
    try:
        return try_lock(fd) and is_locked(other) and holds_against_others(path)
    except OSError:
        return False
    finally:
        os.close(other)


def _of_run(path: Path, out: str | None) -> list[Finding]:
    if out is None or not holds_run(path):
        return []
    remedy = Remedy(
        "name another directory with {out}, or go on with that run: {resume}", {"out": None, "resume": True}
    )
    return [
        Finding("directory", "warning", f"{path} already holds a run, which a scan never overwrites", remedy)
    ]


def _of_mount(standing: Path) -> list[Finding]:
    """What is to be known where several hosts write there, as the workers of a cluster do."""
    mount = mount_of(standing)
    if mount is None or not mount.is_shared:
        return []
    if mount.why_own is not None:
        what = f"locks in {standing} hold on this host alone: {mount.why_own}"
        return [Finding("directory", "warning", what, Remedy("have one host alone write there"))]
    what = f"{standing} is on {mount.kind}; that locks hold across hosts is seen only from two hosts"
    return [Finding("directory", "ok", what)]


def _finding_of(directory: Directory, setting: str) -> Finding:
    free, needed = directory.free_bytes or 0, directory.needed_bytes or 0
    elsewhere = Remedy(f"make room, or name a directory elsewhere with {{{setting}}}", {setting: None})
    if not directory.locks_work:
        what = f"files in {directory.path} cannot be locked: two scans could write one run"
        return Finding(
            "directory", "failed", what, Remedy(f"name a local disk with {{{setting}}}", {setting: None})
        )
    what = f"{directory.path} can be written; {size(free)} free"
    if needed:
        what += f", a run of this fleet needs some {size(needed)}"
    if free < needed:
        return Finding("directory", "failed", what, elsewhere)
    if needed and free < SPARE_RUNS * needed:
        return Finding("directory", "warning", what, elsewhere)
    return Finding("directory", "ok", what)


def size(number: int) -> str:
    """A size in words."""
    for unit, unit_bytes in (("GiB", GIB), ("MiB", MIB)):
        if number >= unit_bytes:
            return f"{number / unit_bytes:,.1f} {unit}"
    return f"{number // 1024:,} KiB"
