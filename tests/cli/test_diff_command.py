"""`fleetscan diff`: two runs by name, in each format, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.cli.main import run
from fleetscan.records.schema import diff_schema
from tests.history.nights import Look
from tests.history.test_taking_in import night
from tests.report.small_runs import edit_facts, kb, small_run, unassessed, vm


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width where the stream is no terminal, and none of the settings of the tests' own shell."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two nights' runs under one directory."""
    small_run(tmp_path / "20261122T020000Z-a", [vm("a", 1, 0, [kb(1)]), vm("b")])
    small_run(tmp_path / "20261123T020000Z-b", [vm("a", 1, 0, [kb(2)]), unassessed("b")], 3)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, data and words."""
    code = run(["diff", *arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_runs_are_named_by_their_beginnings(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, data, words = told(capsys, "20261122", "20261123", "--runs", str(runs))
    assert code == 0
    assert [line.rpartition("/")[2] for line in words.splitlines()] == [
        "20261122T020000Z-a",
        "20261123T020000Z-b",
    ]
    assert "Patches         1 newly missing, 1 installed" in data.splitlines()
    assert "\x1b" not in data


def test_json_obeys_its_schema_and_markdown_begins_with_a_heading(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(runs / "20261122T020000Z-a"), str(runs / "20261123T020000Z-b")]
    code, data, words = told(capsys, *paths, "--format", "json")
    assert (code, words, data.count("\n")) == (0, "", 1)
    record = orjson.loads(data)
    Draft202012Validator(diff_schema()).validate(record)
    assert (record["compared"], record["newly_failing"]["count"]) == (1, 1)
    code, data, words = told(capsys, *paths, "--format", "markdown")
    assert (code, words) == (0, "")
    assert data.startswith("## Changes from 2026-01-01 00:00 UTC to 2026-01-01 00:00 UTC: 1 VM compared\n")


def test_a_run_that_has_not_finished_is_compared_as_far_as_it_came_and_marked(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run(runs / "20261124T020000Z-c", [vm("a", 0, 0)], None)
    code, data, _ = told(capsys, "20261122", "20261124", "--runs", str(runs))
    assert code == 0
    assert "PARTIAL         the new run: the run has not finished" in data
    assert "1 VM was not looked at by the new run: neither gone nor mended" in data
    assert "0 new, 0 gone" in data


@pytest.mark.parametrize("arguments", [("20261122",), (), ("20261122", "nothing"), ("2026", "20261123")])
def test_what_is_no_pair_of_runs_is_refused(
    runs: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, data, words = told(capsys, *arguments, "--runs", str(runs))
    assert (code, data) == (2, "")
    assert words.splitlines()[-1].startswith("fleetscan: error: ")
    assert words.count("fleetscan: error: ") == 1


def test_a_run_of_a_later_fleetscan_is_refused(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_facts(runs / "20261123T020000Z-b", schema="fleetscan.run/2")
    code, data, words = told(capsys, "20261122", "latest", "--runs", str(runs))
    assert (code, data) == (2, "")
    (runs / "latest").symlink_to("20261123T020000Z-b")
    code, data, words = told(capsys, "20261122", "latest", "--runs", str(runs))
    assert (code, data) == (2, "")
    assert "fleetscan.run/2" in words


def test_an_empty_fleet_is_compared_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_run(tmp_path / "a", [])
    small_run(tmp_path / "b", [])
    code, data, _ = told(capsys, str(tmp_path / "a"), str(tmp_path / "b"))
    assert code == 0
    assert ": 0 VMs compared" in data


def test_a_history_tells_what_is_back_and_one_of_another_fleet_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nights = [
        night(tmp_path, number, {"m0": Look(keys)}) for number, keys in enumerate(({"bash"}, set(), {"bash"}))
    ]
    paths, history = [str(path) for path in nights], str(tmp_path / "history.db")
    code, data, words = told(capsys, *paths[1:], "--history", history)
    assert (code, data) == (2, "")
    assert "history.db does not exist; make it with `fleetscan history add RUN...`" in words
    assert run(["history", "add", *paths, "--history", history]) == 0
    capsys.readouterr()
    code, data, _ = told(capsys, *paths[1:], "--history", history)
    assert code == 0
    assert "Back again      1 on 1 VM, installed before (history since 2026-08-01)" in data.splitlines()
    code, data, _ = told(capsys, *paths[1:], "--history", history, "--format", "json")
    back = orjson.loads(data)["back_again"]
    assert (back["count"], back["vms"][0]["patches"]) == (1, ["bash"])
    for place in (1, 2):
        edit_facts(nights[place], selection={"endpoint": "http://127.0.0.1:8080"})
        code, data, words = told(capsys, *paths[1:], "--history", history)
        assert (code, data) == (2, "")
        assert "is of https://management.azure.com, and the run" in words
        edit_facts(nights[place], selection={"endpoint": "https://management.azure.com"})


def test_where_nothing_was_compared_no_change_is_told_as_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run(tmp_path / "20261122T020000Z-a", [vm("a", 1, 0, [kb(1)])])
    small_run(tmp_path / "20261123T020000Z-b", [unassessed("a")], 3)
    code, data, _ = told(capsys, "20261122", "20261123", "--runs", str(tmp_path))
    assert code == 0
    assert "Patches         unknown: no VM was assessed in both runs" in data.splitlines()
    assert "0 newly missing" not in data
    assert "0 -> 0" not in data
