"""How long patches have been missing: by hand, and random fleets against a plain re-computation."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from fleetscan.judgement.age_sums import AgeSums
from fleetscan.judgement.ages import Age, Ager
from fleetscan.records.ages import Ages
from fleetscan.records.patches import PatchReader
from fleetscan.records.row import Row
from tests.report.small_runs import kb, package, vm
from tests.series import length

ON = date(2026, 11, 23)
Seen = Mapping[str, Mapping[str, date]]


def day(ago: int) -> str:
    return (ON - timedelta(days=ago)).isoformat()


def ages_of(rows: list[Row], seen: Seen | None = None) -> Ages:
    """The ages of rows; `seen` has the first sights by VM and patch, None is no history."""
    ager, reader, sums = Ager(ON), PatchReader(), AgeSums(ON, ON if seen is not None else None)
    for row in rows:
        first_seen = None if seen is None else seen.get(row["name"], {})
        sums.add(row, ager.of(reader.of(row), first_seen))
    return sums.told()


def windows(name: str, *ages: int) -> Row:
    """A VM that misses a KB published so many days ago, for each."""
    return vm(name, len(ages), 0, [kb(5034400 + ago, day=day(ago)) for ago in ages])


def test_a_windows_patch_is_as_old_as_its_publication() -> None:
    (bucket, *others) = ages_of([windows("web", 14)])["buckets"]
    assert bucket["missing"] == {"published": 1, "first_seen": 0}
    assert all(each["missing"] == {"published": 0, "first_seen": 0} for each in others)


@pytest.mark.parametrize(
    ("ago", "place"),
    [(0, 0), (30, 0), (31, 1), (60, 1), (61, 2), (90, 2), (91, 3), (120, 3), (121, 4), (180, 4), (181, 5)],
)
def test_a_bucket_holds_its_last_day(ago: int, place: int) -> None:
    buckets = ages_of([windows("web", ago)])["buckets"]
    counts = [each["vms"]["published"] for each in buckets]
    assert counts == [int(number == place) for number in range(6)]
    assert buckets[place]["from_days"] <= ago <= (buckets[place]["to_days"] or ago)


def test_a_package_without_a_history_is_of_unknown_age_and_not_new() -> None:
    told = ages_of([vm("db", 1, 1, [package("bash"), package("curl", "Other")], os_type="Linux")])
    assert all(each["missing"] == {"published": 0, "first_seen": 0} for each in told["buckets"])
    unknown = told["unknown"]
    assert (unknown["vms"], unknown["missing"], unknown["critical_and_security"]) == (1, 2, 1)
    assert told["oldest"] is None


def test_a_package_is_as_old_as_our_first_sight_of_it_on_that_vm() -> None:
    row = vm("db", 2, 0, [package("bash"), package("curl")], os_type="Linux")
    told = ages_of([row], {"db": {"bash": ON - timedelta(days=45)}})
    counts = [each["missing"]["first_seen"] for each in told["buckets"]]
    # What the history does not know was first seen by this run.
    assert counts == [1, 1, 0, 0, 0, 0]
    assert told["oldest"] == {
        "patch": "bash",
        "name": "bash",
        "is_critical_or_security": True,
        "days": 45,
        "basis": "first_seen",
        "since": "2026-10-09",
        "vms": 1,
        "vm": row["resource_id"],
    }


def test_a_publication_in_the_future_is_no_age_below_zero() -> None:
    told = ages_of([windows("web", -3)])
    assert told["oldest"] is not None
    assert told["oldest"]["days"] == 0


def test_of_a_patch_that_is_listed_twice_the_older_publication_counts() -> None:
    patches = [kb(5034441, day=day(3)), kb(5034441, day=day(200)), kb(5034441, day=day(9))]
    told = ages_of([vm("web", 3, 0, patches)])
    assert [each["missing"]["published"] for each in told["buckets"]] == [0, 0, 0, 0, 0, 1]


def test_of_as_many_days_the_critical_patch_is_the_oldest_and_the_first_vm_by_name_is_named() -> None:
    rows = [
        vm("b", 1, 1, [kb(1, "Updates", day=day(90)), kb(2, day=day(90))]),
        vm("A", 1, 0, [kb(2, day=day(90))]),
        vm("0", 0, 1, [kb(1, "Updates", day=day(90))]),
    ]
    oldest = ages_of(rows)["oldest"]
    assert oldest is not None
    assert (oldest["patch"], oldest["vms"], oldest["vm"].rpartition("/")[2]) == ("KB2", 2, "A")


def test_what_a_short_list_left_out_is_said_and_has_no_age() -> None:
    told = ages_of([vm("web", 8, 4, [kb(1, day=day(5))])])
    assert (told["unknown"]["not_listed"], told["unknown"]["vms_not_listed"]) == (11, 1)
    assert told["unknown"]["missing"] == 0


def test_the_day_of_a_patch_counts_in_utc_whatever_the_zone_it_is_written_in() -> None:
    entry: Any = kb(1)
    patch: Any = {**entry, "publishedDate": "2026-11-23T01:30:00+02:00"}
    ager, (read,) = Ager(ON), PatchReader().of(vm("web", 1, 0, [patch]))
    assert ager.of([read], None) == [(read, Age(1, "published"))]


def plain(rows: list[Row], seen: Seen | None) -> dict[str, Any]:
    """The same figures, from lists of everything."""
    pairs: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        assessment: Any = row["assessment"]
        for entry in assessment["availablePatches"]:
            key = f"KB{entry['kbId']}" if "kbId" in entry else entry["name"]
            days, basis = None, ""
            if entry["publishedDate"]:
                days, basis = (ON - date.fromisoformat(entry["publishedDate"][:10])).days, "published"
            elif seen is not None:
                days, basis = (ON - seen.get(row["name"], {}).get(key, ON)).days, "first_seen"
            pressing = entry["classifications"][0] in ("Security", "Critical")
            pairs[row["name"], key] = [days, basis, pressing]
    edges = [(0, 30), (31, 60), (61, 90), (91, 120), (121, 180), (181, 10**6)]
    found: dict[str, Any] = {"missing": [], "vms": [], "patches": []}
    names, keys = {name for name, _ in pairs}, {key for _, key in pairs}
    by_vm = [
        max((each for (n, _), each in pairs.items() if n == name and each[0] is not None), default=None)
        for name in names
    ]
    by_key = [
        max((each for (_, k), each in pairs.items() if k == key and each[0] is not None), default=None)
        for key in keys
    ]
    for figure, things in (("missing", [*pairs.values()]), ("vms", by_vm), ("patches", by_key)):
        known = [each for each in things if each is not None and each[0] is not None]
        found[figure] = [sum(low <= each[0] <= high for each in known) for low, high in edges]
        found[f"{figure} unknown"] = len(things) - len(known)
    return found


@pytest.mark.series
def test_the_ages_of_random_fleets_agree_with_a_plain_re_computation() -> None:
    for seed in range(length(200, whole=2000)):
        draw = random.Random(seed)
        rows, seen = [], {}
        for number in range(draw.randrange(1, 9)):
            is_linux = draw.random() < 0.5
            names = draw.sample(("bash", "curl", "zlib", "vim", "perl"), draw.randrange(5))
            dated = {
                name: {"bash": 0, "curl": 45, "zlib": 95, "vim": 181, "perl": 60}[name] for name in names
            }
            kinds = [draw.choice(("Security", "Other")) for _ in names]
            listed = [
                package(name, kind)
                if is_linux
                else kb(len(name) * 100 + dated[name], kind, day=day(dated[name]))
                for name, kind in zip(names, kinds, strict=True)
            ]
            rows.append(vm(f"m{number}", len(listed), 0, listed, os_type="Linux" if is_linux else "Windows"))
            seen[f"m{number}"] = {name: ON - timedelta(days=draw.randrange(250)) for name in names}
        history = seen if draw.random() < 0.7 else None
        told, expected = ages_of(rows, history), plain(rows, history)
        buckets: Any = told["buckets"]
        unknown: Any = told["unknown"]
        for figure in ("missing", "vms", "patches"):
            assert [sum(each[figure].values()) for each in buckets] == expected[figure], seed
            assert unknown[figure] == expected[f"{figure} unknown"], seed
