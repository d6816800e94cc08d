"""zstd: what packs and unpacks rows. The package is loaded where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleetscan.errors import Remedy, UsageError
from fleetscan.remote.storage import INSTALL

if TYPE_CHECKING:
    from types import ModuleType

# At this level packing takes less time than it saves of an upload; higher ones gain little on rows.
LEVEL = 3
# What a frame may unpack to: a part is a fraction of it, and a hostile one could have no end.
MOST_UNPACKED_BYTES = 64 * 1024 * 1024


def loaded() -> ModuleType:
    """The package; raises UsageError where it is not installed."""
    try:
        import zstandard
    except ImportError as error:
        raise UsageError("these rows are compressed with zstd", Remedy(INSTALL)) from error
    return zstandard


def packed(data: bytes) -> bytes:
    """One frame with its size and a checksum."""
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
