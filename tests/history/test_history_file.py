"""Files that cannot be a history, or cannot be written: a sentence, and the file as it was."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscan.errors import CannotWriteError, FleetscanError, HistoryError
from fleetscan.history.file import check_history, reading, writing
from fleetscan.history.seen import seen_by
from fleetscan.history.taking_in import take_in
from fleetscan.model import Json
from fleetscan.runs.reader import Run, open_run
from tests.history.nights import Look
from tests.history.test_taking_in import add, night
from tests.report.small_runs import edit_facts


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A history of one night."""
    add(tmp_path, 0, {"m0": Look({"KB5034400"})})
    return tmp_path / "history.db"


def later(tmp_path: Path) -> Run:
    """A run of the next night."""
    return open_run(night(tmp_path, 1, {"m0": Look(set())}))


def refused(path: Path, run: Run, why: str, error: type[FleetscanError] = HistoryError) -> None:
    """It is refused, and the file is as it was."""
    before = path.read_bytes()
    with pytest.raises(error, match=why):
        take_in(run, path)
    assert path.read_bytes() == before


def test_a_history_is_readable_by_its_owner_alone(history: Path) -> None:
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_a_file_that_is_no_database_is_refused(history: Path, tmp_path: Path) -> None:
    run = later(tmp_path)
    for content in (b"date,vm\n" * 200, history.read_bytes()[:700], b"SQLite format 3\0" + b"x" * 4000):
        history.write_bytes(content)
        refused(history, run, "is damaged|is no history, and no database|is another program's database")
        with (
            pytest.raises(HistoryError, match=r"is damaged|is no history, and no database|another program"),
            reading(history),
        ):
            pass


def test_another_programs_database_is_refused(history: Path, tmp_path: Path) -> None:
    history.unlink()
    with sqlite3.connect(history) as db:
        db.execute("CREATE TABLE bookmark (address TEXT)")
    db.close()
    refused(history, later(tmp_path), "is another program's database; name another file with history")
    with pytest.raises(HistoryError, match="another program"):
        check_history(history)


def test_a_history_of_a_later_schema_is_refused(history: Path, tmp_path: Path) -> None:
    with sqlite3.connect(history) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    refused(history, later(tmp_path), "is of schema 2, later than 1; use the version of fleetscan that wrote")
    with pytest.raises(HistoryError, match="schema 2"):
        check_history(history)


def test_a_history_of_another_tenant_or_endpoint_is_refused(history: Path, tmp_path: Path) -> None:
    ours = night(tmp_path, 1, {"m0": Look(set())})
    principal: dict[str, Json] = {"object_id": None, "app_id": None, "tenant_id": "AAAA", "name": None}
    edit_facts(ours, principal=principal)
    take_in(open_run(ours), history)
    other = night(tmp_path, 2, {"m0": Look(set())})
    edit_facts(other, principal={**principal, "tenant_id": "bbbb"})
    refused(history, open_run(other), "is of the tenant aaaa, and the run .* of bbbb; name another file")
    with pytest.raises(HistoryError, match="is of the tenant aaaa"), seen_by(history, open_run(other).facts):
        pass
    edit_facts(other, principal=None, selection={"endpoint": "http://127.0.0.1:8080"})
    refused(history, open_run(other), "is of https://management.azure.com, and the run .* of http://127")


def test_a_history_that_another_process_writes_is_waited_for_and_then_refused(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetscan.history.file.WAIT_S", 0.1)
    run = later(tmp_path)
    holder = sqlite3.connect(history, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(HistoryError, match="is in use by another process; try again once that has ended"):
            take_in(run, history)
        with pytest.raises(HistoryError, match="is in use by another process"), reading(history):
            pass
    finally:
        holder.close()
    assert take_in(run, history).vms == 1


def fill(path: Path) -> None:
    """Write more than its disk takes."""
    with writing(path) as db:
        db.execute("PRAGMA max_page_count = 1")
        db.executemany("INSERT INTO patch (key, is_kb) VALUES (?, 0)", [(f"p{n}" * 40,) for n in range(9000)])


def test_a_full_disk_leaves_the_history_as_it_was(history: Path, tmp_path: Path) -> None:
    before = history.read_bytes()
    run = later(tmp_path)
    with pytest.raises(CannotWriteError, match="is full"):
        fill(history)
    assert history.read_bytes() == before
    assert take_in(run, history).vms == 1


KILLED = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 5")
db.execute("BEGIN IMMEDIATE")
db.executemany("INSERT INTO patch (key, is_kb) VALUES (?, 0)", [(f"p{n}" * 40,) for n in range(9000)])
os._exit(9)
"""


def test_what_a_killed_process_left_half_written_is_undone_by_the_next_reader(history: Path) -> None:
    before = history.read_bytes()
    subprocess.run([sys.executable, "-c", KILLED, str(history)], check=False)
    assert history.read_bytes() != before
    check_history(history)
    with reading(history) as db:
        assert db.execute("SELECT count(*) FROM patch").fetchone() == (1,)
    assert history.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes with names")
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    run = later(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(CannotWriteError, match=r"not a file|directory"):
            take_in(run, path)
        with pytest.raises(HistoryError, match=r"it is a (pipe|directory), not a file"):
            check_history(path)
    with pytest.raises(HistoryError, match="there is no directory of that name; make the directory"):
        check_history(tmp_path / "absent" / "history.db")


def test_a_history_without_a_night_says_how_one_is_added(tmp_path: Path) -> None:
    absent = tmp_path / "history.db"
    with (
        pytest.raises(HistoryError, match="does not exist; make it with `fleetscan history add"),
        reading(absent),
    ):
        pass
    absent.touch()
    with pytest.raises(HistoryError, match="is empty: no run was added to it"), reading(absent):
        pass
    assert take_in(later(tmp_path), absent).vms == 1
