"""The few things a run asks of the disk: whole writes, whole files, and what to say where it refuses."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fleetscan.errors import OutputError, ResumeCommand, resume_with
from fleetscan.places import told
from fleetscan.runs.opening import BINARY, OWNER_ALONE

OWNER_ALONE_DIRECTORY = 0o700

# A full disk, and a quota that is used up.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

BLOCK_BYTES = 64 * 1024


def write_whole(fd: int, data: bytes) -> None:
    """Write all of `data`: one write() as a rule, more where the system took only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in place of `path`: a reader sees the old file or the new one. Raises OutputError."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | BINARY, OWNER_ALONE)
        try:
            write_whole(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(new, path)
    except OSError as error:
        # On a full disk what came of it would take the room that a resume needs.
        with suppress(OSError):
            new.unlink()
        raise cannot_go_on(path, error) from error
    sync_directory(path.parent)


def put_file(path: Path, data: bytes, on_new: Callable[[Path], object] = lambda _: None) -> None:
    """Put `data` in place of the file `path`, for its owner alone: whole or not at all. Raises OSError.

    Several processes may do so at once: each writes beside it, under a name of its own, and renames. `on_new`
    is told that name.
    """
    fd, new = tempfile.mkstemp(prefix=f".{path.name[:64]}.new-", dir=path.parent)
    on_new(Path(new))
    try:
        try:
            write_whole(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise
    sync_directory(path.parent)


def written_bytes(fd: int) -> int:
    """How long a file is without the zeros at its end: the place of what a power cut kept from the disk."""
    size_bytes = os.fstat(fd).st_size
    while size_bytes:
        start = max(0, size_bytes - BLOCK_BYTES)
        os.lseek(fd, start, os.SEEK_SET)
        if written := os.read(fd, size_bytes - start).rstrip(b"\0"):
            return start + len(written)
        size_bytes = start
    return 0


def make_directories(path: Path) -> None:
    """Make `path` and its missing parents, each for its owner alone; makedirs would only make the last so."""
    for directory in (*reversed(path.parents), path):
        directory.mkdir(OWNER_ALONE_DIRECTORY, exist_ok=True)


def reason(error: OSError) -> str:
    """The system's own words for what went wrong."""
    return error.strerror or str(error)


def cannot_go_on(path: Path, error: OSError) -> OutputError:
    """What to say where the file `path` of a run that has begun takes no more."""
    first = "make room" if error.errno in NO_ROOM else "fix that"
    return OutputError(str(path), reason(error), resume_with(ResumeCommand(told(str(path.parent))), first))


def sync_directory(path: Path) -> None:
    """Have the names in `path` outlive a power cut, where the file system knows how."""
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
