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
from fleetscan.runs.disk import reason, replace_file
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
    if _holds_shards(path / SHARDS):
        remedy = Remedy("go on with it: {resume}; or name another directory with {out}",
                        {"resume": True, "out": None})  # fmt: skip
        raise UsageError(f"{path} already holds the shards of a scan", remedy)


def _holds_shards(shards: Path) -> bool:
    """Whether a scan began there; what a driver leaves that dies before that is no scan."""
    try:
        return bool({entry.name for entry in os.scandir(shards)} - {LOCK, f".{SCAN}.new"})
    except FileNotFoundError:
        return False
    except OSError as error:
        raise CannotWriteError(str(shards.parent), reason(error)) from error


def make_place(path: Path, scan: str, of: int) -> Place:
    """A new scan in the directory `path`, which is `driven`. Raises CannotWriteError."""
    place = Place(path, scan, of)
    try:
        replace_file(path / SHARDS / SCAN, json_text.encode_line({"scan": scan, "shards": of}))
    except OSError as error:
        raise CannotWriteError(str(path), reason(error)) from error
    return place


def forget(place: Place, *, is_ours: bool) -> None:
    """Remove a scan without a begun shard, and its directory too if `is_ours`: named by us."""
    shards = place.path / SHARDS
    # The first that is not empty ends it: a shard has begun after all.
    with suppress(OSError):
        for path in filter(Path.exists, place.shards()):
            path.rmdir()
        (shards / SCAN).unlink()
        if is_ours:
            (shards / LOCK).unlink()
            shards.rmdir()
            place.path.rmdir()


@contextmanager
def driven(path: Path) -> Iterator[Path]:
    """Make the directory `path`; while the block runs no other driver has it.

    Raises LockedError, CannotWriteError.
    """
    make_directory(path / SHARDS)
    try:
        fd = open_to_append(path / SHARDS / LOCK, os.O_CREAT)
    except OSError as error:
        raise CannotWriteError(str(path), reason(error)) from error
    try:
        if not try_lock(fd):
            raise LockedError(str(path), "another scan on a cluster")
        yield path
    finally:
        os.close(fd)
