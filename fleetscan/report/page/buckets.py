"""How long patches have been missing, as the page tells it: the oldest, buckets with bars, what is unknown.

Plain values for the template. Each figure says what its ages count from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fleetscan.records.ages import AgeBucket, Ages, BasisWord, ByBasis
from fleetscan.report.figures import counted
from fleetscan.report.missed_patches import title_beside
from fleetscan.report.page.shown import NAME_LIMIT_CHARS, cut, patch_key, patch_link, vm_link

SINCE: dict[BasisWord, str] = {"published": "since published", "first_seen": "since first seen"}


@dataclass(frozen=True, slots=True)
class Parted:
    """A figure parted by basis, and its bar: the lengths of both parts in percent."""

    total: int
    words: str
    published: float = 0.0
    first_seen: float = 0.0

    @classmethod
    def of(cls, by: ByBasis, most: int) -> Parted:
        """The figure; a bar of full length stands for `most`."""
        parts = {"published": by["published"], "first seen": by["first_seen"]}
        total = sum(parts.values())
        told = [(word, number) for word, number in parts.items() if number]
        words = ", ".join(word if number == total else f"{number:,} {word}" for word, number in told)
        published, first_seen = (round(100 * number / max(most, 1), 2) for number in parts.values())
        return cls(total, words, published, first_seen)


@dataclass(frozen=True, slots=True)
class AgeLine:
    """A bucket of the table."""

    label: str
    vms: Parted
    missing: Parted
    critical: Parted
    patches: Parted


@dataclass(frozen=True, slots=True)
class OldestShown:
    """The patch that has been missing longest, with links to it and to a VM."""

    link: str
    key: str
    title: str
    days: str
    basis: str
    since: str
    vms: int
    vm_link: str
    vm: str


def ages_values(ages: Ages) -> dict[str, object]:
    """The template's values, by their names."""
    unknown = ages["unknown"]
    first_seen, published = ([*_figures(ages, basis)] for basis in ("first_seen", "published"))
    return {
        "on": ages["on"],
        "oldest": _oldest(ages),
        "is_published": any(published),
        "is_first_seen": any(first_seen),
        "lines": _lines(ages["buckets"]) if any(first_seen + published) else [],
        "unknown": unknown if unknown["missing"] else None,
        "unknown_words": _unknown_words(ages),
        # What the history saw on its first night may have been missing before.
        "history_since": ages["history_since"] if any(first_seen) else None,
    }


def _figures(ages: Ages, basis: BasisWord) -> Iterable[int]:
    return (bucket["missing"][basis] for bucket in ages["buckets"])


def _lines(buckets: list[AgeBucket]) -> list[AgeLine]:
    most_vms = max(_sum_of(bucket["vms"]) for bucket in buckets)
    most_missing = max(_sum_of(bucket["missing"]) for bucket in buckets)
    return [
        AgeLine(
            _label(bucket),
            Parted.of(bucket["vms"], most_vms),
            Parted.of(bucket["missing"], most_missing),
            Parted.of(bucket["critical_and_security"], most_missing),
            Parted.of(bucket["patches"], most_missing),
        )
        for bucket in buckets
    ]


def _sum_of(by: ByBasis) -> int:
    return by["published"] + by["first_seen"]


def _label(bucket: AgeBucket) -> str:
    if bucket["to_days"] is None:
        return f"{bucket['from_days']} days and more"
    return f"{bucket['from_days']} to {bucket['to_days']} days"


def _oldest(ages: Ages) -> OldestShown | None:
    oldest = ages["oldest"]
    if oldest is None:
        return None
    key = patch_key(oldest["patch"])
    name = oldest["vm"].rpartition("/")[2]
    return OldestShown(
        link=patch_link(key),
        key=key,
        title=cut(title_beside(oldest["patch"], oldest["name"]), NAME_LIMIT_CHARS),
        days=counted(oldest["days"], "day", "days"),
        basis=oldest["basis"],
        since=oldest["since"],
        vms=oldest["vms"],
        vm_link=vm_link(oldest["vm"]),
        vm=cut(name, NAME_LIMIT_CHARS) or "a VM",
    )


def _unknown_words(ages: Ages) -> list[str]:
    """What is of unknown age, and why: a sentence for each cause."""
    unknown, told = ages["unknown"], []
    if missing := unknown["missing"]:
        why = "on Linux Azure tells no day of publication"
        if ages["history_since"] is None:
            why += ", and there is no history (--history)"
        told.append(
            f"{counted(missing, 'missing patch is', 'missing patches are')} of unknown age, "
            f"{unknown['critical_and_security']:,} of them critical or security, on "
            f"{counted(unknown['vms'] + unknown['partly'], 'VM', 'VMs')}: {why}."
        )
    if not_listed := unknown["not_listed"]:
        told.append(
            f"At least {counted(not_listed, 'patch is', 'patches are')} counted and not listed on "
            f"{counted(unknown['vms_not_listed'], 'VM', 'VMs')}, and so of unknown age."
        )
    return told
