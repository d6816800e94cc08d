"""What counts: causes in their order, figures after them, the account that is kept, and totals made anew."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from datetime import date

import pytest

from fleetscan.judgement.ages import Age, AgedPatch
from fleetscan.judgement.counting import CountedVm, Counting, Ignored, Later
from fleetscan.judgement.exceptions import PatchException
from fleetscan.judgement.recount import Recount
from fleetscan.model import Json
from fleetscan.records.patches import Patch, PatchReader
from fleetscan.records.row import Row
from fleetscan.records.totals import GroupTotals
from tests import series
from tests.judgement.fleets import Fleet, assessed, drawn, entry, package, skipped
from tests.judgement.test_exceptions import is_in_scope, is_meant
from tests.records.examples import machine

ON = date(2026, 11, 23)
LATER, EARLIER = date(2027, 1, 1), date(2026, 11, 22)


def exception(patch: str = "*", *scope: str, number: int = 1, expires: date = LATER) -> PatchException:
    return PatchException(number, scope, patch, "r", "o", expires)


def vm(
    *entries: dict[str, Json],
    name: str = "vm-1",
    os_type: str = "Windows",
    unlisted: tuple[int, int] = (0, 0),
) -> Row:
    return assessed(machine(name, os_type=os_type), [*entries], unlisted)


def counted(
    counting: Counting, row: Row, ages: Sequence[Age | None] = (), reader: PatchReader | None = None
) -> CountedVm:
    patches = (reader or PatchReader()).of(row)
    return counting.count(row, list(zip(patches, ages or [None] * len(patches), strict=True)))


def keys(found: CountedVm) -> list[str]:
    return [patch.key for patch, _ in found.patches]


def figures(row: Row) -> tuple[int | None, int | None]:
    return row["critical_and_security_count"], row["other_count"]


def test_without_a_reason_to_leave_anything_out_a_row_is_the_same() -> None:
    counting, row = Counting((), (), None, ON), vm(entry(1, "Security"), entry(2, "Other"))
    found = counted(counting, row)
    assert found.row is row
    assert (keys(found), found.left_out) == (["KB5000001", "KB5000002"], ())
    assert counting.told() == {
        "critical_and_security_count": 0,
        "other_count": 0,
        "patches": 0,
        "vms": 0,
        "ignored_classifications": [],
        "as_of": None,
        "exceptions": [],
    }


def test_each_left_out_patch_lowers_the_figure_of_its_class_and_the_row_itself_stays() -> None:
    row = vm(entry(1, "Security"), entry(2, "Critical"), entry(3, "Updates"), unlisted=(5, 7))
    before = copy.deepcopy(row)
    found = counted(Counting([exception("KB5000001"), exception("KB5000003")], (), None, ON), row)
    assert row == before
    assert (figures(row), figures(found.row), keys(found)) == ((7, 8), (6, 7), ["KB5000002"])
    assert {**found.row, "critical_and_security_count": 7, "other_count": 8} == row


def test_a_figure_is_never_below_0_and_an_unknown_one_stays_unknown() -> None:
    row = vm(entry(1, "Security"), entry(2, "Security"), entry(3, "Other"))
    row["critical_and_security_count"], row["other_count"] = 1, None
    counting = Counting([exception()], (), None, ON)
    assert figures(counted(counting, row).row) == (0, None)
    told = counting.told()
    assert (told["critical_and_security_count"], told["other_count"], told["patches"]) == (1, 0, 3)


def test_the_first_cause_in_order_is_the_one_that_is_told() -> None:
    ignored = entry(1, "Definition", published="2026-11-20")
    later = entry(2, "Updates", published="2026-11-20")
    excepted = entry(3, "Updates", published="2026-11-01")
    covering = exception("*")
    counting = Counting([covering, exception("KB5000003")], ["definition"], date(2026, 11, 10), ON)
    found = counted(counting, vm(ignored, later, excepted))
    causes = [each.cause for each in found.left_out]
    assert causes == [Ignored("definition"), Later(date(2026, 11, 10)), covering]


def test_a_classification_is_ignored_whatever_its_case_and_only_where_a_patch_has_no_other() -> None:
    counting = Counting((), ["DEFINITION", "definition", "Tools"], None, ON)
    row = vm(
        entry(1, "Definition"), entry(2, "Definition", "Security"), entry(3), entry(4, "Tools", "Definition")
    )
    assert keys(counted(counting, row)) == ["KB5000002", "KB5000003"]
    assert counting.told()["ignored_classifications"] == [
        {"classification": "DEFINITION", "patches": 1, "vms": 1},
        {"classification": "Tools", "patches": 1, "vms": 1},
    ]


def test_a_security_patch_can_be_ignored_and_lowers_that_figure() -> None:
    found = counted(Counting((), ["security"], None, ON), vm(entry(1, "Security"), entry(2, "Critical")))
    assert (figures(found.row), keys(found)) == ((1, 0), ["KB5000002"])


def test_a_patch_published_after_the_day_is_left_out_and_one_of_that_day_counts() -> None:
    days = [entry(n, "Security", published=f"2026-11-{n:02d}") for n in (9, 10, 11)]
    counting = Counting((), (), date(2026, 11, 10), ON)
    # An age is not looked at where the day of publication is known.
    found = counted(counting, vm(*days), [Age(0, "first_seen"), Age(0, "first_seen"), Age(400, "first_seen")])
    assert keys(found) == ["KB5000009", "KB5000010"]
    assert counting.told()["as_of"] == {"day": "2026-11-10", "patches": 1, "vms": 1}


def test_a_patch_without_a_publication_date_counts_whenever_it_was_first_seen() -> None:
    row = vm(*(package(f"lib{n}", "Security") for n in range(5)), os_type="Linux")
    ages = [
        Age(14, "first_seen"),
        Age(13, "first_seen"),
        Age(12, "first_seen"),
        None,
        Age(10**9, "first_seen"),
    ]
    counting = Counting((), (), date(2026, 11, 10), ON)
    assert keys(counted(counting, row, ages)) == ["lib0", "lib1", "lib2", "lib3", "lib4"]


def test_the_first_exception_of_the_file_that_holds_is_told_of_a_patch() -> None:
    gone, first, second = (exception(number=n, expires=day) for n, day in ((1, EARLIER), (2, ON), (3, LATER)))
    counting = Counting([gone, first, second], (), None, ON)
    assert [each.cause for each in counted(counting, vm(entry(1, "Security"))).left_out] == [first]
    told = counting.told()["exceptions"]
    assert [(each["number"], each["state"], each["patches"]) for each in told] == [
        (1, "expired", 0),
        (2, "applied", 1),
        (3, "shadowed", 0),
    ]


def test_an_expired_exception_leaves_nothing_out_and_says_what_it_would_have() -> None:
    counting, reader = (
        Counting([exception("kb5000001", "vm-*", expires=EARLIER)], (), None, ON),
        PatchReader(),
    )
    for name in ("vm-1", "vm-2", "web"):
        found = counted(counting, vm(entry(1, "Security"), entry(2, "Security"), name=name), (), reader)
        assert (figures(found.row), found.left_out) == ((2, 0), ())
    assert counting.told()["exceptions"] == [
        {
            "number": 1,
            "scope": ["vm-*"],
            "patch": "kb5000001",
            "reason": "r",
            "owner": "o",
            "expires": "2026-11-22",
            "state": "expired",
            "patches": 2,
            "vms": 2,
        }
    ]


def test_an_exception_that_covers_nothing_that_is_missing_is_unused() -> None:
    exceptions = [exception("KB1"), exception("*", "web"), exception("KB5000001")]
    counting = Counting(exceptions, ["definition"], None, ON)
    counted(counting, vm(entry(1, "Definition")))
    # What a VM that was not assessed misses is not known.
    not_assessed = skipped(machine("web"))
    assert counting.count(not_assessed, ()) == CountedVm(not_assessed, ())
    assert [each["state"] for each in counting.told()["exceptions"]] == ["unused", "unused", "shadowed"]


def test_what_a_failed_assessment_lists_is_no_patch_that_counts_or_is_left_out() -> None:
    row = {**vm(entry(1, "Security")), "outcome": "failed", "reason": "assessment_failed"}
    counting = Counting([exception()], (), None, ON)
    found = counted(counting, row)  # type: ignore[arg-type]
    assert (found.row, found.patches, found.left_out) == (row, (), ())
    assert counting.told()["exceptions"][0]["state"] == "unused"


def test_a_patch_that_a_vm_lists_twice_is_left_out_once_and_lowers_the_figure_twice() -> None:
    counting = Counting([exception()], (), None, ON)
    found = counted(counting, vm(entry(1, "Security"), entry(1, "Security"), unlisted=(1, 0)))
    assert figures(found.row) == (1, 0)
    told = counting.told()
    assert (told["patches"], told["vms"], told["critical_and_security_count"]) == (1, 1, 2)
    assert told["exceptions"][0]["patches"] == 1


def test_of_a_patch_that_is_listed_under_two_titles_each_expired_exception_tells_its_own() -> None:
    titles = ({**entry(1, "Definition"), "name": f"Definition {n}"} for n in (1, 2))
    exceptions = [exception(f"definition {n}", number=n, expires=EARLIER) for n in (1, 2)]
    counting = Counting(exceptions, (), None, ON)
    counted(counting, vm(*titles))
    assert [each["patches"] for each in counting.told()["exceptions"]] == [1, 1]


def test_a_vm_is_compliant_only_where_it_was_assessed_and_its_count_is_known() -> None:
    totals, groups = Fleet([], []).totals([vm(), skipped(machine("vm-2")), vm(name="vm-3")])
    recount = Recount(())
    recount.add({**vm(), "critical_and_security_count": None})
    recount.add({**vm(name="vm-2"), "outcome": "failed", "reason": "assessment_failed"})
    assert recount.recounted(totals, groups)[0]["compliance_pct"] == 0.0
    recount.add(vm(name="vm-3"))
    assert recount.recounted(totals, groups)[0]["compliance_pct"] == 33.33


def naive_cause(
    exceptions: Sequence[PatchException],
    ignored: Sequence[str],
    as_of: date | None,
    row: Row,
    entry: AgedPatch,
) -> str | None:
    """Why a patch does not count, read off the rules one by one."""
    patch, _ = entry
    words = {word.lower() for word in patch.classifications}
    if words and words <= {word.lower() for word in ignored}:
        return patch.classifications[0].lower()
    day = None if patch.published_on is None else date.fromisoformat(patch.published_on)
    if as_of is not None and day is not None and day > as_of:
        return "as of"
    for each in exceptions:
        if each.expires >= ON and is_in_scope(each, row) and is_meant(each.patch, patch):
            return str(each.number)
    return None


def drawn_rules(draw: random.Random) -> tuple[list[PatchException], list[str], date | None]:
    scopes = [(), ("sql-*",), ("web-1", "*/dev/*"), ("/subscriptions/11111111-2222-3333-4444-555555555555",)]
    wanted = ["*", "KB5000001", "KB5000003", "kb500000[4-6]", "lib*", "lib1", "*definition*"]
    exceptions = [
        exception(
            draw.choice(wanted),
            *draw.choice(scopes),
            number=number,
            expires=draw.choice((EARLIER, ON, LATER)),
        )
        for number in range(1, draw.choice((1, 1, 3, 7)))
    ]
    ignored = draw.choice(([], ["Definition"], ["security", "DEFINITION"], ["Updates", "Other"]))
    return (
        exceptions,
        ignored,
        draw.choice((None, None, date(2026, 10, 13), date(2026, 11, 1), date(2027, 1, 1))),
    )


def naive_line(line: GroupTotals, rows: Sequence[Row]) -> GroupTotals:
    """A line with its figures counted anew over its assessed VMs."""
    found = [row for row in rows if row["outcome"] == "assessed" and is_in_group(line, row)]
    critical = [row["critical_and_security_count"] or 0 for row in found]
    compliant = sum(count == 0 for count in critical)
    return {
        **line,
        "critical_and_security_count": sum(critical),
        "other_count": sum(row["other_count"] or 0 for row in found),
        "vms_with_critical_or_security": sum(count > 0 for count in critical),
        "compliance_pct": 10_000 * compliant // line["listed"] / 100 if line["listed"] else None,
    }


def is_in_group(line: GroupTotals, row: Row) -> bool:
    owner = next((value for name, value in row["tags"].items() if name.lower() == "owner"), None)
    keys = {
        "fleet": None,
        "subscription": row["subscription_id"].lower(),
        "location": row["location"],
        "os_type": row["os_type"],
        "tag:Owner": owner,
    }
    return keys[line["scope"]] == line["key"]


def after_by_hand(fleet: Fleet, causes: Sequence[Sequence[str | None]]) -> list[Row]:
    rows = []
    for (row, aged), of_row in zip(fleet.rows, causes, strict=True):
        left = [patch for (patch, _), cause in zip(aged, of_row, strict=True) if cause is not None]
        after = copy.copy(row)
        if row["outcome"] == "assessed":
            pressing = sum(is_pressing(patch) for patch in left)
            after["critical_and_security_count"] = (row["critical_and_security_count"] or 0) - pressing
            after["other_count"] = (row["other_count"] or 0) - (len(left) - pressing)
        rows.append(after)
    return rows


def is_pressing(patch: Patch) -> bool:
    return bool({"Critical", "Security"} & set(patch.classifications))


@pytest.mark.series
@pytest.mark.parametrize("seed", range(series.length(300, 3000)))
def test_random_fleets_count_as_a_naive_look_at_each_patch_says(seed: int) -> None:
    draw = random.Random(seed)
    fleet, (exceptions, ignored, as_of) = drawn(draw), drawn_rules(draw)
    totals, groups = fleet.totals()
    counting, recount = (
        Counting(exceptions, ignored, as_of, ON),
        Recount([*{each["scope"] for each in groups if each["scope"].startswith("tag:")}]),
    )
    found = [counting.count(row, aged) for row, aged in fleet.rows]
    for each in found:
        recount.add(each.row)
    causes = [
        [naive_cause(exceptions, ignored, as_of, row, entry) for entry in aged] for row, aged in fleet.rows
    ]
    kept = [
        [entry for entry, cause in zip(aged, of_row, strict=True) if cause is None]
        for (_, aged), of_row in zip(fleet.rows, causes, strict=True)
    ]
    assert [[*each.patches] for each in found] == kept
    after = after_by_hand(fleet, causes)
    assert [each.row for each in found] == after
    assert recount.recounted(totals, groups) == (
        naive_line(totals, after),
        [naive_line(g, after) for g in groups],
    )
    # The account: each patch once for a VM.
    told, left = counting.told(), left_by(fleet, causes)
    assert {
        str(each["number"]): (each["patches"], each["vms"]) for each in told["exceptions"] if is_applied(each)
    } == {cause: tally for cause, tally in left.items() if cause.isdigit()}
    assert (told["patches"], told["vms"]) == left_by(fleet, [[c and "any" for c in of] for of in causes]).get(
        "any", (0, 0)
    )
    if as_of is not None:
        patches, vms = left.get("as of", (0, 0))
        assert told["as_of"] == {"day": as_of.isoformat(), "patches": patches, "vms": vms}
    for word in told["ignored_classifications"]:
        assert (word["patches"], word["vms"]) == left.get(word["classification"].lower(), (0, 0))
    before = totals["critical_and_security_count"], totals["other_count"]
    lowered = told["critical_and_security_count"], told["other_count"]
    fleet_after = recount.recounted(totals, groups)[0]
    assert fleet_after["critical_and_security_count"] == before[0] - lowered[0]
    assert fleet_after["other_count"] == before[1] - lowered[1]
    check_states(told["exceptions"], fleet, exceptions, causes)


def is_applied(told: object) -> bool:
    assert isinstance(told, dict)
    return bool(told["state"] == "applied")


def left_by(fleet: Fleet, causes: Sequence[Sequence[str | None]]) -> dict[str, tuple[int, int]]:
    """Patches and VMs by cause."""
    found: dict[str, tuple[int, int]] = {}
    for (_, aged), of_row in zip(fleet.rows, causes, strict=True):
        by_cause: dict[str, set[str]] = {}
        for (patch, _), cause in zip(aged, of_row, strict=True):
            if cause is not None:
                by_cause.setdefault(cause, set()).add(patch.key)
        for cause, left in by_cause.items():
            patches, vms = found.get(cause, (0, 0))
            found[cause] = patches + len(left), vms + 1
    return found


def check_states(
    told: Sequence[object],
    fleet: Fleet,
    exceptions: Sequence[PatchException],
    causes: Sequence[Sequence[str | None]],
) -> None:
    """Each exception is told as what it is; of an expired one, what it would have left out."""
    for each, exception in zip(told, exceptions, strict=True):
        assert isinstance(each, dict)
        covered = [
            (row["resource_id"], patch.key, cause)
            for (row, aged), of_row in zip(fleet.rows, causes, strict=True)
            for (patch, _), cause in zip(aged, of_row, strict=True)
            if is_in_scope(exception, row) and is_meant(exception.patch, patch)
        ]
        if exception.expires < ON:
            would = {(vm_id, key) for vm_id, key, cause in covered if cause is None}
            assert (each["state"], each["patches"]) == ("expired", len(would))
            assert each["vms"] == len({vm_id for vm_id, _ in would})
        else:
            own = any(cause == str(exception.number) for _, _, cause in covered)
            assert each["state"] == ("applied" if own else "shadowed" if covered else "unused")
