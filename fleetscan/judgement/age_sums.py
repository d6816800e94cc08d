"""How long patches have been missing in a fleet: buckets of days by VM and by patch, and the oldest patch.

A pass counts pairs of patch and age, of which there are few, and sorts them into buckets at its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, TypeAlias

from fleetscan.judgement.ages import Age, AgedPatch
from fleetscan.judgement.listed import unlisted
from fleetscan.records.ages import (
    OVER_DAYS,
    AgeBucket,
    Ages,
    ByBasis,
    OldestPatch,
    UnknownAges,
    bounds_of,
    place_of,
)
from fleetscan.records.row import Row

Figure: TypeAlias = Literal["vms", "missing", "critical_and_security", "patches"]


class AgeSums:
    """Call `add` with each assessed row and its patches."""

    def __init__(self, on: date, history_since: date | None) -> None:
        self._on = on
        self._history_since = history_since
        self._pairs: Counter[AgedPatch] = Counter()
        self._vms: Counter[Age | None] = Counter()
        self._partly = 0
        self._not_listed = 0
        self._vms_not_listed = 0
        # The oldest patch so far on the first VM by name: its place in the order, itself, and that VM.
        self._oldest: tuple[tuple[object, ...], AgedPatch, str] | None = None

    def add(self, row: Row, aged: Sequence[AgedPatch]) -> None:
        """Take up an assessed VM's patches, after what does not count was left out."""
        self._count_not_listed(row, aged)
        if not aged:
            return
        aged = _once(aged)
        self._pairs.update(aged)
        known = [each for each in aged if each[1] is not None]
        if not known:
            self._vms[None] += 1
            return
        self._partly += len(known) < len(aged)
        oldest = min(known, key=_oldest_first)
        self._vms[oldest[1]] += 1
        order = *_oldest_first(oldest), row["name"].lower(), row["resource_id"].lower()
        if self._oldest is None or order < self._oldest[0]:
            self._oldest = order, oldest, row["resource_id"]

    def told(self) -> Ages:
        """The ages of all that was added."""
        return {
            "on": self._on.isoformat(),
            "history_since": None if self._history_since is None else self._history_since.isoformat(),
            "buckets": self._buckets(),
            "unknown": self._unknown(),
            "oldest": self._oldest_patch(),
        }

    def _count_not_listed(self, row: Row, aged: Sequence[AgedPatch]) -> None:
        """What Azure counted, and left out of the list: of one that is marked as cut, one at least."""
        if (missing := unlisted(row, aged)) is not None:
            self._not_listed += max(1, sum(filter(None, missing)))
            self._vms_not_listed += 1

    def _buckets(self) -> list[AgeBucket]:
        buckets = [_bucket(place) for place in range(len(OVER_DAYS))]
        for age, count in self._vms.items():
            if age is not None:
                _count(buckets, "vms", age, count)
        for (patch, age), count in self._pairs.items():
            if age is not None:
                _count(buckets, "missing", age, count)
                if patch.is_critical_or_security:
                    _count(buckets, "critical_and_security", age, count)
        for age in self._by_key().values():
            if age is not None:
                _count(buckets, "patches", age, 1)
        return buckets

    def _by_key(self) -> dict[str, Age | None]:
        """Each different patch with its oldest age; None where none is known."""
        oldest: dict[str, Age | None] = {}
        for patch, age in self._pairs:
            known = oldest.setdefault(patch.key, age)
            if age is not None and (known is None or age > known):
                oldest[patch.key] = age
        return oldest

    def _unknown(self) -> UnknownAges:
        pairs = [(patch, count) for (patch, age), count in self._pairs.items() if age is None]
        return {
            "vms": self._vms[None],
            "partly": self._partly,
            "missing": sum(count for _, count in pairs),
            "critical_and_security": sum(count for patch, count in pairs if patch.is_critical_or_security),
            "patches": sum(age is None for age in self._by_key().values()),
            "not_listed": self._not_listed,
            "vms_not_listed": self._vms_not_listed,
        }

    def _oldest_patch(self) -> OldestPatch | None:
        if self._oldest is None:
            return None
        _, (patch, age), resource_id = self._oldest
        assert age is not None
        same = [
            count for (each, known), count in self._pairs.items() if (each.key, known) == (patch.key, age)
        ]
        return {
            "patch": patch.key,
            "name": patch.name,
            "is_critical_or_security": patch.is_critical_or_security,
            "days": age.days,
            "basis": age.basis,
            "since": (self._on - timedelta(days=age.days)).isoformat(),
            "vms": sum(same),
            "vm": resource_id,
        }


def _oldest_first(aged: AgedPatch) -> tuple[int, bool, str]:
    """The order of patches of known age: of as many days the critical ones first."""
    patch, age = aged
    return -(age.days if age else 0), not patch.is_critical_or_security, patch.key


def _bucket(place: int) -> AgeBucket:
    from_days, to_days = bounds_of(place)
    return {
        "from_days": from_days,
        "to_days": to_days,
        "vms": _none(),
        "missing": _none(),
        "critical_and_security": _none(),
        "patches": _none(),
    }


def _none() -> ByBasis:
    return {"published": 0, "first_seen": 0}


def _count(buckets: list[AgeBucket], figure: Figure, age: Age, count: int) -> None:
    buckets[place_of(age.days)][figure][age.basis] += count


def _once(aged: Sequence[AgedPatch]) -> Sequence[AgedPatch]:
    """Each patch once: of one that is listed twice the older entry."""
    oldest: dict[str, AgedPatch] = {}
    for entry in aged:
        other = oldest.setdefault(entry[0].key, entry)
        if other is not entry and _days(entry) > _days(other):
            oldest[entry[0].key] = entry
    return aged if len(oldest) == len(aged) else [*oldest.values()]


def _days(entry: AgedPatch) -> int:
    return -1 if entry[1] is None else entry[1].days
