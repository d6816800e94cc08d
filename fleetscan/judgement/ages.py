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


AgedPatch: TypeAlias = tuple[Patch, Age | None]
"""An entry of a VM's list with its age, None where that is unknown."""


class Ager:
    """Tells ages on one day, `on`."""

    def __init__(self, on: date) -> None:
        self.on = on
        self._published: dict[Patch, Age | None] = {}
        self._seen: dict[date, Age] = {}

    def of(self, patches: Iterable[Patch], first_seen: Mapping[str, date] | None) -> list[AgedPatch]:
        """The entries of a VM's list with their ages.

        `first_seen` has the day of the first sight by the patch's key, and None stands for no history. What
        it does not have was first seen by this run.
        """
        aged: list[AgedPatch] = []
        for patch in patches:
            age = self._since_published(patch)
            if age is None and first_seen is not None:
                age = self._since_seen(first_seen.get(patch.key, self.on))
            aged.append((patch, age))
        return aged

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
