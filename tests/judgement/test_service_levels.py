"""Service levels: which rules are understood, and what is within, breached or unknown, by VM and by patch."""

from __future__ import annotations

import random
import re

import pytest

from fleetscan.judgement.ages import Age
from fleetscan.judgement.service_levels import ServiceLevelLimits, ServiceLevels, service_levels_of
from fleetscan.model import Json
from fleetscan.records.judged import Levels, ServiceLevelsJudged
from fleetscan.records.patches import PatchReader
from fleetscan.records.row import Row
from tests import series
from tests.hostile import HOSTILE
from tests.judgement.fleets import assessed, drawn, entry, skipped
from tests.records.examples import machine

EXAMPLE = "critical=7d, security=30d, other=90d"
NONE: Levels = {"within": 0, "breached": 0, "unknown": 0}


def levels(within: int = 0, breached: int = 0, unknown: int = 0) -> Levels:
    return {"within": within, "breached": breached, "unknown": unknown}


def judged(
    rules: str, *vms: tuple[list[dict[str, Json]], list[int | None], tuple[int, int]]
) -> ServiceLevelsJudged:
    """What is told of VMs with these entries, their ages in days, and so many patches not listed."""
    found, reader = ServiceLevels(service_levels_of(rules)), PatchReader()
    for number, (entries, days, unlisted) in enumerate(vms):
        row = assessed(machine(f"vm-{number}", os_type="Windows"), entries, unlisted)
        ages = [None if each is None else Age(each, "published") for each in days]
        found.add(row, list(zip(reader.of(row), ages, strict=True)))
    return found.told()


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("critical=7d, security=30d, other=90d", ServiceLevelLimits(7, 30, 90)),
        (" Other = 2 W ", ServiceLevelLimits(other_days=14)),
        ("security=0d,critical=1w", ServiceLevelLimits(7, 0)),
        ("other=1w, other=7d", ServiceLevelLimits(other_days=7)),
    ],
)
def test_rules_are_read_as_people_write_them(text: str, limits: ServiceLevelLimits) -> None:
    assert service_levels_of(text) == limits


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ", not empty"),
        ("critical=7d,", "; in 'critical=7d,': rule 2 is empty"),
        ("critcal=7d", "; in 'critcal=7d': 'critcal' is no class; did you mean critical?"),
        (
            "definition=7d",
            "; in 'definition=7d': 'definition' is no class; known classes: critical, security, other",
        ),
        ("=7d", "; in '=7d': a class is missing; known classes: critical, security, other"),
        ("critical 7d", "; in 'critical 7d': a rule has = between its class and its limit"),
        ("critical>7d", "; in 'critical>7d': a rule has = between its class and its limit"),
        ("critical=7", "; in 'critical=7': write days or weeks, such as critical=30d"),
        ("critical=36h", "; in 'critical=36h': write days or weeks, such as critical=30d"),
        ("critical=-7d", "; in 'critical=-7d': write days or weeks, such as critical=30d"),
        ("critical=1.5d", "; in 'critical=1.5d': write days or weeks, such as critical=30d"),
        ("critical==7d", "; in 'critical==7d': write days or weeks, such as critical=30d"),
        ("other=99999w", "; in 'other=99999w': write days or weeks, such as other=30d"),
        ("other=7d, other=8d", "; in 'other=7d, other=8d': other has two limits"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=rf"^must be service levels such as '{EXAMPLE}'{re.escape(why)}$"):
        service_levels_of(text)


@pytest.mark.parametrize("text", HOSTILE.values())
def test_hostile_rules_are_refused_in_a_short_sentence(text: str) -> None:
    for rules in (text, f"{text}=7d", f"other={text}", f"other=7d,{text}"):
        with pytest.raises(ValueError, match=r"must be service levels such as") as refused:
            service_levels_of(rules)
        assert len(str(refused.value)) < 400
        assert str(refused.value).isprintable()


def test_a_patch_is_within_up_to_the_day_of_its_limit_and_breached_on_the_next() -> None:
    entries = [entry(1, "Critical"), entry(2, "Security"), entry(3, "Updates"), entry(4)]
    told = judged(EXAMPLE, (entries, [7, 30, 90, 90], (0, 0)), (entries, [8, 31, 91, 91], (0, 0)))
    assert told["rules"] == {"critical_days": 7, "security_days": 30, "other_days": 90}
    assert told["patches"] == {
        "critical": levels(1, 1),
        "security": levels(1, 1),
        "critical_and_security": NONE,
        "other": levels(2, 2),
    }
    assert told["vms"] == levels(1, 1)


def test_a_patch_of_two_classes_is_judged_by_the_stricter_and_one_without_a_rule_is_not_judged() -> None:
    both = [entry(1, "Security", "Critical")]
    assert judged(EXAMPLE, (both, [8], (0, 0)))["patches"]["critical"] == levels(breached=1)
    assert judged("security=1d", (both, [8], (0, 0)))["patches"]["security"] == levels(breached=1)
    told = judged("critical=7d", ([entry(1, "Security"), entry(2, "Tools")], [400, None], (0, 0)))
    assert (told["vms"], told["patches"]["security"], told["patches"]["other"]) == (levels(1), NONE, NONE)


def test_a_patch_of_unknown_age_makes_a_vm_unknown_unless_another_breaches() -> None:
    two = [entry(1, "Critical"), entry(2, "Critical")]
    told = judged(EXAMPLE, (two, [None, 7], (0, 0)), (two, [None, 8], (0, 0)), (two, [0, 7], (0, 0)))
    assert told["vms"] == levels(1, 1, 1)
    assert told["patches"]["critical"] == levels(3, 1, 2)


def test_a_list_that_is_cut_short_is_judged_jointly_by_the_stricter_rule_and_never_within() -> None:
    one = [entry(1, "Security")]
    told = judged(EXAMPLE, (one, [7], (2, 1)), (one, [8], (2, 1)))
    assert told["vms"] == levels(breached=1, unknown=1)
    assert told["patches"] == {
        "critical": NONE,
        "security": NONE,
        "critical_and_security": levels(1, 1, 4),
        "other": levels(unknown=2),
    }


def test_a_list_that_azure_marks_as_cut_is_not_within_though_its_counts_are_all_listed() -> None:
    marked: Json = {"code": "PACKAGE_LIST_TRUNCATED"}
    found, reader = ServiceLevels(service_levels_of(EXAMPLE)), PatchReader()
    row = assessed(machine(os_type="Windows"), [entry(1, "Updates")], (0, 0), error=marked)
    found.add(row, [(patch, Age(1, "published")) for patch in reader.of(row)])
    found.add(assessed(machine("vm-2"), [], (0, 0), error=marked), [])
    assert found.told()["vms"] == levels(within=1, unknown=1)


def test_what_is_not_listed_of_a_class_without_a_rule_leaves_a_vm_within() -> None:
    assert judged("other=90d", ([], [], (3, 0)))["vms"] == levels(within=1)
    assert judged("security=90d", ([], [], (0, 3)))["vms"] == levels(within=1)
    assert judged("security=90d", ([], [], (1, 0)))["vms"] == levels(unknown=1)


def test_a_vm_that_was_not_assessed_is_unknown() -> None:
    found = ServiceLevels(service_levels_of(EXAMPLE))
    found.add(skipped(machine()), [])
    assert found.told()["vms"] == levels(unknown=1)


def test_a_patch_that_is_listed_twice_counts_once_and_by_its_worse_age() -> None:
    twice = [entry(1, "Critical"), entry(1, "Critical")]
    for days in ([8, 7], [7, 8], [None, 8], [8, None]):
        told = judged(EXAMPLE, (twice, [*days], (0, 0)))
        assert (told["patches"]["critical"], told["worst"][0]["breached"]) == (levels(breached=1), 1)


def test_the_fifty_vms_that_are_furthest_beyond_a_rule_are_named() -> None:
    vms: list[tuple[list[dict[str, Json]], list[int | None], tuple[int, int]]]
    vms = [([entry(1, "Critical"), entry(2, "Other")], [8 + n % 7, 100], (0, 0)) for n in range(300)]
    worst = judged("critical=7d, other=90d", *vms)["worst"]
    assert len(worst) == 50
    assert {(vm["patch"], vm["patch_class"], vm["age_days"], vm["limit_days"]) for vm in worst} == {
        ("KB5000002", "other", 100, 90)
    }
    assert [vm["name"] for vm in worst[:3]] == ["vm-0", "vm-1", "vm-10"]
    assert worst[0]["breached"] == 2
    first = judged("critical=7d", *vms)["worst"][0]
    assert (first["name"], first["age_days"], first["age_basis"]) == ("vm-104", 14, "published")


def naive(limits: ServiceLevelLimits, row: Row, aged: list[tuple[tuple[str, ...], str, int | None]]) -> str:
    """The level of one VM, by looking at everything again."""
    if row["outcome"] != "assessed":
        return "unknown"
    is_whole = row["patches_complete"] is True
    counts = row["critical_and_security_count"], row["other_count"]
    found = {"within"}
    joint = [days for days in (limits.critical_days, limits.security_days) if days is not None]
    for words, _, days in aged:
        own = [
            limit
            for word, limit in (("Critical", limits.critical_days), ("Security", limits.security_days))
            if word in words and limit is not None
        ]
        is_pressing = bool({"Critical", "Security"} & set(words))
        others = [] if limits.other_days is None else [limits.other_days]
        of_patch = (own if is_whole or not any(counts) else joint) if is_pressing else others
        if of_patch:
            found.add("unknown" if days is None else "breached" if days > min(of_patch) else "within")
    if not is_whole and ((joint and counts[0] != 0) or (limits.other_days is not None and counts[1] != 0)):
        found.add("unknown")
    return next(level for level in ("breached", "unknown", "within") if level in found)


@pytest.mark.series
@pytest.mark.parametrize("seed", range(series.length(150, 1500)))
def test_random_fleets_are_judged_as_a_naive_look_at_each_vm_says(seed: int) -> None:
    draw = random.Random(seed)
    limits = ServiceLevelLimits(*(draw.choice((None, 7, 30, 90)) for _ in range(3)))
    found, expected = ServiceLevels(limits), levels()
    patches = unlisted = 0
    for row, aged in drawn(draw).rows:
        found.add(row, aged)
        plain = [(patch.classifications, patch.key, age and age.days) for patch, age in aged]
        expected[naive(limits, row, plain)] += 1  # type: ignore[literal-required]
        if row["outcome"] == "assessed":
            patches += len({patch.key for patch, _ in aged})
            counted = (row["critical_and_security_count"] or 0) + (row["other_count"] or 0)
            unlisted += counted - len(aged)
    told = found.told()
    assert told["vms"] == expected
    assert len(told["worst"]) == told["vms"]["breached"]
    if None not in (limits.critical_days, limits.security_days, limits.other_days):
        by_class = [
            told["patches"][name] for name in ("critical", "security", "critical_and_security", "other")
        ]
        total = sum(each["within"] + each["breached"] + each["unknown"] for each in by_class)
        assert total == patches + unlisted
