"""What a scan on a cluster leaves below its run: a directory for each shard, and the driver's own files.

A run's removal has to know them by their names, as it knows a run's: what else is there is a person's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from fleetscan.runs.directory import EVERY_FILE, JOURNAL

SHARDS = "shards"
SCAN = "scan.json"
LOCK = "driver.lock"
# Where shards are merged, before the merged run is put in its place.
MERGED = "merged"
# The hidden ones are what a process leaves that dies while it puts a file in place.
FILES = (*EVERY_FILE, *(f".{name}.new" for name in EVERY_FILE))
DRIVERS = (SCAN, LOCK, f".{SCAN}.new")
SHARD = re.compile(rf"[1-9][0-9]*-of-[1-9][0-9]*|{MERGED}")


def known_in(run: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Each directory of the run in `run`, inner ones first, with the files of ours that it may hold."""
    shards = run / SHARDS
    if shards.is_dir() and not shards.is_symlink():
        for path in sorted(shards.iterdir()):
            if SHARD.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                yield path, FILES
        yield shards, DRIVERS
    yield run, FILES


def stranger_in(run: Path) -> str | None:
    """What is in the directory of the run, or below it, that no scan wrote there; raises OSError."""
    directories = {path for path, _ in known_in(run)}
    for path, names in known_in(run):
        with os.scandir(path) as entries:
            found = sorted(
                entry.name
                for entry in entries
                if Path(entry.path) not in directories
                and (entry.name not in names or not entry.is_file(follow_symlinks=False))
            )
        if found:
            return (path / found[0]).relative_to(run).as_posix()
    return None


def locks_of(run: Path) -> list[Path]:
    """The files that a process has locked that is at work on the run, or on a shard of it."""
    told = ((path / JOURNAL, path / LOCK) for path, _ in known_in(run))
    return [path for pair in told for path in pair if path.exists()]
