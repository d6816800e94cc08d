"""New files in a directory: they appear under their names when all are whole, and never over others.

Until then each stands beside its place under a hidden name. A failure leaves none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from fleetscan.errors import CannotWriteError, Remedy, UsageError
from fleetscan.runs.disk import NO_ROOM, make_directories, reason, sync_directory, write_whole
from fleetscan.runs.lock import try_lock
from fleetscan.runs.opening import BINARY, OWNER_ALONE

BUFFER_BYTES = 256 * 1024
ELSEWHERE = "or name another directory with {out}"


class LineFile:
    """One file of lines that is written in large pieces. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | BINARY)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def write(self, lines: bytes) -> None:
        """A line or more, their ends too."""
        self._waiting.append(lines)
        self._waiting_bytes += len(lines)
        if self._waiting_bytes >= BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        write_whole(self._fd, b"".join(self._waiting))
        self._waiting.clear()
        self._waiting_bytes = 0

    def finish(self) -> None:
        """Write what waits."""
        self._flush()

    def close(self) -> None:
        """Closing twice is harmless."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


@contextmanager
def whole_files(
    directory: Path,
    names: Sequence[str],
    scratch: Sequence[str] = (),
    on_new: Callable[[Sequence[Path]], object] = lambda _: None,
) -> Iterator[tuple[list[Path], list[Path]]]:
    """Where to write the files called `names`, and others, `scratch`, that are removed again.

    All are made, empty, for their owner alone, and told to `on_new` first: a process that ends before the
    block leaves them. At the end of the block the first are put in place. Raises
    UsageError where one of them is there already, CannotWriteError where the disk refuses.
    """
    new, own = ([directory / f".{name}.new" for name in some] for some in (names, scratch))
    final = [directory / name for name in names]
    try:
        make_directories(directory)
        with _alone_in(directory):
            _refuse_any(final)
            on_new([*new, *own])
            try:
                for path in (*new, *own):
                    _make(path)
                yield new, own
                for path in new:
                    _sync(path)
                _put_in_place(new, final)
            finally:
                _remove([*new, *own])
    except OSError as error:
        raise cannot_write(directory, error) from error


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keep other exports out of `directory`; where no directory can be locked there is no such promise."""
    with ExitStack() as stack:
        has_it = True
        with suppress(OSError):
            fd = os.open(directory, os.O_RDONLY)
            stack.callback(os.close, fd)
            has_it = try_lock(fd)
        if not has_it:
            raise UsageError(
                f"another process is writing into {directory}",
                Remedy(f"wait until it ends, {ELSEWHERE}", {"out": None}),
            )
        yield


def _refuse_any(paths: Sequence[Path]) -> None:
    for path in paths:
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already", Remedy(f"remove it, {ELSEWHERE}", {"out": None}))


def cannot_write(path: Path, error: OSError) -> CannotWriteError:
    """What to say where the disk refuses something in the directory `path`."""
    first = "make room" if error.errno in NO_ROOM else "fix that"
    why = "a file has that name" if isinstance(error, FileExistsError) else reason(error)
    return CannotWriteError(str(error.filename or path), why, Remedy(f"{first}, {ELSEWHERE}", {"out": None}))


def _make(path: Path) -> None:
    # What an export left that was killed.
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, OWNER_ALONE))


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDWR | BINARY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _put_in_place(new: Sequence[Path], final: Sequence[Path]) -> None:
    """Rename them, all or none."""
    done: list[Path] = []
    try:
        for path, place in zip(new, final, strict=True):
            os.replace(path, place)
            done.append(place)
    except BaseException:
        _remove(done)
        raise
    sync_directory(final[0].parent)


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()
