"""The data in a page is what the rows say: every VM once, with its patches, and how many VMs miss each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fleetscan.records.patches import PatchReader
from fleetscan.records.row import Row
from fleetscan.report.page import render
from fleetscan.runs.reader import Run
from tests.page.runs import altered_run, assessed, listed, ordinary_run
from tests.page.unpacked import data_of, entry_of, id_of, vms_by_key, vms_of


def page_of(run: Run) -> str:
    """The page of a run as HTML."""
    return render.page_of(run).html


def keys_by_id(run: Run) -> dict[str, set[str]]:
    """The patches of each assessed VM, read from the rows."""
    reader = PatchReader()
    return {row["resource_id"]: {patch.key for patch in reader.of(row)} for row in assessed([*run.rows()])}


def test_each_vm_is_there_once_with_its_patches(tmp_path: Path) -> None:
    run = ordinary_run(tmp_path / "run")
    data = data_of(page_of(run))
    shown = {id_of(vm, data): set(vm["patches"]) for vm in vms_of(data)}
    expected: dict[str, set[str]] = {row["resource_id"]: set() for row in run.rows()}
    expected |= keys_by_id(run)
    assert len(vms_of(data)) == 130
    assert shown == expected


def test_a_patch_counts_the_assessed_vms_that_miss_it(tmp_path: Path) -> None:
    run = ordinary_run(tmp_path / "run")
    expected = Counter(key for keys in keys_by_id(run).values() for key in keys)
    assert vms_by_key(data_of(page_of(run))) == expected


def test_a_vm_that_lists_a_patch_twice_counts_once(tmp_path: Path) -> None:
    def twice(rows: list[Row]) -> list[Row]:
        (row,) = [row for row in assessed(rows) if row["os_type"] == "Windows" and listed(row)][:1]
        first = listed(row)[0]
        listed(row)[:] = [first, first, {**first, "name": "the same by another name"}]
        return [row]

    data = data_of(page_of(altered_run(tmp_path / "run", twice)))
    (vm,) = vms_of(data)
    assert [*vms_by_key(data).values()] == [1]
    assert len(vm["patches"]) == 2
    assert len({*vm["patches"]}) == 1


def test_one_kb_of_many_names_is_one_patch_with_its_newest_title_as_in_every_view(tmp_path: Path) -> None:
    def daily(rows: list[Row]) -> list[Row]:
        windows = [row for row in assessed(rows) if row["os_type"] == "Windows" and listed(row)][:5]
        for number, row in enumerate(windows):
            name = "Definition 1.2" if number in (1, 2, 3) else f"Definition 1.{number}"
            listed(row)[:] = [{"name": name, "kbId": "2267602", "classifications": ["Definition"]}]
        return windows

    data = data_of(page_of(altered_run(tmp_path / "run", daily)))
    assert vms_by_key(data) == {"KB2267602": 5}
    assert data["patches"]["titles"] == ["Definition 1.4"]
    assert data["patches"]["pressing"] == [0]


def test_what_a_failed_assessment_told_is_not_counted(tmp_path: Path) -> None:
    def failing(rows: list[Row]) -> list[Row]:
        rows = assessed(rows)[:2]
        for row in rows:
            row["outcome"], row["reason"] = "failed", "assessment_failed"
        return rows

    data = data_of(page_of(altered_run(tmp_path / "run", failing, exit_code=3)))
    assert vms_by_key(data) == {}
    assert [vm["patches"] for vm in vms_of(data)] == [[], []]


def test_vms_of_one_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    def namesakes(rows: list[Row]) -> list[Row]:
        for row in rows:
            row["name"] = "web"
        return rows

    run = altered_run(tmp_path / "run", namesakes)
    data = data_of(page_of(run))
    assert {id_of(vm, data) for vm in vms_of(data)} == {row["resource_id"] for row in run.rows()}


@pytest.mark.parametrize("resource_id", ["/subscriptions/A/resourcegroups/b/c/d", "x" * 500])
def test_an_id_of_another_spelling_is_told_as_it_is(tmp_path: Path, resource_id: str) -> None:
    def respelled(rows: list[Row]) -> list[Row]:
        rows[0]["resource_id"] = resource_id
        return rows[:1]

    data = data_of(page_of(altered_run(tmp_path / "run", respelled)))
    assert [id_of(vm, data) for vm in vms_of(data)] == [resource_id]


def test_facts_and_error_of_a_vm_are_told(tmp_path: Path) -> None:
    run = ordinary_run(tmp_path / "run")
    data = data_of(page_of(run))
    rows = {row["resource_id"]: row for row in run.rows()}
    for vm in vms_of(data):
        row = rows[id_of(vm, data)]
        assert (vm["outcome"], vm["reason"]) == (row["outcome"], row["reason"])
        assert (vm["critical"], vm["other"]) == (row["critical_and_security_count"], row["other_count"])
        assert (vm["reboot"], vm["whole"]) == (row["reboot_pending"], row["patches_complete"])
        assert vm["tags"] == [f"{name} = {value}" for name, value in sorted(row["tags"].items())]
        error = row["error"]
        assert vm["error"] == (error and [error["code"], error["message"], error["http_status"]])


def test_an_entry_tells_its_version_class_and_day(tmp_path: Path) -> None:
    def one(rows: list[Row]) -> list[Row]:
        windows, linux = (
            next(r for r in assessed(rows) if r["os_type"] == os and listed(r)) for os in ("Windows", "Linux")
        )
        listed(windows)[:] = [
            {"name": "Cumulative", "kbId": "5034441", "classifications": ["Security", "Critical"],
             "rebootBehavior": "AlwaysRequiresReboot", "publishedDate": "2026-01-09T00:00:00Z"}
        ]  # fmt: skip
        listed(linux)[:] = [{"name": "curl", "version": "8.5.0-2", "classifications": ["Other"]}]
        return [windows, linux]

    data = data_of(page_of(altered_run(tmp_path / "run", one)))
    assert data["patches"]["keys"] == ["KB5034441", "curl"]
    assert entry_of(data, 0) == {
        "name": "Cumulative",
        "version": None,
        "class": "Security, Critical",
        "reboot": "AlwaysRequiresReboot",
        "published": "2026-01-09",
    }
    assert entry_of(data, 1)["version"] == "8.5.0-2"
    assert data["patches"]["pressing"] == [1, 0]


def test_a_fleet_that_misses_the_same_tells_the_list_once(tmp_path: Path) -> None:
    def alike(rows: list[Row]) -> list[Row]:
        first = next(row for row in assessed(rows) if listed(row))
        return [{**first, "resource_id": f"{first['resource_id']}-{number}"} for number in range(50)]

    data = data_of(page_of(altered_run(tmp_path / "run", alike)))
    assert data["count"] == 50
    assert len(data["vms"]["list"]["values"]) == 1
