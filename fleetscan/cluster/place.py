"""The directory of a scan on a cluster: `shards/` has a directory for each shard, and the driver's file.

`shards/scan.json` says how many shards there are, for a resume, and under which name the scan's tasks are
known; its lock keeps a second driver away. It holds no secrets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fleetscan import json_text
from fleetscan.errors import CannotResumeError, CannotWriteError, LockedError, Remedy, UsageError
from fleetscan.runs.directory import RESULTS, make_directory, refuse_used
from fleetscan.runs.disk import make_directories, reason, replace_file
from fleetscan.runs.lock import try_lock
from fleetscan.runs.opening import open_to_append, read_whole
from fleetscan.runs.shard_files import LOCK, SCAN, SHARDS


@dataclass(frozen=True, slots=True)
class Place:
    """A scan's directory `path`, its id on the cluster, and its number of shards."""

    path: Path
    scan: str
    of: int

    def shard(self, number: int) -> Path:
        """The directory of a shard's own run."""
        return self.path / SHARDS / f"{number}-of-{self.of}"

    def shards(self) -> Iterator[Path]:
        """All of them, whether they are there or not."""
        return map(self.shard, range(1, self.of + 1))

    def rows_bytes(self, number: int) -> int:
        """How long a shard's results are; 0 where there are none."""
        with suppress(OSError):
            return (self.shard(number) / RESULTS).stat().st_size
        return 0


def place_in(path: Path) -> Place | None:
    """The scan that began in the directory `path`; None where there is none. Raises CannotResumeError."""
    file = path / SHARDS / SCAN
    try:
        match json_text.parse(read_whole(file)):
            case {"scan": str(scan), "shards": int(of)} if scan.isalnum() and of > 0:
                return Place(path, scan, of)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CannotResumeError(str(path), f"{file} cannot be read ({error})") from error
    raise CannotResumeError(str(path), f"{file} does not say how many shards there are")


def refuse_begun(path: Path) -> None:
    """Raise UsageError where `path` holds a run, or the shards of one."""
    refuse_used(path)
    if (path / SHARDS).exists():
        remedy = Remedy("go on with it: {resume}; or name another directory with {out}",
                        {"resume": True, "out": None})  # fmt: skip
        raise UsageError(f"{path} already holds the shards of a scan", remedy)


def make_place(path: Path, scan: str, of: int) -> Place:
    """A new scan's directory. Raises CannotWriteError."""
    place = Place(path, scan, of)
    make_directory(path)
    try:
        make_directories(path / SHARDS)
        replace_file(path / SHARDS / SCAN, json_text.encode_line({"scan": scan, "shards": of}))
    except OSError as error:
        raise CannotWriteError(str(path), reason(error)) from error
    return place


@contextmanager
def driven(place: Place) -> Iterator[None]:
    """While the block runs no other driver has the scan; raises LockedError, CannotWriteError."""
    file = place.path / SHARDS / LOCK
    try:
        fd = open_to_append(file, os.O_CREAT)
    except OSError as error:
        raise CannotWriteError(str(place.path), reason(error)) from error
    try:
        if not try_lock(fd):
            raise LockedError(str(place.path), "another scan on a cluster")
        yield
    finally:
        os.close(fd)
