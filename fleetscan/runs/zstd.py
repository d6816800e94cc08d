"""Rows compressed with zstd: results.jsonl.zst in the place of results.jsonl, once a run is complete.

Every reader of rows opens them here, and takes either. The package is loaded where compressed rows are met.
"""

from __future__ import annotations

import errno
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetscan.errors import Remedy, UsageError
from fleetscan.runs.directory import PACKED, RESULTS
from fleetscan.runs.disk import sync_directory, write_whole
from fleetscan.runs.opening import BINARY, OWNER_ALONE, open_to_read

if TYPE_CHECKING:
    from types import ModuleType

INSTALL = "install what it needs: pip install 'fleetscan[storage]'"
# At this level packing takes less time than it saves of an upload; higher ones gain little on rows.
LEVEL = 3
FRAME_BYTES = 16 * 1024 * 1024
# What a frame may unpack to: one that a scan packs has a fraction of it, and a hostile one could have no end.
MOST_UNPACKED_BYTES = 64 * 1024 * 1024


def loaded() -> ModuleType:
    """The package; raises UsageError where it is not installed."""
    try:
        import zstandard
    except ImportError as error:
        raise UsageError("zstd compresses these rows", Remedy(INSTALL)) from error
    return zstandard


def packed(data: bytes) -> bytes:
    """One frame, with its size and a checksum."""
    compressor: Any = loaded().ZstdCompressor(level=LEVEL, write_checksum=True)
    frame: bytes = compressor.compress(data)
    return frame


def unpacked(frame: bytes) -> bytes:
    """What is in one frame; raises ValueError where it is none, or too large."""
    zstandard = loaded()
    try:
        size_bytes = zstandard.frame_content_size(frame)
        if not 0 <= size_bytes <= MOST_UNPACKED_BYTES:
            raise ValueError("is not packed as a scan packs it")
        data: bytes = zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise ValueError(f"cannot be unpacked ({error})") from None
    return data


def rows_at(directory: Path) -> Path:
    """The file with the rows of the run in `directory`, which may not be there."""
    return directory / (PACKED if is_packed(directory) else RESULTS)


def is_packed(directory: Path) -> bool:
    """Whether its rows are compressed. Of two files the plain one counts."""
    return not os.path.lexists(directory / RESULTS) and os.path.lexists(directory / PACKED)


def open_rows(directory: Path, buffer_bytes: int = io.DEFAULT_BUFFER_SIZE) -> io.BufferedReader:
    """The rows of the run in `directory`, as they were written. Raises OSError and UsageError."""
    file = open_to_read(rows_at(directory), buffer_bytes)
    if not is_packed(directory):
        return file
    try:
        return io.BufferedReader(_Unpacking(file), buffer_bytes)
    except BaseException:
        file.close()
        raise


def pack(directory: Path) -> None:
    """Compress the rows of the complete run in `directory`: all or nothing. Raises OSError."""
    new = directory / f".{PACKED}.new"
    try:
        new.unlink(missing_ok=True)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, OWNER_ALONE)
        try:
            with open_to_read(directory / RESULTS) as rows:
                while block := rows.read(FRAME_BYTES):
                    write_whole(fd, packed(block))
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(new, directory / PACKED)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    sync_directory(directory)
    (directory / RESULTS).unlink()
    sync_directory(directory)


class _Unpacking(io.RawIOBase):
    """The bytes that the frames in a file hold. Raises OSError where it has others."""

    def __init__(self, file: io.BufferedReader) -> None:
        zstandard = loaded()
        self._error = zstandard.ZstdError
        self._file = file
        self._reader: Any = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            read: int = self._reader.readinto(buffer)
        except self._error as error:
            raise OSError(errno.EIO, f"it cannot be unpacked: {error}") from None
        return read

    def close(self) -> None:
        self._file.close()
        super().close()
