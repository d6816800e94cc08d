"""How long patches have been missing, declared as a report tells it: each figure says what it counts from."""

from __future__ import annotations

from bisect import bisect_left
from typing import Annotated, Literal, TypeAlias, TypedDict

from fleetscan.records.shapes import Count

BasisWord: TypeAlias = Literal["published", "first_seen"]

# A bucket has the ages over one of these, up to the next.
OVER_DAYS = (0, 30, 60, 90, 120, 180)


def place_of(days: int) -> int:
    """The number of the bucket that an age in days is in, the youngest is 0."""
    return max(0, bisect_left(OVER_DAYS, days) - 1)


def bucket_of(days: int) -> str:
    """The bucket that an age in days is in: "0-30", "31-60" and on, ">180"."""
    return bucket_name(*bounds_of(place_of(days)))


def bounds_of(place: int) -> tuple[int, int | None]:
    """The least and the greatest age in a bucket, by its number; the last one has no greatest."""
    is_last = place == len(OVER_DAYS) - 1
    return OVER_DAYS[place] + 1 if place else 0, None if is_last else OVER_DAYS[place + 1]


def bucket_name(from_days: int, to_days: int | None) -> str:
    """What a bucket is called: "0-30", ">180"."""
    return f">{from_days - 1}" if to_days is None else f"{from_days}-{to_days}"


class ByBasis(TypedDict):
    """A figure, parted by what its ages count from."""

    published: Annotated[Count, "By the day on which Azure says that the patch was published."]
    first_seen: Annotated[Count, "By the day on which the history first saw it missing on the VM."]


class AgeBucket(TypedDict):
    """What has been missing for so many days."""

    from_days: Annotated[Count, "The least age in it, in whole days."]
    to_days: Annotated[Count | None, "The greatest age in it; null for the last bucket."]
    vms: Annotated[ByBasis, "VMs by the oldest of their missing patches whose age is known."]
    missing: Annotated[ByBasis, "Missing patches, each counted on each VM that misses it."]
    critical_and_security: Annotated[ByBasis, "Those of them that are critical or of security."]
    patches: Annotated[ByBasis, "Different patches, each by its oldest age on any VM."]


class UnknownAges(TypedDict):
    """What has been missing for an unknown time: Azure tells no day, and there is no history."""

    vms: Annotated[Count, "VMs that miss patches, none of known age."]
    partly: Annotated[Count, "Further VMs that miss patches of unknown age among others."]
    missing: Annotated[Count, "Missing patches, each counted on each VM that misses it."]
    critical_and_security: Annotated[Count, "Those of them that are critical or of security."]
    patches: Annotated[Count, "Different patches that have no known age on any VM."]
    not_listed: Annotated[Count, "Patches that Azure counted and left out of lists that it cut short."]
    vms_not_listed: Annotated[Count, "VMs with such lists."]


class OldestPatch(TypedDict):
    """The patch that has been missing longest."""

    patch: Annotated[str, "The KB (KB5034441), or the package's name."]
    name: Annotated[str | None, "Its title."]
    is_critical_or_security: Annotated[bool, "Whether Azure counts it among those."]
    days: Annotated[Count, "For how many whole days."]
    basis: Annotated[BasisWord, "What the days count from."]
    since: Annotated[str, "The day (UTC) they count from, as 2026-11-10."]
    vms: Annotated[Count, "VMs on which it has been missing so long."]
    vm: Annotated[str, "The id of the first of them by name."]


class Ages(TypedDict):
    """How long patches have been missing on assessed VMs."""

    on: Annotated[str, "The day (UTC) on which the run began: ages are told as of it."]
    history_since: Annotated[
        str | None,
        "The day of the history's first night: what it saw first may be older. Null without a history.",
    ]
    buckets: Annotated[list[AgeBucket], "By age, the youngest first."]
    unknown: UnknownAges
    oldest: Annotated[OldestPatch | None, "The oldest one; null where no age is known."]
