"""RunningTotals: sums by hand, groups without regard to case, and identities that a breach cannot pass."""

from __future__ import annotations

import pytest

from fleetscan.errors import BrokenIdentityError, UsageError
from fleetscan.model import (
    CodeOrigin,
    Ending,
    Failure,
    InventoryError,
    Json,
    Outcome,
    Reason,
    RequestKind,
    Stage,
    Target,
)
from fleetscan.records import machine_row
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.sums import RunningTotals, percent
from fleetscan.records.totals import GroupTotals
from tests.records.examples import CLOCK, SCAN_ID, assessed, failed, machine, result, skipped, trace

FACTS = FleetFacts("2026-11-23T02:00:00.000000Z", "2026-11-23T02:04:12.000000Z", 252.3456, RequestCounts())


def end(totals: RunningTotals, target: Target, ending: Ending) -> None:
    totals.ended(target, machine_row.row(SCAN_ID, target, ending, CLOCK))


def small_fleet(*group_by: str) -> RunningTotals:
    """Seven machines: three assessed, one failed, one skipped, two that never ended."""
    totals = RunningTotals(SCAN_ID, group_by)
    ends = [
        assessed(critical=2, other=1, rebootPending=True),
        assessed(critical=0, other=4),
        assessed(critical=5, other=0, availablePatches=[], status="CompletedWithWarnings"),
        failed(),
        skipped(),
    ]
    targets = [machine(f"vm-{number}", os_type=None if number == 6 else "Linux") for number in range(7)]
    for target in targets:
        totals.listed(target)
    for target, ending in zip(targets, ends, strict=False):
        end(totals, target, ending)
    return totals


def lines_of(totals: RunningTotals, scope: str) -> dict[str | None, GroupTotals]:
    return {line["key"]: line for line in totals.lines(FACTS) if line["scope"] == scope}


def listed_in(scope: str, *targets: Target, group_by: tuple[str, ...] = ()) -> dict[Json, Json]:
    """How many of `targets` each group of the scope holds."""
    totals = RunningTotals(SCAN_ID, group_by)
    for target in targets:
        totals.listed(target)
    return {key: line["listed"] for key, line in lines_of(totals, scope).items()}


def test_the_fleet_is_summed_over_assessed_machines_and_measured_against_the_listed_ones() -> None:
    fleet = small_fleet().lines(FACTS)[0]
    assert fleet["listed"] == 7
    assert fleet["outcomes"] == {"assessed": 3, "failed": 1, "timed_out": 0, "skipped": 1, "interrupted": 2}
    assert fleet["statuses"] == {"CompletedWithWarnings": 1, "Succeeded": 2}
    assert fleet["reasons"] == {"denied": 1, "not_running": 1}
    assert (fleet["critical_and_security_count"], fleet["other_count"]) == (7, 5)
    assert (fleet["vms_with_critical_or_security"], fleet["reboot_pending"]) == (2, 1)
    assert fleet["patches_incomplete"] == 1
    assert (fleet["coverage_pct"], fleet["compliance_pct"]) == (42.85, 14.28)


def test_what_a_failed_assessment_told_is_counted_as_a_status_and_not_as_patches() -> None:
    totals = RunningTotals(SCAN_ID)
    totals.listed(machine())
    told = result(critical=3, other=2, status="Failed", rebootPending=True)
    error = Failure("X", "x", 200, Stage.RESULT, CodeOrigin.AZURE)
    end(totals, machine(), Ending(Outcome.FAILED, Reason.ASSESSMENT_FAILED, told, error, trace()))
    fleet = totals.lines(FACTS)[0]
    assert fleet["statuses"] == {"Failed": 1}
    assert (fleet["critical_and_security_count"], fleet["other_count"]) == (0, 0)
    assert (fleet["reboot_pending"], fleet["vms_with_critical_or_security"]) == (0, 0)
    assert (fleet["patches_incomplete"], fleet["compliance_pct"]) == (0, 0.0)


def test_the_fleets_line_alone_tells_times_requests_and_what_was_not_listed() -> None:
    requests = RequestCounts(throttled=1)
    for kind in (RequestKind.LIST_VMS, RequestKind.QUERY_GRAPH, RequestKind.START, RequestKind.POLL):
        requests.sent(kind, is_retry=False)
    requests.sent(RequestKind.RESULT, is_retry=True)
    missing = InventoryError("sub", "AuthorizationFailed", "no", 403)
    fleet, *groups = small_fleet().lines(FleetFacts("a", "b", 252.3456, requests, [missing]))
    assert fleet["duration_s"] == 252.346
    assert fleet["requests"] == {"list": 2, "start": 1, "poll": 2, "other": 0, "throttled": 1, "retried": 1}
    assert fleet["inventory_errors"] == [
        {"subscription_id": "sub", "code": "AuthorizationFailed", "message": "no", "http_status": 403}
    ]
    assert not any("requests" in group or "started_at" in group for group in groups)


def test_the_fleet_comes_first_then_subscriptions_locations_os_types_and_tags() -> None:
    scopes = [line["scope"] for line in small_fleet("tag:owner", "tag:stage").lines(FACTS)]
    assert scopes == ["fleet", "subscription", "location", "os_type", "os_type", "tag:owner", "tag:stage"]


def test_a_fleet_of_nothing_has_one_line_and_no_shares() -> None:
    fleet, *groups = RunningTotals(SCAN_ID).lines(FACTS)
    assert groups == []
    assert (fleet["listed"], fleet["coverage_pct"], fleet["compliance_pct"]) == (0, None, None)


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 9, 0.0), (9, 9, 100.0), (7, 11, 63.63), (99_999, 100_000, 99.99), (1, 100_000, 0.01), (0, 0, None)],
)
def test_a_percentage_is_cut_and_only_all_is_100_and_only_none_is_0(
    part: int, whole: int, shown: float | None
) -> None:
    assert percent(part, whole) == shown


def test_a_whole_percentage_follows_the_same_rule() -> None:
    assert [percent(part, 1000, decimals=0) for part in (0, 1, 15, 999, 1000)] == [0, 1, 1, 99, 100]


def test_each_group_counts_its_own_interrupted_machines() -> None:
    groups = lines_of(small_fleet(), "os_type")
    outcomes = groups[None]["outcomes"]
    assert outcomes == {"assessed": 0, "failed": 0, "timed_out": 0, "skipped": 0, "interrupted": 1}


def test_subscriptions_and_locations_that_differ_in_case_alone_are_one() -> None:
    lower = machine(subscription_id="abc", location="westeurope")
    upper = machine(subscription_id="ABC", location="WestEurope")
    assert listed_in("subscription", lower, upper) == {"abc": 2}
    assert listed_in("location", lower, upper) == {"westeurope": 2}


def test_tag_names_compare_without_case_and_values_with_it() -> None:
    targets = [
        machine(tags=tags) for tags in ({"owner": "ops"}, {"OWNER": "ops"}, {"Owner": "Ops"}, {}, {"x": "y"})
    ]
    counted = listed_in("tag:Owner", *targets, group_by=("tag:Owner",))
    assert counted == {"Ops": 1, "ops": 2, None: 2}


def test_an_empty_tag_is_a_value_and_a_missing_one_has_the_key_null() -> None:
    targets = [machine(tags={"owner": ""}), machine()]
    assert listed_in("tag:owner", *targets, group_by=("tag:owner",)) == {"": 1, None: 1}


def test_a_tag_asked_for_twice_is_one_scope() -> None:
    totals = RunningTotals(SCAN_ID, ["tag:owner", "tag:OWNER"])
    totals.listed(machine())
    assert [line["scope"] for line in totals.lines(FACTS)][4:] == ["tag:owner"]


@pytest.mark.parametrize("word", ["owner", "tag:", "", "Tag:owner"])
def test_a_group_that_is_no_tag_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="tag:NAME"):
        RunningTotals(SCAN_ID, [word])


def test_rows_that_were_not_written_break_an_identity() -> None:
    totals = small_fleet()
    totals.check(5)
    with pytest.raises(BrokenIdentityError, match="4 rows were written for 5 machines"):
        totals.check(4)


def test_a_machine_that_ends_without_being_listed_breaks_an_identity() -> None:
    totals = RunningTotals(SCAN_ID)
    end(totals, machine(), skipped())
    with pytest.raises(BrokenIdentityError, match="only 0 were listed"):
        totals.check(1)


def test_a_machine_that_ends_twice_breaks_an_identity() -> None:
    totals = RunningTotals(SCAN_ID)
    totals.listed(machine("one"))
    totals.listed(machine("two", location="eastus"))
    end(totals, machine("one"), skipped())
    end(totals, machine("one"), skipped())
    with pytest.raises(BrokenIdentityError, match="2 machines of location westeurope ended"):
        totals.check(2)


def test_memory_grows_with_groups_and_not_with_machines() -> None:
    totals = RunningTotals(SCAN_ID, ["tag:owner"])
    for number in range(1000):
        totals.listed(machine(f"vm-{number}", tags={"owner": f"team-{number % 3}"}))
    assert [len(scope.groups) for scope in totals._scopes] == [1, 1, 1, 3]
