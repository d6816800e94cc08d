"""A history of random nights holds what a plain re-computation from all of their runs finds."""

from __future__ import annotations

import random
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from fleetscan.errors import HistoryError
from fleetscan.history.file import reading
from fleetscan.history.seen import seen_by
from fleetscan.history.taking_in import Entry, take_in
from fleetscan.runs.reader import open_run
from tests.history.nights import (
    FIRST_NIGHT,
    SUBSCRIPTIONS,
    Episode,
    Look,
    Night,
    random_nights,
    recomputed,
    write_night,
)
from tests.report.small_runs import kb, small_run, vm
from tests.series import length


def episodes(path: Path) -> set[Episode]:
    """Every episode that the history at `path` has."""
    with reading(path) as db:
        found = db.execute("SELECT resource_id, patch, first_seen_at, gone_at, how FROM episode").fetchall()
    named = [Episode(each[0].rpartition("/")[2], *each[1:]) for each in found]
    assert len(named) == len(set(named)), "two rows of one episode"
    return set(named)


def check(seed: int, directory: Path) -> None:
    nights = random_nights(seed, directory)
    draw, path = random.Random(seed), directory / "history.db"
    for number, night in enumerate(nights):
        run = open_run(night.path)
        assert take_in(run, path).entry is Entry.ADDED, seed
        if draw.random() < 0.3:
            again = take_in(run, path)
            assert (again.entry, again.vms) == (Entry.KNOWN, 0), seed
        if number and draw.random() < 0.2:
            earlier = open_run(draw.choice(nights[:number]).path)
            assert take_in(earlier, path).entry is Entry.KNOWN
        assert episodes(path) == recomputed(nights[: number + 1]), seed
    for number in range(len(nights)):
        check_first_seen(path, nights[: number + 1], seed)


def check_first_seen(path: Path, nights: list[Night], seed: int) -> None:
    """Seen from any night, the days on which the episodes began that were open then."""
    expected = {
        (each.vm, each.patch): each.first_seen_at[:10] for each in recomputed(nights) if each.gone_at is None
    }
    run = open_run(nights[-1].path)
    with seen_by(path, run.facts) as seen:
        found = {
            (row["name"], key): day.isoformat()
            for row in run.rows()
            for key, day in seen.first_seen(row["resource_id"]).items()
        }
    known = {pair: day for pair, day in expected.items() if pair[0] in nights[-1].looks}
    assert found == known, seed


@pytest.mark.series
def test_histories_of_random_nights_agree_with_all_of_their_runs(tmp_path: Path) -> None:
    for seed in range(length(40, whole=1000)):
        directory = tmp_path / str(seed)
        directory.mkdir()
        check(seed, directory)
        shutil.rmtree(directory)


def night(directory: Path, number: int, looks: dict[str, Look], kind: str = "whole") -> Path:
    """The run directory of one night."""
    listed = set(SUBSCRIPTIONS) if kind == "whole" else set()
    made = Night(FIRST_NIGHT + timedelta(days=number), looks, listed, kind)
    return write_night(directory / f"{number}-{kind}", made, random.Random(number))


def add(directory: Path, number: int, looks: dict[str, Look], kind: str = "whole") -> Entry:
    """A night enters the history."""
    run = open_run(night(directory, number, looks, kind))
    return take_in(run, directory / "history.db").entry


def test_a_patch_that_comes_back_is_a_second_episode(tmp_path: Path) -> None:
    for number, patches in enumerate(({"KB5034400"}, set(), {"KB5034400"})):
        add(tmp_path, number, {"m0": Look(patches)})
    assert episodes(tmp_path / "history.db") == {
        Episode("m0", "KB5034400", "2026-08-01T02:00:00.000000Z", "2026-08-02T02:00:00.000000Z", "installed"),
        Episode("m0", "KB5034400", "2026-08-03T02:00:00.000000Z", None, None),
    }


def test_a_vm_that_is_gone_installed_nothing(tmp_path: Path) -> None:
    add(tmp_path, 0, {"m0": Look({"KB5034400"}), "m2": Look(set())})
    add(tmp_path, 1, {"m2": Look(set())})
    (episode,) = episodes(tmp_path / "history.db")
    assert (episode.gone_at, episode.how) == ("2026-08-02T02:00:00.000000Z", "vm gone")


def test_a_run_that_lost_rows_makes_no_vm_gone(tmp_path: Path) -> None:
    add(tmp_path, 0, {"m0": Look({"KB5034400"}), "m2": Look(set())})
    damaged = night(tmp_path, 1, {"m0": Look({"KB5034400"}), "m2": Look(set())})
    rows = (damaged / "results.jsonl").read_bytes().splitlines(keepends=True)
    (damaged / "results.jsonl").write_bytes(b"".join(row for row in rows if b"/m0" not in row.lower()))
    take_in(open_run(damaged), tmp_path / "history.db")
    (episode,) = episodes(tmp_path / "history.db")
    assert episode.gone_at is None


def test_a_run_that_was_stopped_enters_again_with_the_rest_once_it_was_resumed(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    add(tmp_path, 0, {"m0": Look({"KB5034400"}), "m1": Look({"KB5034401"}), "m2": Look({"bash"})})
    assert add(tmp_path, 1, {"m0": Look(set())}, "stopped") is Entry.ADDED
    whole = night(tmp_path, 1, {"m0": Look(set()), "m1": Look(set())})
    taken = take_in(open_run(whole), history)
    assert (taken.entry, taken.vms, taken.installed, taken.ended_with_vm) == (Entry.COMPLETED, 1, 1, 1)
    assert {each.how for each in episodes(history)} == {"installed", "vm gone"}
    assert take_in(open_run(whole), history).entry is Entry.KNOWN


def test_a_run_that_began_before_the_newest_entry_is_refused(tmp_path: Path) -> None:
    add(tmp_path, 1, {"m0": Look({"KB5034400"})})
    before = episodes(tmp_path / "history.db")
    with pytest.raises(HistoryError, match=r"before its newest entry .* a new history takes all runs"):
        add(tmp_path, 0, {"m0": Look(set())})
    assert episodes(tmp_path / "history.db") == before


def test_a_definition_update_is_one_episode_though_its_name_changes_daily(tmp_path: Path) -> None:
    for number in range(5):
        add(tmp_path, number, {"m0": Look({"KB5034400"})})
    (episode,) = episodes(tmp_path / "history.db")
    assert episode.first_seen_at == "2026-08-01T02:00:00.000000Z"
    with sqlite3.connect(tmp_path / "history.db") as db:
        names = {name for (name,) in db.execute("SELECT name FROM edition")}
        newest = db.execute("SELECT name FROM episode").fetchall()
    db.close()
    assert len(names) > 1
    assert len(newest) == 1


def test_of_a_patch_that_a_vm_lists_twice_the_earliest_edition_is_kept(tmp_path: Path) -> None:
    days = ("2026-07-20", "2026-06-09", "2026-07-01")
    small_run(tmp_path / "run", [vm("m0", 3, 0, [kb(5034400, day=day) for day in days])])
    take_in(open_run(tmp_path / "run"), tmp_path / "history.db")
    with reading(tmp_path / "history.db") as db:
        assert db.execute("SELECT published_on FROM episode").fetchall() == [("2026-06-09",)]


def test_the_nights_are_the_complete_runs_of_the_same_selection(tmp_path: Path) -> None:
    kinds = ("whole", "limited", "whole", "stopped", "whole")
    for number, kind in enumerate(kinds):
        add(tmp_path, number, {"m0": Look({"KB5034400"})}, kind)
    run = open_run(tmp_path / "4-whole")
    with seen_by(tmp_path / "history.db", run.facts) as seen:
        days = [each["started_at"][:10] for each in seen.nights]
        figures = [each["critical_and_security_count"] for each in seen.nights]
    assert days == ["2026-08-01", "2026-08-03", "2026-08-05"]
    assert figures == [1, 1, 1]
