"""The first few of many, by a key: what is kept does not grow with the many."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Foremost(Generic[T]):
    """The `most` things with the smallest keys among those that it is given."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: list[tuple[Any, T]] = []
        self._bound: Any = None

    def takes(self, key: Any) -> bool:
        """Whether a thing with `key` is among them so far: others need not be made."""
        return self._bound is None or bool(key < self._bound)

    def add(self, key: Any, thing: T) -> None:
        """Give it a thing; keys are all of one kind and can be compared."""
        if not self.takes(key):
            return
        self._found.append((key, thing))
        if len(self._found) >= 2 * self._most:
            self._cut()

    def in_order(self) -> list[T]:
        """Those with the smallest keys, the smallest first."""
        self._cut()
        return [thing for _, thing in self._found]

    def _cut(self) -> None:
        self._found.sort(key=lambda found: found[0])
        del self._found[self._most :]
        if len(self._found) == self._most:
            self._bound = self._found[-1][0]
