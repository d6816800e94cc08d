"""Chance that follows from a text alone: the same text always draws the same numbers.

Much quicker than to seed a generator, for what is drawn a hundred thousand times or at every request.
"""

from __future__ import annotations

import hashlib
import struct

DRAWS = 8


def chances(text: str) -> tuple[float, ...]:
    """Eight numbers above 0 and below 1."""
    draws = struct.unpack(f"<{DRAWS}I", hashlib.blake2b(text.encode(), digest_size=4 * DRAWS).digest())
    return tuple([(draw + 0.5) / 2**32 for draw in draws])
