"""The report of a run: right sums, the right names in the right order, and whatever is partial said."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.errors import CannotReadRunError
from fleetscan.model import InventoryError, Reason
from fleetscan.not_tried import cause_in, not_tried_words
from fleetscan.records.fleet_facts import FleetFacts, RequestCounts
from fleetscan.records.report import Report
from fleetscan.records.schema import report_schema
from fleetscan.report.digest import TooLongError, report_of, report_of_totals
from fleetscan.runs.reader import open_run
from tests.big_run import write_big_run
from tests.report.small_runs import edit_facts, kb, package, small_run, unassessed, vm

SCHEMA = Draft202012Validator(report_schema())
TWO_HOLES = FleetFacts(
    "2026-11-23T02:00:00.000000Z",
    "2026-11-23T02:04:12.000000Z",
    252.0,
    RequestCounts(),
    (InventoryError("sub-1", "AuthorizationFailed", "no", 403),),
)


def report(path: Path) -> Report:
    """The report of the run in `path`, which obeys its schema."""
    made = report_of(open_run(path))
    SCHEMA.validate(orjson.loads(orjson.dumps(made)))
    return made


def missed(made: Report) -> list[tuple[str, int]]:
    return [(each["patch"], each["vms"]) for each in made["patches"] or []]


UNTRIED = (not_tried_words("ScopeLocked", "on subscription x", "why"), "NotTried")


def test_a_patch_counts_once_for_each_assessed_vm_that_lists_it(tmp_path: Path) -> None:
    failed = unassessed("d")
    # What a failed assessment told is kept in its row, and counts nowhere.
    failed["assessment"], failed["source"] = {"availablePatches": [kb(1)]}, "operation"
    rows = [
        vm("a", 3, 0, [kb(1), kb(1), kb(2)]),
        vm("b", 1, 0, [kb(1)]),
        vm("c", 0, 1, [package("tzdata", "Other")], os_type="Linux"),
        failed,
    ]
    made = report(small_run(tmp_path, rows, 3))
    assert missed(made) == [("KB1", 2), ("KB2", 1), ("tzdata", 1)]
    assert (made["distinct_patches"], made["vms_unknown"]) == (3, 1)


def test_a_kb_of_many_titles_is_one_patch_under_its_newest_and_critical_if_any_is(tmp_path: Path) -> None:
    rows = [
        vm("a", 0, 1, [kb(7, "Definition", "Definitions of June", "2026-06-01")]),
        vm("b", 0, 1, [kb(7, "Definition", "Definitions of May", "2026-05-01")]),
        vm("c", 1, 0, [package("curl", "Security")], os_type="Linux"),
        vm("d", 0, 1, [package("curl", "Other")], os_type="Linux"),
    ]
    made = report(small_run(tmp_path, rows))
    curl, definitions = made["patches"] or []
    assert (curl["patch"], curl["vms"], curl["is_critical_or_security"]) == ("curl", 2, True)
    assert (definitions["patch"], definitions["vms"]) == ("KB7", 2)
    assert definitions["name"] == "Definitions of June (KB7)"


def test_critical_and_security_patches_come_before_others_that_more_vms_miss(tmp_path: Path) -> None:
    rows = [vm(f"vm-{number}", 0, 1, [kb(1, "Definition")]) for number in range(3)]
    made = report(small_run(tmp_path, [*rows, vm("x", 1, 0, [kb(2, "Critical")])]))
    assert missed(made) == [("KB2", 1), ("KB1", 3)]


def test_the_worst_are_ordered_by_need_then_name_then_id_and_who_needs_nothing_is_not_among_them(
    tmp_path: Path,
) -> None:
    twin = vm("B", 5, 0)
    twin["resource_id"] = twin["resource_id"].replace("/RG/", "/AA/")
    rows = [
        *(vm("clean"), vm("other", 0, 9), vm("reboot", 0, 1, rebootPending=True)),
        *(vm("c", 5, 1), vm("b", 5, 0), twin, vm("a", 5, 0), vm("worst", 6, 0)),
    ]
    worst = report(small_run(tmp_path, rows))["worst"] or []
    assert [each["name"] for each in worst] == ["worst", "c", "a", "B", "b", "reboot", "other"]
    assert "/AA/" in worst[3]["resource_id"]


def test_of_many_vms_the_first_fifty_are_named_and_all_are_counted(tmp_path: Path) -> None:
    rows = [vm(f"bad-{number:03d}", 1 + number % 7, 0) for number in range(300)]
    rows += [unassessed(f"failed-{number:03d}") for number in range(299, -1, -1)]
    made = report(small_run(tmp_path, rows, 3))
    worst = made["worst"] or []
    assert len(worst) == 50
    assert [each["critical_and_security_count"] for each in worst] == [7] * 42 + [6] * 8
    [denied] = made["not_assessed"]
    assert (denied["reason"], denied["count"]) == ("denied", 300)
    assert [each["name"] for each in denied["vms"]] == [f"failed-{number:03d}" for number in range(50)]


def test_failed_and_timed_out_vms_come_before_skipped_ones_the_most_frequent_reason_first(
    tmp_path: Path,
) -> None:
    rows = [unassessed(f"s-{number}", Reason.NOT_RUNNING) for number in range(5)]
    rows += [unassessed(f"t-{number}", Reason.OPERATION_TIMEOUT) for number in range(2)]
    rows += [unassessed("gone", Reason.GONE, "The VM is gone.", "NotFound")]
    made = report(small_run(tmp_path, rows, 3))
    told = [(each["outcome"], each["reason"], each["count"]) for each in made["not_assessed"]]
    assert told == [
        ("timed_out", "operation_timeout", 2),
        ("failed", "gone", 1),
        ("skipped", "not_running", 5),
    ]
    [gone] = made["not_assessed"][1]["vms"]
    assert (gone["code"], gone["message"], gone["http_status"]) == ("NotFound", "The VM is gone.", 403)


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run"
    write_big_run(path, 400, 10)
    first = report(path)
    rows = (path / "results.jsonl").read_bytes().splitlines(keepends=True)
    random.Random(7).shuffle(rows)
    (path / "results.jsonl").write_bytes(b"".join(rows))
    assert report(path) == first


def test_sums_are_those_of_the_totals_and_those_counted_anew_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "run"
    write_big_run(path, 400, 10)
    told = report(path)
    assert told["fleet"] == {
        name: value for name, value in open_run(path).totals().items() if name in told["fleet"]
    }
    (path / "totals.jsonl").write_bytes(b"{")
    counted = report(path)
    assert (counted["fleet"], counted["groups"]) == (told["fleet"], told["groups"])
    assert counted["partial"][:2] == [
        "the run was complete, and its totals cannot be read",
        "the figures are counted from journal.jsonl and results.jsonl, without totals.jsonl",
    ]
    assert told["partial"] == []


def test_an_unfinished_run_is_measured_by_what_its_journal_says_was_listed(tmp_path: Path) -> None:
    rows = [vm("a", 1, 0), vm("b"), unassessed("c")]
    path = small_run(tmp_path, rows, None, unfinished=7, facts=TWO_HOLES)
    made = report(path)
    assert (made["state"], made["fleet"]["listed"], made["fleet"]["outcomes"]["interrupted"]) == (
        "unfinished",
        10,
        7,
    )
    assert (made["fleet"]["coverage_pct"], made["fleet"]["compliance_pct"]) == (20.0, 10.0)
    assert (made["vms_unknown"], made["is_whole_fleet"]) == (8, False)
    assert [each["subscription_id"] for each in made["inventory_errors"] or []] == ["sub-1"]
    assert made["partial"] == ["the run has not finished: it has no totals, and some VMs may have no row"]


def test_totals_of_a_process_before_the_one_at_work_are_out_of_date(tmp_path: Path) -> None:
    path = small_run(tmp_path, [vm("a")], 5, unfinished=3)
    edit_facts(path, exit_code=None, finished_at=None)
    (path / "results.jsonl").write_bytes(
        (path / "results.jsonl").read_bytes() + orjson.dumps(vm("left-0")) + b"\n"
    )
    assert report(path)["fleet"]["outcomes"] == {
        "assessed": 2,
        "failed": 0,
        "timed_out": 0,
        "skipped": 0,
        "interrupted": 2,
    }


def test_without_a_journal_only_vms_with_a_row_are_counted_and_the_hole_is_unknown(tmp_path: Path) -> None:
    made = report(small_run(tmp_path, [vm("a"), unassessed("b")], None, unfinished=7, has_journal=False))
    assert (made["fleet"]["listed"], made["inventory_errors"], made["is_whole_fleet"]) == (2, None, False)
    assert made["partial"][-1].startswith("journal.jsonl does not tell how many VMs were listed")


def test_a_stopped_run_says_how_many_vms_have_no_row(tmp_path: Path) -> None:
    made = report(small_run(tmp_path, [vm("a")], 5, unfinished=1))
    assert (made["state"], made["partial"]) == ("stopped", ["the run was stopped: 1 VM has no row"])


def test_rows_too_many_are_said_and_without_totals_refused(tmp_path: Path) -> None:
    path = small_run(tmp_path, [vm("a"), vm("b")])
    (path / "results.jsonl").write_bytes((path / "results.jsonl").read_bytes() * 2)
    assert report(path)["partial"] == ["results.jsonl has 2 rows more than its totals count"]
    edit_facts(path, exit_code=None, finished_at=None)
    with pytest.raises(CannotReadRunError, match="or several of one VM"):
        report_of(open_run(path))


def test_what_a_later_fleetscan_wrote_is_refused_and_its_new_words_are_shown(tmp_path: Path) -> None:
    strange: dict[str, Any] = {**unassessed("a"), "reason": "moved_to_mars"}
    path = small_run(tmp_path, [strange], 3)  # type: ignore[list-item]
    [found] = report_of(open_run(path))["not_assessed"]
    assert (found["reason"], found["count"], found["to_do"]) == ("moved_to_mars", 1, "read its row")
    for name in ("totals.jsonl", "results.jsonl"):
        text = (path / name).read_bytes()
        (path / name).write_bytes(text.replace(b'/1"', b'/2"', 1))
        with pytest.raises(CannotReadRunError, match="is of schema fleetscan") as refused:
            report_of(open_run(path))
        assert "newer one" in str(refused.value)
        (path / name).write_bytes(text)


def test_an_empty_fleet_has_a_report(tmp_path: Path) -> None:
    made = report(small_run(tmp_path, []))
    assert (made["fleet"]["listed"], made["worst"], made["patches"], made["not_assessed"]) == (0, [], [], [])


def test_the_totals_alone_make_a_report_without_names(tmp_path: Path) -> None:
    path = small_run(tmp_path, [vm("a", 1, 0, [kb(1)]), unassessed("b")], 3)
    made = report_of_totals(open_run(path).totals())
    SCHEMA.validate(orjson.loads(orjson.dumps(made)))
    assert (made["worst"], made["patches"], made["distinct_patches"]) == (None, None, None)
    assert [(each["reason"], each["count"], each["vms"]) for each in made["not_assessed"]] == [
        ("denied", 1, [])
    ]


def test_the_pass_over_the_rows_can_be_given_up(tmp_path: Path) -> None:
    path = tmp_path / "run"
    write_big_run(path, 1200, 1)
    answers = iter([True, True, False])
    with pytest.raises(TooLongError):
        report_of(open_run(path), goes_on=lambda: next(answers))
    assert next(answers, None) is None


def test_memory_does_not_grow_with_the_fleet(tmp_path: Path) -> None:
    peaks = []
    for vms in (1000, 4000):
        path = tmp_path / str(vms)
        write_big_run(path, vms, 20)
        run = open_run(path)
        tracemalloc.start()
        report_of(run)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The names of three thousand VMs would be some megabytes.
    assert peaks[1] - peaks[0] < 300_000


def test_two_causes_of_one_reason_are_two_groups_and_a_vm_not_tried_has_the_cause_of_the_refusal(
    tmp_path: Path,
) -> None:
    locked = unassessed("a", Reason.REFUSED, "The scope is locked.", "ScopeLocked")
    untried = [unassessed(f"b-{number}", Reason.REFUSED, *UNTRIED) for number in range(2)]
    for row in untried:
        assert row["error"] is not None
        row["error"]["origin"] = "fleetscan"
    disabled = unassessed("c", Reason.REFUSED, "It is disabled.", "SubscriptionDisabled")
    made = report(small_run(tmp_path, [locked, *untried, disabled], 3))
    told = [(each["reason"], each["code"], each["count"]) for each in made["not_assessed"]]
    assert told == [("refused", "ScopeLocked", 3), ("refused", "SubscriptionDisabled", 1)]
    assert [each["code"] for each in made["not_assessed"][0]["vms"]] == [
        "ScopeLocked",
        "NotTried",
        "NotTried",
    ]


def test_no_more_than_fifty_codes_of_a_reason_are_told_apart(tmp_path: Path) -> None:
    rows = [
        unassessed(f"vm-{number:03d}", Reason.REFUSED, "no", f"Code{number % 90}") for number in range(180)
    ]
    groups = report(small_run(tmp_path, rows, 3))["not_assessed"]
    assert len(groups) == 51
    assert (groups[0]["code"], groups[0]["count"]) == (None, 80)
    assert {each["count"] for each in groups[1:]} == {2}


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (not_tried_words("ScopeLocked", "on subscription x", "why"), "ScopeLocked"),
        (not_tried_words("HTTP 403", "on resource group rg of subscription x", "why"), "HTTP 403"),
        (not_tried_words("RegionUnreachable", "in region westeurope", "why"), "RegionUnreachable"),
        ("The disk is on fire", None),
        ("ScopeLocked on subscription x", None),
        ("", None),
        (None, None),
    ],
)
def test_the_cause_is_read_from_the_message_of_a_vm_that_was_not_tried_and_from_no_other(
    message: str | None, cause: str | None
) -> None:
    assert cause_in(message) == cause
