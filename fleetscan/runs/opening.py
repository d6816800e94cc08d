"""How a run's files are opened: without waiting, and only files; to be written, only files of ours.

A FIFO would be waited for, a device has no end, and through a link or a second name what is written goes into
a file elsewhere. Each is refused as an OSError whose `strerror` says what it is.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Windows lacks the first two, and would write CRLF without the third.
NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
BINARY: int = getattr(os, "O_BINARY", 0)

OWNER_ALONE = 0o600
# What a path leads to, as people call it.
KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NoFileError(OSError):
    """In the place of a file is something else. `strerror` is "it is a pipe, not a file"."""


class NotOursError(OSError):
    """A file that is not to be written. `strerror` is "it belongs to another user"."""


def open_to_read(
    path: str | os.PathLike[str], buffer_bytes: int = io.DEFAULT_BUFFER_SIZE
) -> io.BufferedReader:
    """The file at `path`, or where a link leads; raises NoFileError, and OSError as `open` does."""
    return io.BufferedReader(io.FileIO(_open(path, os.O_RDONLY)), buffer_bytes)


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """The bytes of the file at `path`; raises what `open_to_read` does."""
    with open_to_read(path) as file:
        return file.read()


def open_to_append(path: Path, how: int) -> int:
    """A descriptor that reads and appends, for the owner alone where the file is made.

    A file that was there is ours alone. Raises NoFileError, NotOursError, and OSError.
    """
    fd = _open(path, os.O_RDWR | os.O_APPEND | NOFOLLOW | how)
    try:
        refuse_others(path, os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def refuse_others(path: Path, found: os.stat_result) -> None:
    """Raise NoFileError or NotOursError unless what is `found` at `path` is a file, and ours alone."""
    if stat.S_ISLNK(found.st_mode):
        raise NotOursError(errno.ELOOP, "it is a symbolic link", str(path))
    _refuse_no_file(path, found.st_mode)
    if found.st_nlink > 1:
        raise NotOursError(errno.EMLINK, "it has a second name elsewhere (a hard link)", str(path))
    if not _is_ours(path, found.st_uid):
        raise NotOursError(errno.EPERM, "it belongs to another user", str(path))


def keep_to_owner(path: Path) -> None:
    """Have the file of ours at `path`, where there is one, readable by its owner alone.

    A file system that knows no such thing leaves it as it is.
    """
    with suppress(OSError):
        fd = _open(path, os.O_RDONLY | NOFOLLOW)
        try:
            if os.name == "posix" and stat.S_IMODE(os.fstat(fd).st_mode) != OWNER_ALONE:
                os.fchmod(fd, OWNER_ALONE)
        finally:
            os.close(fd)


def _open(path: str | os.PathLike[str], flags: int) -> int:
    try:
        fd = os.open(path, flags | NONBLOCK | BINARY, OWNER_ALONE)
    except OSError as error:
        # 1. A socket cannot be opened, nor a directory to be written, nor a link that is not to be followed.
        raise _told(path, error, os.lstat if flags & NOFOLLOW else os.stat) from error
    try:
        # 2. All else shows once it is open.
        _refuse_no_file(path, os.fstat(fd).st_mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _told(path: str | os.PathLike[str], error: OSError, look: Callable[..., os.stat_result]) -> OSError:
    """`error`, or what is in the file's place where that is why."""
    try:
        mode = look(path).st_mode
    except OSError:
        return error
    if stat.S_ISLNK(mode):
        return NotOursError(errno.ELOOP, "it is a symbolic link", str(path))
    return error if stat.S_ISREG(mode) else _no_file(path, mode)


def _refuse_no_file(path: str | os.PathLike[str], mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise _no_file(path, mode)


def _no_file(path: str | os.PathLike[str], mode: int) -> NoFileError:
    kind = KINDS.get(stat.S_IFMT(mode), "something else")
    return NoFileError(errno.EINVAL, f"it is {kind}, not a file", os.fspath(path))


def _is_ours(path: Path, owner: int) -> bool:
    """Whether `owner` is this process's user, or the owner of whatever this process creates there.

    A network share may have one owner for everything: there nothing tells whose a file is.
    """
    if not hasattr(os, "geteuid") or owner == os.geteuid():
        return True
    try:
        with tempfile.TemporaryFile(dir=path.parent) as created:
            return os.fstat(created.fileno()).st_uid == owner
    except OSError:
        return False
