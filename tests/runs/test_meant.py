"""Which run a command reads where it is named, and where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscan.errors import CannotReadRunError, UsageError
from fleetscan.report.which_run import about
from fleetscan.runs.meant import meant_run
from tests.records.examples import timed_row, write_run


def kept(runs: Path, name: str, exit_code: int | None) -> Path:
    """A run that began at the hour in its name."""
    path = runs / name
    path.mkdir(parents=True)
    write_run(path, [timed_row("vm-1", "Linux", 60.0)], exit_code)
    facts = json.loads((path / "run.json").read_bytes())
    facts["started_at"] = f"2026-11-{name[6:8]}T02:00:00Z"
    (path / "run.json").write_text(json.dumps(facts))
    return path


def test_without_a_name_it_is_the_newest_that_has_ended(tmp_path: Path) -> None:
    kept(tmp_path, "20261121T020000Z-a", 0)
    stopped = kept(tmp_path, "20261122T020000Z-b", 5)
    kept(tmp_path, "20261123T020000Z-c", None)
    run = meant_run(None, tmp_path)
    assert run.path == stopped
    said = f"Run of 2026-11-22 02:00 UTC, NOT COMPLETE: it was stopped, the whole fleet: {stopped}"
    assert about(run) == said


def test_a_named_run_is_taken_however_far_it_came(tmp_path: Path) -> None:
    unfinished = kept(tmp_path, "20261123T020000Z-c", None)
    assert meant_run("20261123", tmp_path).path == unfinished
    assert meant_run(str(unfinished), tmp_path / "elsewhere").path == unfinished


def test_several_runs_that_begin_so_are_named(tmp_path: Path) -> None:
    kept(tmp_path, "20261122T020000Z-b", 0)
    kept(tmp_path, "20261123T020000Z-c", 0)
    with pytest.raises(UsageError, match="20261123T020000Z-c, 20261122T020000Z-b"):
        meant_run("2026", tmp_path)


@pytest.mark.parametrize("name", ["latest", "nothing", "", "."])
def test_what_is_no_run_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotReadRunError):
        meant_run(name, tmp_path)


def test_where_nothing_has_ended_the_newest_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        meant_run(None, tmp_path)
    kept(tmp_path, "20261123T020000Z-c", None)
    with pytest.raises(UsageError, match="holds no run that has ended") as refused:
        meant_run(None, tmp_path)
    assert refused.value.remedy is not None
    assert "20261123T020000Z-c" in str(refused.value.remedy)
