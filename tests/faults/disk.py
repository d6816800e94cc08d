"""Kills in the middle of a write: the bytes so far are on the disk, and the process is no more.

A flush is noted and not done: what a power cut would have left is known without waiting for the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from fleetscan.runs import disk
from fleetscan.runs.disk import write_whole


class KilledError(BaseException):
    """The process is gone; nothing of ours may catch this."""


@contextmanager
def killing(at_write: int | None, share: Callable[[], float], flushed: dict[int, int]) -> Iterator[None]:
    """Kill the process in its `at_write`th write, of which a `share` of 0.0 to 1.0 still reaches the disk.

    What of it still runs here writes nothing any more.

    `flushed` comes to hold how many bytes of each file, by inode, outlive a power cut.
    """
    writes = 0

    def write(fd: int, data: bytes) -> None:
        nonlocal writes
        writes += 1
        if writes == at_write:
            write_whole(fd, data[: int(share() * len(data))])
            raise KilledError
        if at_write is not None and writes > at_write:
            raise KilledError
        write_whole(fd, data)

    def fsync(fd: int) -> None:
        file = os.fstat(fd)
        flushed[file.st_ino] = file.st_size

    with (
        mock.patch.object(os, "fsync", fsync),
        mock.patch.object(disk, "write_whole", write),
    ):
        yield
