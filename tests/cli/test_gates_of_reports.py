"""`fleetscan report --fail-on`: what it judges, what it refuses to judge; standards are read first."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from fleetscan.cli.main import run
from fleetscan.history.taking_in import take_in
from fleetscan.model import Reason
from fleetscan.runs.reader import open_run
from tests.report.small_runs import edit_facts, kb, package, small_run, unassessed, vm

NIGHT = "20261123T020000Z-a"
STARTED_AT = "2026-11-23T02:00:00.000000Z"
EXCEPTION = """
[[exception]]
patch = "KB1"
reason = "needs a larger recovery partition"
owner = "windows-team"
expires = 2027-01-31
"""


@pytest.fixture(autouse=True)
def none_of_the_shells_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the settings of the tests' own shell."""
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """One night's run: two Windows VMs, one Linux VM, one that failed."""
    rows = [
        vm("a", 1, 0, [kb(1, day="2026-10-13")]),
        vm("b"),
        vm("c", 0, 1, [package("curl", "Other")], os_type="Linux"),
        unassessed("d", Reason.DENIED),
    ]
    (tmp_path / "runs").mkdir()
    small_run(tmp_path / "runs" / NIGHT, rows, 3)
    edit_facts(tmp_path / "runs" / NIGHT, started_at=STARTED_AT)
    return tmp_path / "runs"


def told(capsys: pytest.CaptureFixture[str], runs: Path, *arguments: str) -> tuple[int, str, list[str]]:
    """Exit code, data, and the lines that tell of gates and errors."""
    code = run(["report", "--runs", str(runs), *arguments])
    streams = capsys.readouterr()
    words = [line for line in streams.err.splitlines() if line.startswith("fleetscan:")]
    return code, streams.out, words


def test_a_run_that_passes_its_gates_ends_with_0(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, data, words = told(capsys, runs, "--fail-on", "failed>1, coverage<75%, critical_and_security>1")
    assert (code, words) == (0, [])
    assert data


def test_each_gate_that_is_not_passed_is_a_sentence_and_the_exit_code_is_1(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, data, words = told(capsys, runs, "--fail-on", "failed>0, coverage<98%, compliance<95%, listed<1")
    assert code == 1
    assert data
    assert words == [
        "fleetscan: gate not passed: failed is 1, more than 0: 3 VMs assessed of 4 listed",
        "fleetscan: gate not passed: coverage is 75%, less than 98%: 3 VMs assessed of 4 listed",
        "fleetscan: gate not passed: compliance is 50%, less than 95%: 3 VMs assessed of 4 listed",
    ]


def test_an_age_that_linux_does_not_tell_breaches_without_a_history_and_not_with_one(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, words = told(capsys, runs, "--fail-on", "age>60d")
    assert code == 1
    assert words == [
        "fleetscan: gate not passed: age is unknown, which breaches age>60d: no age for 1 patch on 1 VM (no "
        "publication date, as on Linux, and no history); the oldest of the others: 41 days since its "
        "publication; 3 VMs assessed of 4 listed"
    ]
    take_in(open_run(runs / NIGHT), tmp_path / "history.db")
    history = ("--history", str(tmp_path / "history.db"))
    assert told(capsys, runs, "--fail-on", "age>60d", *history)[0] == 0
    assert told(capsys, runs, "--fail-on", "age>40d", *history)[0] == 1


def test_what_is_excepted_does_not_breach_and_is_told(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "exceptions.toml"
    file.write_text(EXCEPTION, encoding="utf-8")
    gates = ("--fail-on", "critical_and_security>0")
    assert told(capsys, runs, *gates)[0] == 1
    code, data, words = told(capsys, runs, *gates, "--exceptions", str(file), "--format", "json")
    record = orjson.loads(data)
    assert (code, words) == (0, [])
    assert record["fleet"]["critical_and_security_count"] == 0
    assert record["judged"]["left_out"]["exceptions"][0]["state"] == "applied"
    file.write_text(EXCEPTION.replace("2027-01-31", "2026-11-22"), encoding="utf-8")
    code, data, _ = told(capsys, runs, *gates, "--exceptions", str(file), "--format", "json")
    record = orjson.loads(data)
    assert code == 1
    assert record["fleet"]["critical_and_security_count"] == 1
    assert record["judged"]["left_out"]["exceptions"][0]["state"] == "expired"


@pytest.mark.parametrize("exit_code", [5, None])
def test_a_run_that_is_not_complete_is_shown_and_not_judged(
    exit_code: int | None, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run(runs / "20261124T020000Z-b", [vm("a")], exit_code, unfinished=2)
    code, data, words = told(capsys, runs, "20261124", "--fail-on", "failed>100")
    assert code == 5
    assert data
    assert words == [
        "fleetscan: warning: gates are judged on complete runs alone, and this run is not complete"
    ]


def test_an_older_run_is_not_judged_in_the_place_of_a_newer_one_that_is_not_complete(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run(runs / "20261124T020000Z-b", [vm("a")], None, unfinished=2)
    newer = {"scan_id": "0000aaaa-0000-4000-8000-000000000000", "started_at": "2026-11-24T02:00:00.000000Z"}
    edit_facts(runs / "20261124T020000Z-b", **newer)
    code, data, words = told(capsys, runs, "--fail-on", "failed>100")
    assert code == 5
    assert "passed" not in data
    assert words == [
        "fleetscan: warning: gates are not judged: a newer run is not complete. Name this run to judge it"
    ]
    assert told(capsys, runs, NIGHT, "--fail-on", "failed>100")[0] == 0


def test_a_page_is_judged_as_a_screen_is(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, words = told(capsys, runs, "--fail-on", "failed>0", "--html", str(tmp_path / "report.html"))
    assert (code, len(words)) == (1, 1)
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--fail-on", "coverge<98%"), "did you mean coverage?"),
        (("--fail-on", ""), "--fail-on"),
        (("--sla", "critical=7"), "--sla"),
        (("--as-of", "2026-02-30"), "--as-of must be a day of the calendar, such as 2026-11-10"),
        (("--exceptions", "nowhere.toml"), "the exceptions nowhere.toml cannot be read: No such file"),
        (("--exceptions", "."), "the exceptions . cannot be read: it is a directory, not a file"),
        (("--history", "nowhere.db"), "the history nowhere.db does not exist; make it with"),
    ],
)
def test_standards_that_cannot_be_read_end_with_2_and_one_sentence(
    arguments: tuple[str, ...], sentence: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, data, words = told(capsys, runs, *arguments)
    assert (code, data, len(words)) == (2, "", 1)
    assert sentence in words[0]
