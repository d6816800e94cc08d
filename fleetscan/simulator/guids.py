"""GUIDs made of random bytes that the caller has drawn."""

from __future__ import annotations


def guid_of(chance: bytes) -> str:
    """A GUID of version 4 made of 16 random bytes."""
    digits = chance.hex()
    variant = "89ab"[chance[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
