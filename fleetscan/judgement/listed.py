"""What a VM's list of patches leaves open: how many more patches Azure counts than it lists.

Given are a row and its patches with their ages, both after what does not count was left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fleetscan.judgement.ages import AgedPatch
from fleetscan.records.row import Row


class Unlisted(NamedTuple):
    """The patches that are counted and not listed; None where Azure tells no count."""

    critical_and_security: int | None
    other: int | None


NOTHING = Unlisted(0, 0)


def unlisted(row: Row, aged_patches: Sequence[AgedPatch]) -> Unlisted | None:
    """What the list of an assessed VM does not have; None where the list has all.

    A list that Azure marks as cut is never taken for whole, unless Azure counts no patch at all.
    """
    critical, other = row["critical_and_security_count"], row["other_count"]
    if row["patches_complete"] is True or (critical == other == 0 and not aged_patches):
        return None
    pressing = sum(patch.is_critical_or_security for patch, _ in aged_patches)
    return Unlisted(_beyond(critical, pressing), _beyond(other, len(aged_patches) - pressing))


def _beyond(count: int | None, listed: int) -> int | None:
    return None if count is None else max(0, count - listed)
