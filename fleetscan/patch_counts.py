"""How many patches an assessment says are missing: plain counts, or counts by class. Unknown is never 0.

Facts: recorded results, and Microsoft's documents on Resource Graph's `patchassessmentresources`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetscan.model import Json, Source

# The field is an int32 in every published API version; what is larger is no count of patches.
LARGEST_COUNT = 2**31 - 1
BY_CLASS = "availablePatchCountByClassification"
CRITICAL, SECURITY, OTHER = "critical", "security", "other"


def plain_count(value: Json) -> int | None:
    """`value` as a number of patches, or None where Azure did not plainly say one; true is not 1 here."""
    return value if type(value) is int and 0 <= value <= LARGEST_COUNT else None


def told_counts(assessment: Mapping[str, Json], source: Source) -> tuple[int | None, int | None]:
    """(critical and security, other) patches that `assessment` plainly tells; None for what it does not."""
    if source not in (Source.GRAPH, Source.ARC_OPERATION):
        critical, other = assessment.get("criticalAndSecurityPatchCount"), assessment.get("otherPatchCount")
        return plain_count(critical), plain_count(other)
    by_class, os_type = assessment.get(BY_CLASS), assessment.get("osType")
    if not isinstance(by_class, dict):
        return None, None
    is_linux = isinstance(os_type, str) and os_type.lower() == "linux"
    told = _linux_classes(by_class) if is_linux else _classes(by_class)
    others = [count for name, count in told.items() if name not in (CRITICAL, SECURITY)]
    return _sum([told.get(CRITICAL), told.get(SECURITY)]), _sum(others)


def _classes(told: Mapping[str, Json]) -> dict[str, int | None]:
    """The counts by lower-case class; None for one that is no count, or is told twice and differently."""
    counts: dict[str, int | None] = {}
    for name, value in told.items():
        key, count = name.lower(), plain_count(value)
        counts[key] = count if counts.get(key, count) == count else None
    return counts


def _linux_classes(told: Mapping[str, Json]) -> dict[str, int | None]:
    """The same of Linux, whose packages are `security` or `other`: Azure's portal sums these two alone.

    No Linux distribution calls a package critical, so that a missing critical class is no unknown number
    there, as it is on Windows; nor is a class of Windows that is null. `other` has to be told.
    """
    known = {name: value for name, value in told.items() if value is not None}
    return {CRITICAL: 0, OTHER: None} | _classes(known)


def _sum(counts: Sequence[int | None]) -> int | None:
    """The sum, or None where there is nothing to add or one of them was not told."""
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
