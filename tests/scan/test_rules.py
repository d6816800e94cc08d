"""What an earlier run teaches a scan: the order of starts, and how long assessments take."""

from __future__ import annotations

import json
from pathlib import Path

from fleetscan.model import Target
from fleetscan.scan.rules import longest_first, past_durations
from fleetscan.settings import ScanSettings


def machine(name: str, os_type: str | None) -> Target:
    return Target(f"/vm/{name}", "s", "g", name, os_type=os_type)


def test_the_kind_that_took_longest_goes_first_and_the_rest_stays_in_order() -> None:
    fleet = [machine("a", "Linux"), machine("b", "Windows"), machine("c", None), machine("d", "Windows")]
    past = {"Linux": [120.0, 121.0, 900.0], "Windows": [180.0]}
    assert [target.name for target in longest_first(fleet, past)] == ["b", "d", "a", "c"]


def test_without_a_past_the_order_is_the_listing_s() -> None:
    fleet = [machine("a", "Linux"), machine("b", "Windows")]
    assert longest_first(fleet, {}) == fleet


def test_durations_come_out_of_a_runs_rows_by_os_and_odd_lines_are_passed_over(tmp_path: Path) -> None:
    rows = [
        {"os_type": "Linux", "operation": {"duration_s": 118.5}},
        {"os_type": "Windows", "operation": {"duration_s": 171}},
        {"os_type": None, "operation": {"duration_s": 60.0}},
        {"os_type": "Linux", "operation": None},
        {"os_type": "Linux", "operation": {"duration_s": None}},
        ["no row"],
    ]
    lines = [json.dumps(row) for row in rows] + ["torn {"]
    (tmp_path / "results.jsonl").write_text("\n".join(lines))
    found = past_durations(ScanSettings(last_run=str(tmp_path)), print)
    assert found == {"Linux": [118.5], "Windows": [171.0], "": [60.0]}


def test_a_run_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert past_durations(ScanSettings(last_run=str(tmp_path / "none")), warnings.append) == {}
    assert len(warnings) == 1
