"""What is made of a thing, once for all VMs: a fleet misses some thousands of patches a million times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")
# A fleet has some thousands; entries that no reader can tell apart must not fill the memory.
MOST_KNOWN = 50_000


class KnownThings(dict[K, T]):
    """Looked up, a thing gives what `make` makes of it, which is remembered."""

    def __init__(self, make: Callable[[K], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, thing: K) -> T:
        if len(self) >= MOST_KNOWN:
            self.clear()
        self[thing] = made = self._make(thing)
        return made
