"""Going on with files that a power cut or a careless hand has changed: rows decide, or a sentence says no."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetscan.errors import CannotResumeError
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Ending, Outcome, Reason, Target
from fleetscan.records.machine_facts import shared_facts
from fleetscan.runs.store import RunStore
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.policy import asked_of
from fleetscan.scanner.recorder import Recorder
from fleetscan.scanner.stores import fresh_store, resumed_store
from fleetscan.settings.declared import Settings
from tests.records.examples import CLOCK, SCAN_ID, machine

FLEET = [machine(f"vm-{number}") for number in range(4)]


def settings_for(path: Path) -> Settings:
    return Settings(out=str(path), resume=True)


def rows_written(place: RunStore, *numbers: int) -> None:
    """A row and its journal line for each of these machines, as a scan writes them."""
    recorder = Recorder(SCAN_ID, place, CLOCK, Hooks(), ())
    recorder.listed(FLEET)
    for number in numbers:
        # Longer with each machine, so that no two rows end at one byte.
        target = FLEET[number]
        longer = shared_facts({"image": "x" * 50 * number})
        long = Target(target.resource_id, target.subscription_id, "RG", target.name, facts=longer)
        recorder.record(number, long, Ending(Outcome.SKIPPED, Reason.NOT_RUNNING))
    place.close()


def run_of(path: Path, *numbers: int) -> Path:
    """A run in which these machines have ended."""
    settings = settings_for(path)
    place = fresh_store(settings, CLOCK, SCAN_ID)
    place.begin(SCAN_ID, None, asked_of(settings), CLOCK.epoch(CLOCK.monotonic))
    place.note_fleet(FLEET, [], Fleet(FLEET).scope)
    rows_written(place, *numbers)
    return path


def ended_in(path: Path) -> list[int]:
    """Who has ended, as a process sees it that goes on."""
    place = resumed_store(settings_for(path))
    assert place is not None
    assert place.story is not None
    place.close()
    return sorted(place.story.ended)


def names_in(path: Path) -> list[str]:
    return [json.loads(line)["name"] for line in (path / "results.jsonl").read_bytes().splitlines()]


def cut_rows(path: Path, rows: int) -> None:
    """What a power cut may do: the journal tells of rows that never reached the disk."""
    lines = (path / "results.jsonl").read_bytes().splitlines(keepends=True)
    (path / "results.jsonl").write_bytes(b"".join(lines[:rows]))


def test_a_row_that_a_power_cut_took_stays_lost_when_others_lie_in_its_place(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0, 1)
    cut_rows(path, 1)
    place = resumed_store(settings_for(path))
    assert place is not None
    # The next row is longer and ends beyond the byte where the lost one did.
    rows_written(place, 3)
    assert names_in(path) == ["vm-0", "vm-3"]
    assert ended_in(path) == [0, 3]


def test_rows_that_the_journal_does_not_tell_of_yet_are_taken_up(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0, 1)
    change_last_line(path / "journal.jsonl", lambda _: b"")
    assert ended_in(path) == [0, 1]
    assert names_in(path) == ["vm-0", "vm-1"]


def change_last_line(path: Path, change: Callable[[bytes], bytes]) -> None:
    *before, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*before, change(last)]))


@pytest.mark.parametrize(
    "change",
    [
        lambda last: last + b"a note of somebody's\n",
        lambda last: b"\0" * len(last) + b"\n",
        lambda _: b"{}\n",
        lambda last: last + last,
        lambda last: last.replace(b"vm-1", b"vm-9"),
        lambda last: last.replace(b'"skipped"', b'"slipped"'),
        lambda last: last.replace(b'"skipped"', b'"interrupted"'),
        lambda last: last.replace(b'"not_running"', b'"not_moving"'),
    ],
    ids=["a note", "zeros", "no row", "twice", "another's", "no outcome", "no end", "no reason"],
)
def test_a_whole_line_that_is_no_row_of_this_run_is_told_and_kept(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    path = run_of(tmp_path / "run", 0, 1)
    change_last_line(path / "journal.jsonl", lambda _: b"")
    change_last_line(path / "results.jsonl", change)
    before = (path / "results.jsonl").read_bytes()
    with pytest.raises(CannotResumeError, match=r"a row of its results.jsonl cannot be read, or is not of"):
        ended_in(path)
    assert (path / "results.jsonl").read_bytes() == before


def test_rows_without_a_journal_are_told_and_kept(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0)
    (path / "journal.jsonl").write_bytes(b"")
    with pytest.raises(CannotResumeError, match=r"a row of its results\.jsonl cannot be read"):
        ended_in(path)
    assert names_in(path) == ["vm-0"]


def test_a_line_of_the_journal_that_cannot_be_is_told_by_its_number(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0)
    change_last_line(path / "journal.jsonl", lambda _: b'{"event":"starting","vm":4,"at":1.0}\n')
    with pytest.raises(CannotResumeError, match="line 7 of its journal cannot be read"):
        ended_in(path)
