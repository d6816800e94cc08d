"""How long a patch has been missing on a VM, in whole days on the day (UTC) on which the run began.

Since the day on which it was published, where Azure tells that: on Windows. Else since we first saw it
missing on that VM, as a history tells: on Linux. Without either the age is unknown, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

from fleetscan.records.patches import Patch

Basis: TypeAlias = Literal["published", "first_seen"]


class Age(NamedTuple):
    """Whole days since the patch was published, or since we first saw it missing on the VM."""

    days: int
    basis: Basis


Aged: TypeAlias = tuple[Patch, Age | None]
"""A patch that a VM misses, and for how long."""


class Ager:
    """Tells ages on one day, `on`."""

    def __init__(self, on: date) -> None:
        self.on = on
        self._published: dict[Patch, Age | None] = {}
        self._seen: dict[date, Age] = {}

    def of(self, patches: Iterable[Patch], first_seen: Mapping[str, date] | None) -> list[Aged]:
        """A VM's patches with their ages: each once, of one that is listed twice the older.

        `first_seen` has the day of the first sight by the patch's key, and None stands for no history. What
        it does not have was first seen by this run.
        """
        aged: dict[str, Aged] = {}
        for patch in patches:
            age = self._since_published(patch)
            if age is None and first_seen is not None:
                age = self._since_seen(first_seen.get(patch.key, self.on))
            other = aged.setdefault(patch.key, (patch, age))
            if other[0] is not patch and _is_older(age, other[1]):
                aged[patch.key] = patch, age
        return [*aged.values()]

    def _since_published(self, patch: Patch) -> Age | None:
        try:
            return self._published[patch]
        except KeyError:
            day = patch.published_on
            age = None if day is None else Age(self._days(date.fromisoformat(day)), "published")
            return self._published.setdefault(patch, age)

    def _since_seen(self, day: date) -> Age:
        try:
            return self._seen[day]
        except KeyError:
            return self._seen.setdefault(day, Age(self._days(day), "first_seen"))

    def _days(self, since: date) -> int:
        """A day that has not come yet is no age."""
        return max(0, (self.on - since).days)


def _is_older(age: Age | None, other: Age | None) -> bool:
    return age is not None and (other is None or age.days > other.days)
