"""How long patches have been missing, in words and tables that every view shows; each says its basis.

What is unknown is told with its cause, and never as 0 or as young.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from fleetscan.addresses import parse_vm_id
from fleetscan.records.ages import AgeBucket, Ages, BasisWord, bucket_name
from fleetscan.records.patches import UNNAMED
from fleetscan.records.report import Report
from fleetscan.report.cells import cut
from fleetscan.report.figures import counted
from fleetscan.report.missed_patches import title_beside

# Makes foreign text safe where it is shown.
Shown: TypeAlias = Callable[[str], str]
Figure: TypeAlias = Literal["vms", "missing", "critical_and_security"]

BASES: tuple[BasisWord, ...] = ("published", "first_seen")
# What an age counts from, and the same said of its day.
SINCE: Mapping[BasisWord, str] = {"published": "since publication", "first_seen": "since first seen"}
BASIS: Mapping[BasisWord, str] = {"published": "published", "first_seen": "first seen"}
FIGURES: tuple[tuple[Figure, str], ...] = (
    ("vms", "VMs"),
    ("missing", "patches"),
    ("critical_and_security", "critical/security"),
)
# What the rows of a table count.
MEANING = "VMs by their oldest missing patch; a patch counts once for each VM"


class AgeRow(NamedTuple):
    """A figure in each bucket, and how much of it has no known age; None where that stands elsewhere."""

    label: str
    buckets: list[int]
    unknown: int | None


class AgeTable(NamedTuple):
    """The ages of one basis."""

    basis: BasisWord
    rows: list[AgeRow]

    @property
    def since(self) -> str:
        """What the days count from."""
        return SINCE[self.basis]


def ages_of(report: Report) -> Ages | None:
    """The ages of a report; None where its rows were not read."""
    judged = report["judged"]
    return None if judged is None else judged["ages"]


def is_asked_for(report: Report) -> bool:
    """Whether a run is judged by a history or a standard: then a screen has its ages in a table."""
    judged = report["judged"]
    if judged is None:
        return False
    asked = report["trend"], report["gates"], judged["left_out"], judged["service_levels"]
    return any(each is not None for each in asked)


def oldest_words(ages: Ages, shown: Shown, title_limit: int = 100) -> str:
    """The patch that has been missing longest: where, for how long and since when; empty for none."""
    oldest = ages["oldest"]
    if oldest is None:
        return ""
    days = f"{counted(oldest['days'], 'day', 'days')} ({BASIS[oldest['basis']]} {oldest['since']})"
    told = f"{shown(oldest['patch']) or UNNAMED}, {days}, {_where(oldest['vm'], oldest['vms'], shown)}"
    title = cut(title_beside(oldest["patch"], oldest["name"]), title_limit)
    return f"{told}: {shown(title)}" if title else told


def unknown_words(ages: Ages) -> list[str]:
    """Of how much the age is unknown and why, a clause for each cause."""
    unknown, told = ages["unknown"], list[str]()
    if unknown["missing"]:
        vms = [counted(unknown["vms"], "VM", "VMs")] if unknown["vms"] else []
        if unknown["partly"]:
            vms.append(f"{counted(unknown['partly'], 'VM', 'VMs')} in part")
        missing = counted(unknown["missing"], "patch", "patches")
        told.append(f"{', '.join([*vms, missing])}: no date, as on Linux; see --history FILE")
    if unknown["not_listed"]:
        cut_short = counted(unknown["vms_not_listed"], "VM", "VMs")
        missing = counted(unknown["not_listed"], "patch", "patches")
        told.append(f"{cut_short}, at least {missing}: counted by Azure and not listed")
    return told


def history_note(ages: Ages) -> str:
    """That the history's first night is no beginning; empty where no figure counts from a first sight."""
    since = ages["history_since"]
    if since is None or not any(bucket["missing"]["first_seen"] for bucket in ages["buckets"]):
        return ""
    return f"The history begins on {since}: what it saw first on that day may be older."


def bucket_words(bucket: AgeBucket) -> str:
    """The days of a bucket: "0-30", ">180"."""
    return bucket_name(bucket["from_days"], bucket["to_days"])


def age_tables(ages: Ages) -> list[AgeTable]:
    """A table for each basis that occurs; what is unknown stands in the first."""
    found = [basis for basis in BASES if any(each["missing"][basis] for each in ages["buckets"])]
    has_unknown = bool(ages["unknown"]["missing"])
    return [
        AgeTable(
            basis,
            [
                AgeRow(
                    label,
                    [bucket[name][basis] for bucket in ages["buckets"]],
                    ages["unknown"][name] if has_unknown and basis is found[0] else None,
                )
                for name, label in FIGURES
            ],
        )
        for basis in found
    ]


def in_brief(ages: Ages) -> str:
    """The VMs in each bucket that has some, on a line; empty where no age is known."""
    told = []
    for each in age_tables(ages):
        days = [
            f"{count:,} at {bucket_words(bucket)}"
            for bucket, count in zip(ages["buckets"], each.rows[0].buckets, strict=True)
            if count
        ]
        told.append(f"{', '.join(days)} days {each.since}")
    return "; ".join(told)


def _where(resource_id: str, vms: int, shown: Shown) -> str:
    """On how many VMs, and which is the first."""
    try:
        parts = parse_vm_id(resource_id)
    except ValueError:
        name = shown(resource_id)
    else:
        name = f"{shown(parts.name)} in {shown(parts.resource_group)}"
    return f"on {name}" if vms == 1 else f"on {vms:,} VMs, first {name}"
