"""The runner of histories: what it counts, when it ends, and what it says of a seed that breaks something."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.playing import Subject, Verdict, judge_all, main


def play(seed: int, place: Path) -> Verdict:
    """Two kills a history; seed 3 breaks something, and seed 4 breaks the history itself."""
    if seed == 4:
        raise ZeroDivisionError
    (place / "run").mkdir()
    return Verdict(seed, ("a row is lost",) if seed == 3 else (), {"kills": 2})


SEEDS = Subject("tests.nothing", play, unit="seeds", wanted=3, at_once=2)
KILLS = Subject("tests.nothing", play, unit="kills", wanted=3, at_once=1)


def test_as_many_seeds_are_played_as_are_wanted() -> None:
    assert sorted(verdict.seed for verdict in judge_all(SEEDS, 3, first=20)) == [20, 21, 22]


def test_a_series_of_kills_ends_once_so_many_were_tried() -> None:
    # Two are played, and a third may be on its way when the second brings the fourth kill.
    assert 4 <= sum(verdict.counts["kills"] for verdict in judge_all(KILLS, 3)) <= 6


def test_a_series_in_which_nothing_can_be_played_ends_too() -> None:
    (verdict,) = judge_all(KILLS, 1, first=4)
    assert "ZeroDivisionError" in verdict.breaches[0]
    assert verdict.kept is not None
    shutil.rmtree(verdict.kept)


def test_a_broken_history_is_told_with_its_files_and_how_to_play_it_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(SEEDS, ["--first", "2", "--seeds", "2"]) == 1
    breach, alone, files, total = capsys.readouterr().out.splitlines()
    assert breach == "seed 3: a row is lost"
    assert alone == "  alone: python -m tests.nothing --seed 3"
    kept = Path(files.removeprefix("  files: "))
    assert [path.name for path in kept.iterdir()] == ["run"]
    shutil.rmtree(kept)
    assert total == "2 histories in 0 s: 4 kills, 1 histories broken"


def test_one_seed_is_played_alone_and_leaves_nothing_where_nothing_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(SEEDS, ["--seed", "7"]) == 0
    assert capsys.readouterr().out == "1 histories in 0 s: 2 kills, 0 histories broken\n"
