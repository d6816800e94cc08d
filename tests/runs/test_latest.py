"""The link `latest`: it follows whole fleets, or one selection for good, and says why it does not."""

from __future__ import annotations

import os
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleetscan.runs.found import FoundRun
from fleetscan.runs.latest import NotSwitched, switch_latest, why_it_stays
from fleetscan.runs.reader import State
from tests.records.examples import run_facts

RUNS = Path("fleetscan-runs")
WHOLE: dict[str, object] = {"subscription": [], "limit": None, "endpoint": "https://management.azure.com"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complete_run(name: str, hour: int, runs: Path = RUNS, **selection: Any) -> Path:
    """A complete run that began at that hour."""
    path = runs / name
    path.mkdir(parents=True)
    facts = run_facts() | {
        "started_at": f"2026-11-23T{hour:02}:00:00Z",
        "selection": WHOLE | selection,
    }
    (path / "run.json").write_bytes(orjson.dumps(facts))
    return path


def ended(name: str, hour: int, listed: int = 10, **selection: Any) -> NotSwitched | None:
    """A run that ends complete among the runs."""
    return switch_latest(complete_run(name, hour, **selection), RUNS, listed)


def latest() -> str | None:
    """Where the link leads."""
    link = RUNS / "latest"
    return os.readlink(link) if link.is_symlink() else None


def test_latest_leads_to_the_complete_run_of_the_fleet_that_began_last(here: Path) -> None:
    assert ended("one", 1) is None
    assert ended("two", 2) is None
    assert latest() == "two"
    told = ended("zero", 0)
    assert told is not None
    assert told.sentence == "fleetscan-runs/latest stays at two"
    assert str(told.remedy) == (
        "this run began before that one; point it there with `ln -sfn zero fleetscan-runs/latest`"
    )
    assert latest() == "two"
    assert sorted(os.listdir(RUNS)) == ["latest", "one", "two", "zero"]


@pytest.mark.parametrize(
    ("selection", "name"),
    [
        ({"limit": 3}, "limit"),
        ({"retry_failed": "runs/one"}, "retry_failed"),
        ({"inventory": "-"}, "inventory"),
    ],
)
def test_a_part_of_the_fleet_never_moves_latest_even_where_there_is_none(
    here: Path, selection: dict[str, Any], name: str
) -> None:
    told = ended("part", 1, **selection)
    assert told is not None
    assert (latest(), told.sentence) == (None, "fleetscan-runs/latest is not set")
    assert ended("whole", 2) is None
    told = ended("later", 3, **selection)
    assert told is not None
    assert str(told.remedy).startswith(f"a run with {name} has only a part of the fleet; point it there with")
    assert (latest(), told.sentence) == ("whole", "fleetscan-runs/latest stays at whole")


def test_the_command_that_a_note_gives_moves_latest(here: Path) -> None:
    ended("whole", 1)
    told = ended("{a part}", 2, limit=3)
    assert told is not None
    command = str(told.remedy).split("`")[1]
    subprocess.run(shlex.split(command), check=True)
    assert latest() == "{a part}"


def test_an_empty_fleet_never_moves_latest(here: Path) -> None:
    ended("whole", 1)
    told = ended("empty", 2, listed=0)
    assert told is not None
    assert str(told.remedy).startswith("this run has no VMs; ")
    assert latest() == "whole"


def test_a_selection_replaces_only_itself_and_the_whole_fleet_replaces_any(here: Path) -> None:
    assert ended("a1", 1, subscription=["a"]) is None
    assert ended("a2", 2, subscription=["A"]) is None
    told = ended("b", 3, subscription=["b"])
    assert told is not None
    assert str(told.remedy).startswith("this run has another selection (subscription); ")
    assert latest() == "a2"
    assert ended("whole", 4) is None
    assert ended("a3", 5, subscription=["a"]) is not None
    assert latest() == "whole"


def test_another_tenant_s_run_of_the_same_subscription_is_another_selection() -> None:
    def run(hour: int, tenant_id: str | None) -> FoundRun:
        at = datetime(2026, 11, 23, hour, tzinfo=UTC)
        return FoundRun(Path("run"), "id", State.COMPLETE, at, at, {"subscription": ["a"]}, tenant_id)

    assert why_it_stays(run(2, "t1"), 1, run(1, "t2")) is not None
    assert why_it_stays(run(2, "T1"), 1, run(1, "t1")) is None
    assert why_it_stays(run(2, "t1"), 1, run(1, None)) is None


def test_a_run_of_another_endpoint_never_moves_latest(here: Path) -> None:
    assert ended("whole", 1) is None
    told = ended("demo", 2, endpoint="http://127.0.0.1:8080")
    assert told is not None
    assert (latest(), told.sentence) == ("whole", "fleetscan-runs/latest stays at whole")
    assert str(told.remedy) == (
        "this run asked another endpoint (endpoint='http://127.0.0.1:8080'); "
        "point it there with `ln -sfn demo fleetscan-runs/latest`"
    )
    assert ended("same", 3, endpoint="https://management.azure.com:443/") is None
    assert latest() == "same"


def test_a_run_of_another_tenant_never_moves_latest() -> None:
    def run(hour: int, tenant_id: str | None) -> FoundRun:
        at = datetime(2026, 11, 23, hour, tzinfo=UTC)
        return FoundRun(Path("run"), "id", State.COMPLETE, at, at, WHOLE, tenant_id)  # type: ignore[arg-type]

    assert str(why_it_stays(run(2, "t1"), 1, run(1, "t2"))) == "this run is of another tenant"
    assert why_it_stays(run(2, "T1"), 1, run(1, "t1")) is None
    assert why_it_stays(run(2, None), 1, run(1, "t1")) is None


def test_a_latest_that_leads_nowhere_is_none(here: Path) -> None:
    ended("whole", 1)
    (RUNS / "whole" / "run.json").unlink()
    (RUNS / "whole").rmdir()
    assert ended("one", 2, subscription=["a"]) is None
    assert latest() == "one"


def test_a_run_in_a_place_of_its_own_has_no_latest(here: Path) -> None:
    path = complete_run("mine", 1, Path("runs"))
    assert switch_latest(path, RUNS, 1) is None
    assert switch_latest(path, None, 1) is None
    assert os.listdir("runs") == ["mine"]


def test_a_latest_that_cannot_be_switched_is_told_and_spoils_nothing(here: Path) -> None:
    (RUNS / "latest").mkdir(parents=True)
    told = ended("one", 1)
    assert told is not None
    assert told.is_failure
    assert told.sentence.startswith("fleetscan-runs/latest could not be pointed at one (")
    assert sorted(os.listdir(RUNS)) == ["latest", "one"]
