"""Going on with files that a power cut or a careless hand has changed: rows decide, or a sentence says no."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from fleetscan.addresses import FollowedUrls
from fleetscan.errors import BrokenIdentityError, CannotResumeError
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Ending, Outcome, Reason
from fleetscan.records.journal import RequestsCounted, StartAccepted, StartSending
from fleetscan.records.machine_facts import shared_facts
from fleetscan.runs.store import RunStore
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.policy import asked_of
from fleetscan.scanner.recorder import Recorder
from fleetscan.scanner.stores import fresh_store, resumed_store
from fleetscan.settings.declared import Settings
from tests.records.examples import CLOCK, SCAN_ID, machine

# Rows are longer with each machine, so that no two end at one byte.
FLEET = [
    replace(machine(f"vm-{number}"), facts=shared_facts({"image": "x" * 50 * number})) for number in range(4)
]


def settings_for(path: Path) -> Settings:
    return Settings(out=str(path), resume=True)


def rows_written(place: RunStore, *numbers: int) -> None:
    """A row and its journal line for each of these machines, as a scan writes them."""
    recorder = Recorder(SCAN_ID, place, CLOCK, Hooks(), ())
    recorder.listed(FLEET)
    for number in numbers:
        recorder.record(number, FLEET[number], Ending(Outcome.SKIPPED, Reason.NOT_RUNNING))
    place.close()


def run_of(path: Path, *numbers: int) -> Path:
    """A run in which these machines have ended."""
    settings = settings_for(path)
    place = fresh_store(settings, CLOCK, SCAN_ID)
    place.begin(SCAN_ID, None, asked_of(settings), CLOCK.epoch(CLOCK.monotonic))
    place.note_vms(FLEET)
    place.note_whole(len(FLEET), [], Fleet(FLEET).scope)
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
        lambda last: last + b"a note of another program\n",
        lambda last: b"\0" * len(last) + b"\n",
        lambda _: b"{}\n",
        lambda last: last + last,
        lambda last: last.replace(b"vm-1", b"vm-9"),
        lambda last: last.replace(b'"skipped"', b'"slipped"'),
        lambda last: last.replace(b'"skipped"', b'"interrupted"'),
        lambda last: last.replace(b'"not_running"', b'"not_moving"'),
        lambda last: last.replace(b'"not_running"', b'"denied"'),
        lambda last: last.replace(b'"scan_id":"4f', b'"scan_id":"5f'),
        lambda last: last.replace(b'"name":"vm-1"', b'"name":"vm-2"'),
        lambda last: last.replace(b"\n", b"\r\n"),
    ],
    ids=[
        *("a note", "zeros", "no row", "twice", "another's", "no outcome", "no end", "no reason"),
        *("another's reason", "another scan's", "another's name", "CRLF"),
    ],
)
def test_a_whole_line_that_is_no_row_of_this_run_is_told_and_kept(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    path = run_of(tmp_path / "run", 0, 1)
    change_last_line(path / "journal.jsonl", lambda _: b"")
    change_last_line(path / "results.jsonl", change)
    before = (path / "results.jsonl").read_bytes()
    with pytest.raises(CannotResumeError, match="is no row, or is not of the VMs in its journal"):
        ended_in(path)
    assert (path / "results.jsonl").read_bytes() == before


def test_rows_without_a_journal_are_told_and_kept(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0)
    (path / "journal.jsonl").write_bytes(b"")
    with pytest.raises(CannotResumeError, match="is no row, or is not of the VMs in its journal"):
        ended_in(path)
    assert names_in(path) == ["vm-0"]


def files_in(path: Path) -> Mapping[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def check_refused(path: Path, why: str) -> None:
    """Resuming ends in one sentence, and writes and makes nothing."""
    before = files_in(path)
    with pytest.raises(CannotResumeError, match=why):
        ended_in(path)
    assert files_in(path) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:1], *lines[2:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:2], *lines[1:]],
        lambda lines: [*lines[:6], b'{"event":"starting","vm":3,"at":1.0}\n', *lines[6:]],
        lambda lines: [*lines[:6], lines[6].replace(b'"vm":0', b'"vm":3'), *lines[7:]],
        lambda lines: lines[1:],
        lambda lines: [line.replace(b"\n", b"\r\n") for line in lines],
        lambda lines: [*lines, b"\n"],
        lambda lines: [*lines, *lines],
        lambda lines: [*lines[:-2], lines[-1]],
    ],
    ids=[
        *("dropped", "swapped", "doubled", "inserted", "altered", "beheaded", "CRLF", "a blank line"),
        *("all doubled", "an end dropped"),
    ],
)
def test_a_journal_whose_lines_are_not_as_they_were_written_is_refused_and_nothing_is_written(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    path = run_of(tmp_path / "run", 0, 1, 2)
    lines = (path / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (path / "journal.jsonl").write_bytes(b"".join(change(lines)))
    check_refused(path, r"line \d+ of its journal cannot be read, or is not what was written there")


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [rows[0], rows[1].replace(b"vm-1", b"vm-3"), rows[2]],
        lambda rows: [rows[0], rows[2], rows[1]],
        lambda rows: [rows[0], rows[0], *rows[1:]],
        lambda rows: [b" " + rows[0][:-2] + b"\n", *rows[1:]],
        lambda rows: [b"\0" * len(rows[0]), *rows[1:]],
        lambda rows: [row.replace(b"\n", b"\r\n") for row in rows],
        lambda rows: [*rows, rows[2]],
        lambda rows: [rows[1], rows[2]],
    ],
    ids=["altered", "swapped", "doubled", "shifted", "zeros", "CRLF", "doubled last", "dropped"],
)
def test_rows_that_are_not_as_they_were_written_are_refused_and_nothing_is_written(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    path = run_of(tmp_path / "run", 0, 1, 2)
    rows = (path / "results.jsonl").read_bytes().splitlines(keepends=True)
    (path / "results.jsonl").write_bytes(b"".join(change(rows)))
    check_refused(path, r"in its results\.jsonl the (row of vm-\d|line) that ends at byte \d")


def test_a_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    path, other = run_of(tmp_path / "run"), run_of(tmp_path / "other")
    (path / "run.json").write_bytes(b'{"scan_id":"another"}')
    (path / "journal.jsonl").write_bytes((other / "journal.jsonl").read_bytes())
    check_refused(path, r"its journal and its run\.json are of two runs")


def test_a_run_whose_journal_was_emptied_is_refused(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run")
    (path / "run.json").write_bytes(b'{"scan_id":"4f1c2a9e"}')
    (path / "journal.jsonl").write_bytes(b"")
    check_refused(path, r"its journal ends before its run\.json was written")


def test_a_resume_that_other_settings_refuse_writes_nothing_even_where_rows_are_lost(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0, 1)
    cut_rows(path, 1)
    before = files_in(path)
    with pytest.raises(CannotResumeError, match="it was started with another limit"):
        resumed_store(replace(settings_for(path), limit=3))
    assert files_in(path) == before


def test_lines_of_several_processes_vouch_for_one_another(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0)
    for number in (1, 2):
        with (path / "journal.jsonl").open("ab") as journal:
            journal.write(b'{"event":"ended","vm":3,"row')
        place = resumed_store(settings_for(path))
        assert place is not None
        rows_written(place, number)
    assert ended_in(path) == [0, 1, 2]
    lines = (path / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (path / "journal.jsonl").write_bytes(b"".join([*lines[:7], *lines[8:]]))
    check_refused(path, "line 8 of its journal cannot be read")


def test_a_kill_before_the_row_is_written_leaves_its_operation_to_be_followed(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run")
    place = resumed_store(settings_for(path))
    assert place is not None
    urls = {"status_url": "https://management.azure.com/operations/1", "location": ""}
    place.journal.write(
        StartSending(0, 1.0),
        StartAccepted(0, 1.0, 2.0, cast(FollowedUrls, urls)),
        RequestsCounted(3.0, {"list": 0, "start": 1, "poll": 1, "other": 0, "throttled": 0, "retried": 0}),
    )
    rows_written(place, 0)
    cut_rows(path, 0)
    place = resumed_store(settings_for(path))
    assert place is not None
    assert place.story is not None
    assert place.rows_lost == 1
    assert place.story.begun[0].urls == urls
    place.close()
    assert ended_in(path) == []


def test_ids_that_stand_twice_at_the_end_of_a_resumed_run_are_a_bug(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0, 1)
    place = resumed_store(settings_for(path))
    assert place is not None
    place.count_anew()
    rows = (path / "results.jsonl").read_bytes()
    for spoilt in (rows + rows.splitlines(keepends=True)[0].upper(), rows.replace(b"vm-1", b"VM-0")):
        (path / "results.jsonl").write_bytes(spoilt)
        with pytest.raises(BrokenIdentityError, match="has a row already or was not listed"):
            place.count_anew()
    (path / "results.jsonl").write_bytes(rows.splitlines(keepends=True)[0])
    with pytest.raises(BrokenIdentityError, match="holds 1 rows, and 2 were written"):
        place.count_anew()
    place.close()


def test_zeros_that_a_power_cut_left_after_the_last_row_are_cut_off(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0)
    with (path / "results.jsonl").open("ab") as rows:
        rows.write(b"\0" * 4096)
    place = resumed_store(settings_for(path))
    assert place is not None
    rows_written(place, 1)
    assert names_in(path) == ["vm-0", "vm-1"]
    assert ended_in(path) == [0, 1]


def test_a_line_of_the_journal_that_cannot_be_is_told_by_its_number(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", 0)
    change_last_line(path / "journal.jsonl", lambda _: b'{"event":"starting","vm":4,"at":1.0}\n')
    with pytest.raises(CannotResumeError, match="line 7 of its journal cannot be read"):
        ended_in(path)
