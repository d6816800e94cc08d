"""The rows of a run against its journal: every one is the row that was told of, and each VM has one at most.

It reads and changes nothing. results.jsonl is streamed, row by row, so that memory does not grow with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from zlib import crc32

from fleetscan import json_text
from fleetscan.errors import BrokenIdentityError
from fleetscan.model import Ending, Outcome, Reason, Target
from fleetscan.records import machine_row
from fleetscan.records.checked import check_of
from fleetscan.records.journal import VmEnded
from fleetscan.records.row import REASONS, Row
from fleetscan.records.story import Story
from fleetscan.records.times import WallClock
from fleetscan.runs import disk
from fleetscan.runs.opening import open_to_read

BUFFER_BYTES = 1024 * 1024
# The keys that a row begins with; a string's quotes and escapes are within the group.
BEGINNING = re.compile(rb'\{"schema":"[^"]*","scan_id":"[^"]*","resource_id":("(?:[^"\\]|\\.)*"),')


@dataclass(frozen=True, slots=True)
class Mending:
    """What the files lack to agree: the VMs whose rows are `lost`, the ends that were `untold`.

    Whole rows end at `rows_end_at`.
    """

    rows_end_at: int
    lost: list[int] = field(default_factory=list)
    untold: list[VmEnded] = field(default_factory=list)


def compare(story: Story, path: Path) -> Mending:
    """Check the rows in the file `path` against `story`, and have `story` tell what they say.

    Raises ValueError, in words, where a whole row is not the one that was told of, or is none of this run's.
    """
    try:
        with open_to_read(path, BUFFER_BYTES) as rows:
            size_bytes = disk.written_bytes(rows.fileno())
            rows.seek(0)
            return _compare(story, rows, size_bytes)
    except FileNotFoundError:
        lost = list(story.rows)
        for number in lost:
            story.lose_row(number)
        return Mending(0, lost)


def _compare(story: Story, rows: IO[bytes], size_bytes: int) -> Mending:
    # 1. Rows that are told of and are not there: a kill or a power cut took them. Those VMs have not ended.
    lost = [number for number, mark in story.rows.items() if mark.ends_at > size_bytes]
    for number in lost:
        story.lose_row(number)
    # 2. All others are there, end to end, byte for byte.
    told_to = _check_told(story, rows)
    # 3. Whole rows that are not told of: a power cut took the journal's lines. 4. The rest is half a row.
    untold = list(_untold(story, rows, told_to, size_bytes))
    return Mending(untold[-1].row_ends_at if untold else told_to, lost, untold)


def _check_told(story: Story, rows: IO[bytes]) -> int:
    """The byte where the last row ends that the journal tells of."""
    begins_at = 0
    for number, mark in sorted(story.rows.items(), key=lambda told: told[1].ends_at):
        row = rows.read(max(0, mark.ends_at - begins_at))
        if not row.endswith(b"\n") or crc32(row) != mark.crc:
            name = story.targets[number].name
            raise ValueError(f"the row of {name} that ends at byte {mark.ends_at:,} is not as it was written")
        begins_at = mark.ends_at
    return begins_at


def _untold(story: Story, rows: IO[bytes], begins_at: int, size_bytes: int) -> Iterator[VmEnded]:
    """The end of each VM whose whole row comes after those that the journal tells of."""
    numbers: dict[str, int] = {}
    while (line := rows.readline(size_bytes - begins_at)).endswith(b"\n"):
        numbers = numbers or {target.key: number for number, target in enumerate(story.targets)}
        begins_at += len(line)
        try:
            number, row = _row_of(story, line, numbers)
            ended = VmEnded(number, begins_at, crc32(line), machine_row.counted(row))
            ended.tell(story)
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"the line that ends at byte {begins_at:,} is no row, or is not of the VMs in its journal"
            ) from error
        yield ended


def _row_of(story: Story, line: bytes, numbers: dict[str, int]) -> tuple[int, Row]:
    """The VM and the row of a line that the journal does not vouch for; raises ValueError, KeyError."""
    row: Row = check_of(Row)(json_text.parse(line))
    number = numbers[row["resource_id"].lower()]
    if json_text.encode_line(row) != line or row["reason"] not in REASONS[row["outcome"]]:
        raise ValueError("no scan writes such a row")
    if not _is_of(row, story.scan_id, story.targets[number]):
        raise ValueError("it tells of another VM")
    return number, row


def _is_of(row: Row, scan_id: str, target: Target) -> bool:
    """Whether `row` begins as every row of `target` does: all that is written before its outcome."""
    ending = Ending(Outcome.SKIPPED, Reason.NOT_RUNNING)
    beginning: dict[str, object] = {**machine_row.row(scan_id, target, ending, WallClock.at_zero())}
    told: dict[str, object] = {**row}
    return all(told[name] == beginning[name] for name in machine_row.BEFORE_OUTCOME)


def count_anew(path: Path, rows_written: int, keys: Collection[str] | None) -> None:
    """Raise BrokenIdentityError unless `path` has so many rows, each of another VM, all of them among `keys`.

    `keys` are None where the fleet is not known any more. Raises OSError too.
    """
    seen: set[str] = set()
    count = 0
    with open_to_read(path, BUFFER_BYTES) as rows:
        for count, row in enumerate(rows, start=1):
            key = _key_of(row)
            if key in seen or (keys is not None and key not in keys):
                raise BrokenIdentityError(
                    f"row {count:,} of {path} is of a VM that has a row already or was not listed"
                )
            seen.add(key)
    if count != rows_written:
        raise BrokenIdentityError(f"{path} holds {count:,} rows, and {rows_written:,} were written")


def _key_of(row: bytes) -> str:
    begun = BEGINNING.match(row)
    return "" if begun is None else str(json_text.parse(begun[1])).lower()
