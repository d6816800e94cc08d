"""What an earlier run teaches a scan: the order of starts, and how long assessments take."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetscan.model import Target
from fleetscan.scanner.past_durations import PastDurations
from fleetscan.scanner.policy import longest_first, past_durations
from fleetscan.settings.declared import Settings
from tests.records.examples import timed_row, write_run
from tests.report.small_runs import edit_facts


def machine(name: str, os_type: str | None) -> Target:
    return Target(f"/vm/{name}", "s", "g", name, os_type=os_type)


def test_the_kind_that_took_longest_goes_first_and_the_rest_stays_in_order() -> None:
    fleet = [machine("a", "Linux"), machine("b", "Windows"), machine("c", None), machine("d", "Windows")]
    past = PastDurations(by_os={"Linux": [120.0, 121.0, 900.0], "Windows": [180.0]})
    assert [fleet[place].name for place in longest_first(fleet, past)] == ["b", "d", "a", "c"]


def test_a_machine_goes_by_its_own_last_time_where_that_is_known() -> None:
    fleet = [machine("a", "Linux"), machine("b", "Windows"), machine("c", "Linux")]
    past = PastDurations({"/vm/c": 900.0, "/vm/a": 60.0}, {"Linux": [60.0, 900.0], "Windows": [180.0]})
    assert [fleet[place].name for place in longest_first(fleet, past)] == ["c", "b", "a"]


def test_without_a_past_windows_goes_first_and_the_rest_in_the_listing_s_order() -> None:
    fleet = [machine("a", "Linux"), machine("b", "Windows"), machine("c", None)]
    assert [fleet[place].name for place in longest_first(fleet, PastDurations())] == ["b", "a", "c"]


def test_durations_come_out_of_a_runs_rows(tmp_path: Path) -> None:
    rows = [
        timed_row("a", "Linux", 118.5),
        timed_row("b", "Windows", 171),
        timed_row("c", None, 60.0),
        timed_row("d", "Linux", None),
    ]
    write_run(tmp_path, rows, torn=b'{"schema": "fleet')
    found = past_durations(Settings(last_run=str(tmp_path)), print)
    assert found.by_os == {"Linux": [118.5], "Windows": [171.0], "": [60.0]}
    assert list(found.by_machine.values()) == [118.5, 171.0, 60.0]


@pytest.mark.parametrize("cannot_be", [1e308, 1e9, 606.0, 0.0])
def test_a_duration_longer_than_its_run_or_of_nothing_teaches_nothing(
    tmp_path: Path, cannot_be: float
) -> None:
    rows = [timed_row("a", "Linux", cannot_be), timed_row("b", "Linux", 604.0)]
    write_run(tmp_path, rows)
    found = past_durations(Settings(last_run=str(tmp_path)), print)
    assert found.by_os == {"Linux": [604.0]}


def test_a_negative_duration_is_a_warning(tmp_path: Path) -> None:
    write_run(tmp_path, [timed_row("a", "Linux", -1.0)])
    warnings: list[str] = []
    assert past_durations(Settings(last_run=str(tmp_path)), warnings.append) == PastDurations()
    assert "is no record of schema fleetscan.result/1" in warnings[0]


def test_of_a_run_that_did_not_end_a_duration_of_more_than_a_day_teaches_nothing(tmp_path: Path) -> None:
    rows = [timed_row("a", "Linux", 86_401.0), timed_row("b", "Linux", 7200.0)]
    write_run(tmp_path, rows, exit_code=None)
    assert past_durations(Settings(last_run=str(tmp_path)), print).by_os == {"Linux": [7200.0]}


def test_times_that_are_our_own_teach_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, [timed_row("a", "Linux", 300.0, is_azures=False)])
    assert past_durations(Settings(last_run=str(tmp_path)), print) == PastDurations()


@pytest.mark.parametrize(
    ("endpoint", "is_same"),
    [
        ("http://127.0.0.1:8080", False),
        ("https://management.usgovcloudapi.net", False),
        ("https://Management.Azure.com/", True),
        (None, True),
    ],
)
def test_a_run_of_another_endpoint_teaches_nothing_and_is_one_warning(
    tmp_path: Path, endpoint: str | None, is_same: bool
) -> None:
    write_run(tmp_path, [timed_row("a", "Linux", 118.5)])
    edit_facts(tmp_path, selection={"endpoint": endpoint})
    warnings: list[str] = []
    found = past_durations(Settings(last_run=str(tmp_path)), warnings.append)
    assert bool(found.by_machine) == is_same
    why = f"{tmp_path} asked another endpoint ({endpoint}): it is not learned from"
    assert warnings == ([] if is_same else [why])


def test_a_run_with_a_broken_row_is_a_warning(tmp_path: Path) -> None:
    write_run(tmp_path, [timed_row("a", "Linux", 118.5)])
    (tmp_path / "results.jsonl").write_bytes(b"no row\n")
    warnings: list[str] = []
    assert past_durations(Settings(last_run=str(tmp_path)), warnings.append) == PastDurations()
    assert "line 1 of results.jsonl is not JSON" in warnings[0]


def test_a_run_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert past_durations(Settings(last_run=str(tmp_path / "none")), warnings.append) == PastDurations()
    assert len(warnings) == 1
