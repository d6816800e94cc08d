"""The run directory: nothing is overwritten, no row is halved, and nobody else can read it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import orjson
import pytest

from fleetscan.errors import CannotWriteError, OutputError, RunExistsError, UsageError
from fleetscan.records.times import WallClock
from fleetscan.runs.directory import make_directory, path_of, refuse_used
from fleetscan.runs.disk import write_whole
from fleetscan.runs.files import NoFiles, Output, RunFiles
from fleetscan.scanner.stores import fresh_store
from fleetscan.settings.declared import Settings

NOW = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)
SCAN_ID = "4f1c2a9e-0000-4000-8000-000000000000"


@contextmanager
def new_run(path: str) -> Iterator[RunFiles]:
    make_directory(Path(path))
    run = RunFiles.open(Path(path))
    try:
        yield run
    finally:
        run.close()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_name_of_its_own_a_run_goes_under_runs_by_utc_time_and_id(here: Path) -> None:
    clock = WallClock(NOW.astimezone(timezone(timedelta(hours=-5))), 0.0)
    with fresh_store(Settings(runs="fleetscan-runs"), clock, SCAN_ID) as store:
        assert store.output.path == Path("fleetscan-runs/20261123T020000Z-4f1c2a9e")


def test_files_and_directories_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with new_run(str(tmp_path / "deep" / "run")) as run:
            run.write_totals([{"scope": "fleet"}])
            run.write_run({"scan_id": SCAN_ID})
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "deep") == mode_of(tmp_path / "deep" / "run") == 0o700
    files = sorted((tmp_path / "deep" / "run").iterdir())
    assert [path.name for path in files] == ["results.jsonl", "run.json", "totals.jsonl"]
    assert [mode_of(path) for path in files] == [0o600, 0o600, 0o600]


def test_a_row_is_in_the_file_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with new_run(str(tmp_path)) as run:
        run.write_row(b'{"a":1}\n')
        run.write_row(b'{"b":2}\n')
        assert (tmp_path / "results.jsonl").read_bytes() == b'{"a":1}\n{"b":2}\n'
        assert run.rows_written == 2


@pytest.mark.parametrize("name", ["results.jsonl", "totals.jsonl", "run.json", "journal.jsonl"])
def test_a_directory_that_holds_any_file_of_a_run_is_refused_and_left_alone(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("old")
    for refuse in (refuse_used, make_directory):
        with pytest.raises(
            RunExistsError,
            match="already holds a run; name another directory with out",
        ):
            refuse(tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "old")]


def test_a_directory_with_other_files_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    refuse_used(tmp_path)
    with new_run(str(tmp_path)):
        assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_empty_name_is_an_unset_variable_and_not_the_working_directory(here: Path) -> None:
    with pytest.raises(UsageError, match="the output directory's name is empty; give out a name"):
        path_of("")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("out", ["taken", "taken/run"])
def test_a_file_in_the_way_is_named_with_exit_code_4(here: Path, out: str) -> None:
    (here / "taken").write_text("a file")
    with pytest.raises(CannotWriteError, match=r"taken cannot be written \(a file has that name\)") as raised:
        make_directory(Path(out))
    assert raised.value.exit_code == 4
    assert (here / "taken").read_text() == "a file"


def test_a_place_that_takes_no_directory_is_named_with_exit_code_4(here: Path) -> None:
    with pytest.raises(CannotWriteError, match=r"xxx cannot be written \(File name too long\)") as raised:
        make_directory(Path("x" * 300))
    assert raised.value.exit_code == 4


def test_a_row_the_disk_has_no_room_for_leaves_whole_rows_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_run(str(tmp_path)) as run:
        run.write_row(b"whole\n")
        real_write = os.write

        def full_after_three(fd: int, data: memoryview) -> int:
            if len(data) <= 4:
                raise OSError(28, "No space left on device")
            return real_write(fd, data[:3])

        monkeypatch.setattr(os, "write", full_after_three)
        with pytest.raises(
            OutputError, match=r"results.jsonl cannot be written any more \(No space left on device\)"
        ):
            run.write_row(b"halved\n")
        monkeypatch.undo()
        assert (tmp_path / "results.jsonl").read_bytes() == b"whole\n"
        assert run.rows_written == 1
        run.write_row(b"later\n")
    assert (tmp_path / "results.jsonl").read_bytes() == b"whole\nlater\n"


def test_a_write_that_takes_a_part_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, data[:2]))
    with new_run(str(tmp_path)) as run:
        run.write_row(b"seven!\n")
    assert (tmp_path / "results.jsonl").read_bytes() == b"seven!\n"


def test_totals_are_replaced_whole_and_leave_no_other_file(tmp_path: Path) -> None:
    with new_run(str(tmp_path)) as run:
        run.write_totals([{"scope": "fleet"}, {"scope": "location"}])
        run.write_totals([{"scope": "fleet", "listed": 2}])
    assert (tmp_path / "totals.jsonl").read_bytes() == b'{"scope":"fleet","listed":2}\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.jsonl", "totals.jsonl"]


def test_totals_that_cannot_be_written_leave_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_disk(fd: int) -> None:
        raise OSError(5, "Input/output error")

    with new_run(str(tmp_path)) as run:
        run.write_totals([{"old": 1}])
        monkeypatch.setattr(os, "fsync", no_disk)
        with pytest.raises(OutputError, match=r"totals.jsonl cannot be written any more \(Input"):
            run.write_totals([{"new": 2}])
        monkeypatch.undo()
    assert orjson.loads((tmp_path / "totals.jsonl").read_bytes()) == {"old": 1}


def test_a_scan_that_keeps_nothing_makes_no_file(here: Path) -> None:
    output: Output = NoFiles()
    output.write_row(b'{"a":1}\n')
    output.write_totals([{"scope": "fleet"}])
    output.write_run({"scan_id": SCAN_ID})
    output.close()
    assert (output.path, output.rows_written, list(here.iterdir())) == (None, 1, [])


def test_nothing_to_write_is_written_at_once() -> None:
    write_whole(-1, b"")
