"""What is back again in a diff: by hand, and random nights against a plain re-computation of episodes."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.errors import HistoryError
from fleetscan.history.taking_in import take_in
from fleetscan.records.diff import BackAgain
from fleetscan.records.schema import diff_schema
from fleetscan.report.changes import markdown_of, text_of
from fleetscan.report.comparison import diff_of
from fleetscan.runs.reader import open_run
from tests.history.nights import Look, Night, random_nights, recomputed
from tests.history.test_taking_in import add, night
from tests.report.small_runs import edit_facts
from tests.series import length

VALIDATOR = Draft202012Validator(diff_schema())
KB, OTHER = "KB5034400", "KB5034401"


def back(old: Path, new: Path, history: Path) -> BackAgain:
    """What is back again, and in a record that its schema allows."""
    found = diff_of(open_run(old), open_run(new), history)
    VALIDATOR.validate(orjson.loads(orjson.dumps(found)))
    assert found["back_again"] is not None
    return found["back_again"]


def pairs(found: BackAgain) -> set[tuple[str, str]]:
    """Each VM with each patch."""
    return {(vm["name"], key) for vm in found["vms"] for key in vm["patches"]}


def after(directory: Path, *lists: set[str] | None) -> list[Path]:
    """Nights of the one VM m0 with these lists, all in the history; None is a night that does not see it."""
    for number, patches in enumerate(lists):
        add(directory, number, {"m0": Look(patches)})
    return [directory / f"{number}-whole" for number in range(len(lists))]


def test_a_patch_that_was_installed_at_the_old_run_or_before_it_is_back(tmp_path: Path) -> None:
    runs = after(tmp_path, {KB}, set(), set(), {KB, OTHER})
    for old in runs[1:3]:
        found = back(old, runs[3], tmp_path / "history.db")
        assert (found["count"], found["vm_count"], found["history_since"]) == (1, 1, "2026-08-01")
        assert pairs(found) == {("m0", KB)}


def test_a_patch_that_both_runs_have_is_not_newly_missing_though_it_came_back(tmp_path: Path) -> None:
    runs = after(tmp_path, {KB}, set(), {KB})
    assert back(runs[0], runs[2], tmp_path / "history.db")["count"] == 0


def test_a_patch_that_came_and_was_installed_between_the_runs_is_back(tmp_path: Path) -> None:
    runs = after(tmp_path, set(), {KB}, set(), {KB})
    assert pairs(back(runs[0], runs[3], tmp_path / "history.db")) == {("m0", KB)}


def test_what_was_installed_after_the_new_run_does_not_count(tmp_path: Path) -> None:
    runs = after(tmp_path, set(), {KB}, set(), {KB})
    assert back(runs[0], runs[1], tmp_path / "history.db")["count"] == 0


def test_a_vm_that_was_gone_had_installed_nothing(tmp_path: Path) -> None:
    add(tmp_path, 0, {"m0": Look({KB}), "m2": Look(set())})
    add(tmp_path, 1, {"m2": Look(set())})
    add(tmp_path, 2, {"m0": Look(set()), "m2": Look(set())})
    add(tmp_path, 3, {"m0": Look({KB}), "m2": Look(set())})
    assert back(tmp_path / "2-whole", tmp_path / "3-whole", tmp_path / "history.db")["count"] == 0


def test_runs_that_are_not_in_the_history_are_seen_as_of_the_night_before_the_new_one(tmp_path: Path) -> None:
    after(tmp_path, {KB}, set())
    old, new = (
        night(tmp_path, 2, {"m0": Look(set())}),
        night(tmp_path, 3, {"m0": Look({KB}), "m4": Look({KB})}),
    )
    assert pairs(back(old, new, tmp_path / "history.db")) == {("m0", KB)}
    begun_earlier = night(tmp_path, -2, {"m0": Look(set())}), night(tmp_path, -1, {"m0": Look({KB})})
    found = back(*begun_earlier, tmp_path / "history.db")
    assert (found["count"], found["history_since"]) == (0, None)


def test_the_words_say_how_many_on_which_vms_and_since_when_the_history_knows(tmp_path: Path) -> None:
    runs = after(tmp_path, {KB, OTHER}, set(), {KB, OTHER})
    found = diff_of(open_run(runs[1]), open_run(runs[2]), tmp_path / "history.db")
    lines = list(text_of(found, 80))
    assert "Back again      2 on 1 VM, installed before (history since 2026-08-01)" in lines
    assert "Back again after they had been installed" in lines
    assert any(line.startswith(f"  m0  {KB}, {OTHER}  RG  ") for line in lines)
    assert f"| `m0` | `{KB}, {OTHER}` | `RG` |" in markdown_of(found)
    without = diff_of(open_run(runs[1]), open_run(runs[2]))
    assert without["back_again"] is None
    assert "ack again" not in "\n".join(text_of(without, 80))


@pytest.mark.parametrize("stranger", [0, 1])
def test_a_history_that_is_not_of_both_runs_is_refused(tmp_path: Path, stranger: int) -> None:
    runs = after(tmp_path, {KB}, set())
    edit_facts(runs[stranger], selection={"endpoint": "http://127.0.0.1:8080"})
    with pytest.raises(
        HistoryError, match=r"is of https://management.azure.com, and the run .* of http://127"
    ):
        diff_of(open_run(runs[0]), open_run(runs[1]), tmp_path / "history.db")


def expected(old: Night, new: Night, nights: list[Night]) -> set[tuple[str, str]]:
    """Pair by pair: in the new list alone, and in an episode of these nights that had ended as installed."""
    ended = {
        (each.vm, each.patch)
        for each in recomputed(nights)
        if each.how == "installed" and each.gone_at is not None and each.gone_at <= new.started_at
    }
    newly = {
        (name, key)
        for name, look in new.looks.items()
        for key in look.patches or ()
        if old.saw(name, key) == "installed"
    }
    return newly & ended


def check(seed: int, directory: Path) -> int:
    nights, draw = random_nights(seed, directory), random.Random(seed)
    kept = [each for each in nights if draw.random() < 0.8] or nights
    for each in kept:
        take_in(open_run(each.path), directory / "history.db")
    total = 0
    for place, old in enumerate(nights):
        for new in nights[place + 1 :]:
            found = back(old.path, new.path, directory / "history.db")
            pairs_expected = expected(old, new, kept)
            assert pairs(found) == pairs_expected, seed
            assert found["count"] == len(pairs_expected), seed
            assert found["vm_count"] == len({name for name, _ in pairs_expected}), seed
            total += found["count"]
    return total


@pytest.mark.series
def test_what_is_back_in_random_nights_is_what_a_plain_recomputation_finds(tmp_path: Path) -> None:
    total = 0
    for seed in range(length(40, whole=500)):
        directory = tmp_path / str(seed)
        directory.mkdir()
        total += check(seed, directory)
        shutil.rmtree(directory)
    assert total > 50
