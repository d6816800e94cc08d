"""Small fleets drawn from a seed: rows with lists that are whole, cut short or missing, and patches' ages."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import cast

from fleetscan.judgement.ages import Age, AgedPatch
from fleetscan.model import Ending, Json, Outcome, Reason, Source, Target
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.patches import PatchReader
from fleetscan.records.row import Row
from fleetscan.records.sums import RunningTotals
from fleetscan.records.totals import GroupTotals, Totals
from tests.records.examples import CLOCK, SCAN_ID, machine, result, trace

FACTS = FleetFacts("2026-11-23T02:00:00.000000Z", "2026-11-23T02:04:12.000000Z", 252.5, RequestCounts())
CLASSES: tuple[list[str], ...] = (
    ["Critical"],
    ["Security"],
    ["Updates"],
    ["Definition"],
    ["Other"],
    ["Security", "Definition"],
    ["Critical", "Security"],
    [],
)
PRESSING = {"Critical", "Security"}
SUBSCRIPTIONS = "11111111-2222-3333-4444-555555555555", "AAAAAAAA-2222-3333-4444-555555555555"


def entry(number: int, *classes: str, published: str | None = "2026-10-13") -> dict[str, Json]:
    """A Windows patch as Azure lists it."""
    day = None if published is None else f"{published}T00:00:00+00:00"
    return {
        "name": f"Update {number} (KB{5_000_000 + number})",
        "kbId": str(5_000_000 + number),
        "classifications": [*classes],
        "publishedDate": day,
    }


def package(name: str, *classes: str) -> dict[str, Json]:
    """A Linux package as Azure lists it."""
    return {"name": name, "version": "1.0", "classifications": [*classes]}


def assessed(
    target: Target, entries: list[dict[str, Json]], unlisted: tuple[int, int] = (0, 0), **more: Json
) -> Row:
    """An assessed VM's row; `unlisted` critical or security and other patches are counted besides."""
    pressing = sum(bool(PRESSING & set(cast("list[str]", each["classifications"]))) for each in entries)
    counts = pressing + unlisted[0], len(entries) - pressing + unlisted[1]
    told = result(*counts, **{"availablePatches": cast("list[Json]", entries), **more})
    return machine_row.row(SCAN_ID, target, Ending(Outcome.ASSESSED, None, told, None, trace()), CLOCK)


def summarised(target: Target, critical: int, other: int) -> Row:
    """The row of a VM of which Azure tells the counts alone, without a list."""
    told = result(critical, other)
    ending = Ending(Outcome.ASSESSED, None, told, source=Source.INSTANCE_VIEW)
    return machine_row.row(SCAN_ID, target, ending, CLOCK)


def skipped(target: Target) -> Row:
    """The row of a VM that does not run."""
    return machine_row.row(SCAN_ID, target, Ending(Outcome.SKIPPED, Reason.NOT_RUNNING), CLOCK)


@dataclass
class Fleet:
    """Rows with their aged patches, and how many VMs are listed that have no row."""

    rows: list[tuple[Row, list[AgedPatch]]]
    unfinished: list[Target]

    def totals(self, rows: list[Row] | None = None) -> tuple[Totals, list[GroupTotals]]:
        """The lines that a scan writes of these rows."""
        sums = RunningTotals(SCAN_ID, ["tag:Owner"])
        for row in rows if rows is not None else [row for row, _ in self.rows]:
            sums.listed(machine_row.target_of(row))
            sums.ended(machine_row.target_of(row), row)
        for target in self.unfinished:
            sums.listed(target)
        fleet, *groups = sums.lines(FACTS)
        return fleet, groups


def drawn(draw: random.Random, most_vms: int = 12) -> Fleet:
    """A fleet: names repeat, the case of ids varies, some lists are cut short or not there."""
    reader = PatchReader()
    catalogue = _catalogue(draw)
    rows = [_row(draw, number, catalogue) for number in range(draw.randrange(most_vms + 1))]
    is_dated, is_whole = draw.random() < 0.4, draw.random() < 0.3
    if is_whole:
        rows = [row for row in rows if row["patches_complete"] is not False]
    aged = [(row, [(patch, _age(draw, is_dated)) for patch in reader.of(row)]) for row in rows]
    return Fleet(aged, [_machine(draw, 1000 + number) for number in range(draw.choice((0, 0, 2)))])


def _catalogue(draw: random.Random) -> dict[str, list[dict[str, Json]]]:
    days = "2026-08-11", "2026-10-13", "2026-11-10", None
    windows = [entry(n, *draw.choice(CLASSES), published=draw.choice(days)) for n in range(10)]
    # One KB has many titles.
    windows += [{**entry(3, "Definition"), "name": f"Definition {n}"} for n in range(3)]
    linux = [package(f"lib{n}", *draw.choice((["Security"], ["Other"], ["Critical"]))) for n in range(6)]
    return {"Windows": windows, "Linux": linux}


def _machine(draw: random.Random, number: int) -> Target:
    target = machine(
        f"{draw.choice(('sql', 'WEB', 'app'))}-{number % 7}",
        subscription_id=draw.choice(SUBSCRIPTIONS),
        location=draw.choice(("westeurope", None)),
        os_type=draw.choice(("Windows", "Windows", "Linux")),
        tags=draw.choice(({"owner": "a"}, {"OWNER": "b"}, {})),
    )
    group = draw.choice(("Prod", "dev"))
    vm_id = target.resource_id.replace("/RG/", f"/{group}/") + f".{number}"
    return replace(target, resource_group=group, resource_id=vm_id)


def _row(draw: random.Random, number: int, catalogue: dict[str, list[dict[str, Json]]]) -> Row:
    target = _machine(draw, number)
    if draw.random() < 0.2:
        return skipped(target)
    if draw.random() < 0.1:
        return summarised(target, draw.choice((0, 0, 3)), draw.choice((0, 2)))
    # An entry may be listed twice.
    entries = draw.choices(catalogue[str(target.os_type)], k=draw.choice((0, 1, 3, 8)))
    unlisted = draw.choice(((0, 0), (0, 0), (2, 0), (0, 3), (4, 1)))
    marked: dict[str, Json] = {"code": "PACKAGE_LIST_TRUNCATED"}
    return assessed(target, entries, unlisted, error=marked if draw.random() < 0.3 else None)


def _age(draw: random.Random, is_dated: bool) -> Age | None:
    days = draw.choice((0, 1, 6, 7, 8, 29, 30, 31, 89, 90, 91, 400))
    unknown = Age(days, "first_seen") if is_dated else None
    return draw.choice((Age(days, "published"), Age(days, "first_seen"), unknown))
