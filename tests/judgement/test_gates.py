"""Gates: which are understood, what each refusal says, and when a run breaches them."""

from __future__ import annotations

import random
from datetime import date

import pytest

from fleetscan.judgement.age_sums import AgeSums
from fleetscan.judgement.ages import Age
from fleetscan.judgement.gate_figures import FIGURES, figures_table
from fleetscan.judgement.gates import Gate, breaches, gates_of, needs_age
from fleetscan.judgement.oldest import Oldest
from fleetscan.records.totals import Totals
from tests import series
from tests.hostile import HOSTILE
from tests.judgement.fleets import drawn

EXAMPLE = "critical_and_security>0, age>30d, coverage<98%"


def totals(listed: int = 128, assessed: int = 120, **more: object) -> Totals:
    fleet, _ = drawn(random.Random(0), 0).totals([])
    fleet["listed"] = listed
    fleet["outcomes"]["assessed"] = assessed
    fleet["outcomes"]["failed"] = listed - assessed
    fleet["coverage_pct"] = None if not listed else 10_000 * assessed // listed / 100
    fleet["compliance_pct"] = None if not listed else 22.65
    fleet.update(more)  # type: ignore[typeddict-item]
    return fleet


def sentences(text: str, of: Totals, oldest: Oldest | None = None) -> list[str]:
    return [breach.sentence for breach in breaches(gates_of(text), of, oldest)]


def test_the_gates_of_an_example_are_read() -> None:
    assert gates_of("critical_and_security>0, age>30d, coverage<98%, compliance<95%, failed>0") == (
        Gate("critical_and_security", ">", 0),
        Gate("age", ">", 30),
        Gate("coverage", "<", 98.0),
        Gate("compliance", "<", 95.0),
        Gate("failed", ">", 0),
    )


@pytest.mark.parametrize(
    ("text", "gates"),
    [
        ("coverage<98", ["coverage<98%"]),
        ("coverage < 99.5 %", ["coverage<99.5%"]),
        ("  FAILED >=1,\tfailed  >= 1 ", ["failed>=1"]),
        ("age>4w", ["age>28d"]),
        ("listed=0, listed!=128", ["listed=0", "listed!=128"]),
        ("duration_s>2h,duration_s>90", ["duration_s>7200", "duration_s>90"]),
        ("timed_out>0,skipped<=3", ["timed_out>0", "skipped<=3"]),
        ("failed>1,failed>2", ["failed>1", "failed>2"]),
    ],
)
def test_a_gate_is_read_as_people_write_it(text: str, gates: list[str]) -> None:
    assert [gate.text for gate in gates_of(text)] == gates
    assert gates_of(",".join(gates)) == gates_of(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ", not empty"),
        (" \t", ", not empty"),
        ("failed>0,", "; in 'failed>0,': rule 2 is empty"),
        (",failed>0", "; in ',failed>0': rule 1 is empty"),
        ("coverge<98%", "; in 'coverge<98%': 'coverge' is no figure; did you mean coverage?"),
        (
            "failed>0, critical_and_security_count>0",
            "; in 'critical_and_security_count>0': 'critical_and_security_count' is no figure; "
            "did you mean critical_and_security?",
        ),
        (">0", f"; in '>0': a figure's name is missing; known names: {', '.join(FIGURES)}"),
        ("failed", "; in 'failed': a gate has one of > >= < <= = != between its name and its limit"),
        (
            "failed>5,000",
            "; in 'failed>5,000': a number is written without commas, and '000' alone is no rule",
        ),
        ("failed>5%", "; in 'failed>5%': write a whole number, such as failed>0"),
        ("failed>1.5", "; in 'failed>1.5': write a whole number, such as failed>0"),
        ("failed>-1", "; in 'failed>-1': write a whole number, such as failed>0"),
        ("failed>3d", "; in 'failed>3d': write a whole number, such as failed>0"),
        ("failed>\u0663", "; in 'failed>\u0663': write a whole number, such as failed>0"),
        ("failed>", "; in 'failed>': write a whole number, such as failed>0"),
        ("failed>0 age>3d", "; in 'failed>0 age>3d': write a whole number, such as failed>0"),
        ("coverage<30d", "; in 'coverage<30d': write a percentage from 0% to 100%, such as coverage<98%"),
        ("coverage<101", "; in 'coverage<101': write a percentage from 0% to 100%, such as coverage<98%"),
        ("coverage<9.123", "; in 'coverage<9.123': write a percentage from 0% to 100%, such as coverage<98%"),
        ("age>30", "; in 'age>30': write days or weeks, such as age>30d"),
        ("age>30%", "; in 'age>30%': write days or weeks, such as age>30d"),
        ("age>720h", "; in 'age>720h': write days or weeks, such as age>30d"),
        ("age>36501d", "; in 'age>36501d': write days or weeks, such as age>30d"),
        ("age<30d", "; in 'age<30d': age takes > or >= alone"),
        ("failed==0", "; in 'failed==0': write =, not =="),
        ("failed=>1", "; in 'failed=>1': write >=, not =>"),
        ("failed><1", "; in 'failed><1': write one of > >= < <= = !="),
        ("coverage<0%", "; in 'coverage<0%': no run can breach that"),
        ("coverage>100", "; in 'coverage>100': no run can breach that"),
        ("coverage<=100", "; in 'coverage<=100': every run breaches that"),
        ("age>=0d", "; in 'age>=0d': every run breaches that"),
        ("failed>=0", "; in 'failed>=0': every run breaches that"),
    ],
)
def test_a_gate_that_cannot_be_read_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"must be gates such as") as refused:
        gates_of(text)
    assert str(refused.value) == f"must be gates such as '{EXAMPLE}'{why}"


@pytest.mark.parametrize("text", HOSTILE.values())
def test_hostile_text_is_refused_in_a_short_sentence(text: str) -> None:
    for gates in (text, f"{text}>0", f"failed>{text}", f"failed>0,{text}", f"age>{text}d"):
        with pytest.raises(ValueError, match=r"must be gates such as") as refused:
            gates_of(gates)
        assert len(str(refused.value)) < 600
        assert str(refused.value).isprintable()


def test_the_names_are_those_of_the_totals_and_the_documents_have_each() -> None:
    assert list(FIGURES) == [
        "listed",
        "critical_and_security",
        "other",
        "reboot_pending",
        "vms_with_critical_or_security",
        "patches_incomplete",
        "coverage",
        "compliance",
        "wsus",
        "schedule_without_effect",
        "failed_installation",
        "window_exceeded",
        "periodic_assessment_off",
        "unsupported_os",
        "duration_s",
        "assessed",
        "failed",
        "timed_out",
        "skipped",
        "interrupted",
        "age",
    ]
    table = figures_table()
    assert [name for name, _, _ in table] == list(FIGURES)
    assert ("coverage", "coverage<98%", "Assessed VMs, of those listed, %.") in table
    assert all(gates_of(example) and meaning for _, example, meaning in table)


def test_a_breach_says_the_figure_the_limit_and_out_of_how_many() -> None:
    fleet = totals(critical_and_security_count=5464, vms_with_critical_or_security=91, other_count=12)
    text = "critical_and_security>0, other>=12, coverage<98%, compliance<95%"
    text += ", failed>7, listed=128, duration_s>250"
    assert sentences(text, fleet) == [
        "critical_and_security is 5,464, more than 0: on 91 VMs of 120 assessed (128 listed)",
        "other is 12, not less than 12: 120 VMs assessed of 128 listed",
        "coverage is 93.75%, less than 98%: 120 VMs assessed of 128 listed",
        "compliance is 22.65%, less than 95%: 120 VMs assessed of 128 listed",
        "failed is 8, more than 7: 120 VMs assessed of 128 listed",
        "listed is 128, equal to 128: 120 VMs assessed of 128 listed",
        "duration_s is 252.5 s, more than 250 s: 120 VMs assessed of 128 listed",
    ]


def test_a_run_that_is_good_enough_breaches_nothing() -> None:
    fleet = totals(listed=128, assessed=128)
    old = Oldest(Age(30, "published"))
    assert (
        sentences("critical_and_security>0, age>30d, coverage<100%, failed>0, listed!=128", fleet, old) == []
    )


def test_nothing_listed_is_unknown_where_something_would_have_to_be() -> None:
    text = "coverage<98%, compliance<1, other>5, age>30d, failed>0, listed=0"
    assert sentences(text, totals(0, 0), Oldest()) == [
        "coverage is unknown, which breaches coverage<98%: no VM is listed",
        "compliance is unknown, which breaches compliance<1%: no VM is listed",
        "other is unknown, which breaches other>5: no VM is listed",
        "age is unknown, which breaches age>30d: no VM is listed",
        "listed is 0, equal to 0: 0 VMs assessed of 0 listed",
    ]


def test_sums_over_patches_are_unknown_and_not_0_where_no_vm_was_assessed() -> None:
    text = "critical_and_security>0, vms_with_critical_or_security>9, reboot_pending>9, age>1d"
    of_none = "none of 3 VMs listed was assessed"
    assert sentences(text, totals(3, 0), Oldest()) == [
        f"critical_and_security is unknown, which breaches critical_and_security>0: {of_none}",
        "vms_with_critical_or_security is unknown, which breaches vms_with_critical_or_security>9: "
        + of_none,
        f"reboot_pending is unknown, which breaches reboot_pending>9: {of_none}",
        f"age is unknown, which breaches age>1d: {of_none}",
    ]
    assert sentences("coverage<1%, failed>2, skipped>0", totals(3, 0)) == [
        "coverage is 0%, less than 1%: 0 VMs assessed of 3 listed",
        "failed is 3, more than 2: 0 VMs assessed of 3 listed",
    ]


def test_the_known_oldest_breaches_by_itself_whatever_is_unknown() -> None:
    old = Oldest(Age(31, "first_seen"), undated_patches=5, undated_vms=2)
    assert sentences("age>30d, age>=31d", totals(), old) == [
        "age is 31 days, more than 30 days: the oldest missing patch that counts, since it was first seen; "
        "120 VMs assessed of 128 listed",
        "age is 31 days, not less than 31 days: the oldest missing patch that counts, "
        "since it was first seen; 120 VMs assessed of 128 listed",
    ]


def test_an_age_that_is_known_in_part_breaches_as_unknown_and_says_what_is() -> None:
    old = Oldest(
        Age(30, "published"), undated_patches=312, undated_vms=40, unlisted_patches=1, unlisted_vms=1
    )
    assert sentences("age>30d", totals(), old) == [
        "age is unknown, which breaches age>30d: "
        "no age for 312 patches on 40 VMs (no publication date, as on Linux, and no history), "
        "nor for at least 1 patch on 1 VM (counted, not listed); "
        "the oldest of the others: 30 days since its publication; 120 VMs assessed of 128 listed"
    ]
    assert [breach.value for breach in breaches(gates_of("age>30d"), totals(), old)] == [None]


def test_an_age_that_was_not_looked_up_is_unknown_and_no_missing_patch_is_none_too_old() -> None:
    assert needs_age(gates_of("failed>0, age>1d"))
    assert not needs_age(gates_of("failed>0"))
    assert sentences("age>30d", totals()) == [
        "age is unknown, which breaches age>30d: no ages were looked up"
    ]
    assert sentences("age>30d", totals(), Oldest()) == []
    assert sentences("age>30d", totals(other_count=2), Oldest()) == [
        "age is unknown, which breaches age>30d: no age for 2 patches (counted, not listed); "
        "120 VMs assessed of 128 listed"
    ]


@pytest.mark.series
@pytest.mark.parametrize("seed", range(series.length(100, 1000)))
def test_random_fleets_breach_as_a_naive_look_at_their_rows_says(seed: int) -> None:
    draw = random.Random(seed)
    fleet = drawn(draw)
    of_fleet, _ = fleet.totals()
    sums = AgeSums(date(2026, 11, 23), None)
    for row, patches in fleet.rows:
        if row["outcome"] == "assessed":
            sums.add(row, patches)
    assessed = [(row, patches) for row, patches in fleet.rows if row["outcome"] == "assessed"]
    limit = draw.choice((0, 7, 30, 400))
    ages = [age for _, patches in assessed for _, age in patches]
    is_too_old = any(age is not None and age.days > limit for age in ages)
    is_unknown = not assessed or any(
        {patch.key for patch, _ in patches} - {patch.key for patch, age in patches if age}
        for _, patches in assessed
    )
    is_unknown |= any(
        row["patches_complete"] is not True and (row["critical_and_security_count"] or row["other_count"])
        for row, _ in assessed
    )
    found = breaches(gates_of(f"age>{limit}d"), of_fleet, Oldest.of(sums.told()))
    assert [breach.value is None for breach in found] == (
        [False] if is_too_old and assessed else [True] if is_unknown else []
    )
    critical = sum(row["critical_and_security_count"] or 0 for row, _ in assessed)
    bound = draw.randrange(20)
    found = breaches(gates_of(f"critical_and_security>{bound}"), of_fleet, None)
    assert bool(found) == (not assessed or critical > bound)


@pytest.mark.series
@pytest.mark.parametrize("seed", range(series.length(50, 500)))
def test_the_oldest_of_a_random_fleet_is_that_of_all_its_patches(seed: int) -> None:
    draw = random.Random(seed)
    rows = [each for each in drawn(draw).rows if each[0]["outcome"] == "assessed"]
    sums = AgeSums(date(2026, 11, 23), None)
    for row, patches in draw.sample(rows, len(rows)):
        sums.add(row, patches)
    told = Oldest.of(sums.told())
    days = [age.days for _, patches in rows for _, age in patches if age]
    assert (told.age and told.age.days) == max(days, default=None)
    # Of a patch that is listed twice the entry with an age counts.
    undated = [
        {patch.key for patch, _ in patches} - {patch.key for patch, age in patches if age}
        for _, patches in rows
    ]
    assert (told.undated_patches, told.undated_vms) == (sum(map(len, undated)), sum(map(bool, undated)))
    lacking = [
        max(1, (row["critical_and_security_count"] or 0) + (row["other_count"] or 0) - len(patches))
        for row, patches in rows
        if row["patches_complete"] is not True and (row["critical_and_security_count"] or row["other_count"])
    ]
    assert (told.unlisted_patches, told.unlisted_vms) == (sum(lacking), len(lacking))
