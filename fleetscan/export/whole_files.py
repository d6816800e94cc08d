"""New files in a directory: they appear under their names when all are whole, and never over others.

Until then each stands beside its place under a hidden name. A failure leaves none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fleetscan.errors import CannotWriteError, Remedy, UsageError
from fleetscan.runs.disk import NO_ROOM, make_directories, reason, sync_directory
from fleetscan.runs.opening import BINARY, OWNER_ALONE

ELSEWHERE = "or name another directory with {out}"


@contextmanager
def whole_files(
    directory: Path, names: Sequence[str], scratch: Sequence[str] = ()
) -> Iterator[tuple[list[Path], list[Path]]]:
    """Where to write the files called `names`, and others, `scratch`, that are removed again.

    All are made, empty, for their owner alone. At the end of the block the first are put in place. Raises
    UsageError where one of them is there already, CannotWriteError where the disk refuses.
    """
    for name in names:
        if os.path.lexists(directory / name):
            raise UsageError(
                f"{directory / name} is there already", Remedy(f"remove it, {ELSEWHERE}", {"out": None})
            )
    new, own = ([directory / f".{name}.new" for name in some] for some in (names, scratch))
    try:
        make_directories(directory)
        for path in (*new, *own):
            _make(path)
        yield new, own
        for path in new:
            _sync(path)
        _put_in_place(new, [directory / name for name in names])
    except OSError as error:
        raise cannot_write(directory, error) from error
    finally:
        _remove([*new, *own])


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
    except OSError:
        _remove(done)
        raise
    sync_directory(final[0].parent)


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()
