"""What is made of a patch, once for all VMs: a fleet misses some thousands of patches a million times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from fleetscan.records.patches import Patch

T = TypeVar("T")
# A fleet has some thousands; entries that no reader can tell apart must not fill the memory.
MOST_KNOWN = 50_000


class KnownPatches(Generic[T]):
    """Remembers what `make` makes of a patch."""

    def __init__(self, make: Callable[[Patch], T]) -> None:
        self._make = make
        self._known: dict[Patch, T] = {}

    def of(self, patch: Patch) -> T:
        """What was made of it, or is made now."""
        try:
            return self._known[patch]
        except KeyError:
            pass
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        return self._known.setdefault(patch, self._make(patch))
