"""What holds for a run's files however they were cut or damaged: its story up to there, or one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from fleetscan.errors import FleetscanError
from fleetscan.model import Json, Target
from fleetscan.records.story import Story
from fleetscan.runs import chain
from fleetscan.runs.found import runs_in
from fleetscan.runs.journal import read_journal
from fleetscan.runs.reader import open_run
from fleetscan.scanner.past_durations import durations_of
from fleetscan.scanner.retry import retried_fleet
from fleetscan.settings.declared import Settings
from tests.properties.run_files import LATER, Step, courses, fleets, gone_on_with, opened, written
from tests.records.examples import machine

FILES = ("journal.jsonl", "results.jsonl", "totals.jsonl", "run.json")
# A place in a file, from its beginning to its end.
places = st.floats(0.0, 1.0) | st.just(1.0)


THREE = [machine(f"vm-{number}") for number in range(3)]


@pytest.fixture(autouse=True, scope="module")
def no_disk() -> Iterator[None]:
    """No waiting for the disk: here it is damaged by other means than power cuts."""
    with mock.patch("os.fsync"):
        yield


def cut(path: Path, place: float, least: int = 0) -> bytes:
    """Cut the file at some place after `least` bytes; what is left."""
    data = path.read_bytes()
    left = data[: least + round((len(data) - least) * place)]
    path.write_bytes(left)
    return left


def whole_lines(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1]


def end_of_synced(path: Path) -> int:
    """The byte up to which a journal is on the disk before the next row is: the listing, and each process's
    beginning, before which it tells of the rows that were lost."""
    lines = path.read_bytes().splitlines(keepends=True)
    synced = (b'"event":"listing"', b'"event":"begun"')
    last = max(number for number, line in enumerate(lines) if any(word in line for word in synced))
    return sum(map(len, lines[: last + 1]))


def story_of(data: bytes, directory: Path) -> Story | None:
    path = directory / "copy.jsonl"
    path.write_bytes(data)
    return read_journal(path)


@given(fleets, courses)
def test_a_journal_tells_what_was_written(fleet: Sequence[Target], course: Sequence[Step]) -> None:
    with TemporaryDirectory() as directory:
        told = written(Path(directory) / "run", fleet, course)
        story = read_journal(Path(directory) / "run" / "journal.jsonl")
    assert story is not None
    assert story.targets == list(fleet)
    assert set(story.ended) == told.ended
    for number, begun in story.begun.items():
        assert number not in told.ended
        assert (begun.accepted_at is not None) == (number in told.accepted)
        assert begun.in_doubt == told.in_doubt[number]


@given(fleets, courses, places)
def test_a_journal_cut_at_any_byte_tells_its_whole_lines(
    fleet: Sequence[Target], course: Sequence[Step], place: float
) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "run" / "journal.jsonl"
        written(path.parent, fleet, course)
        left = cut(path, place)
        story, before = read_journal(path), story_of(whole_lines(left), path.parent)
    assert story == before
    assert (0 if story is None else story.size_bytes) == len(whole_lines(left))


def check_rows(path: Path, fleet: Sequence[Target]) -> None:
    """Take the run up: who has a whole row has ended, nobody else, and every row is there once."""
    rows = whole_lines((path / "results.jsonl").read_bytes())
    session, place = opened(path, fleet, LATER)
    with closing(place):
        assert place.story is not None
        assert sorted(place.story.ended) == with_row(rows, fleet)
        now = (path / "results.jsonl").read_bytes()
        assert now.startswith(rows)
        waiting = [operation.number for operation in session.operations()]
    assert sorted([*waiting, *with_row(now, fleet)]) == list(range(len(fleet)))


def with_row(rows: bytes, fleet: Sequence[Target]) -> list[int]:
    """Whose rows these are, in the fleet's order."""
    numbers = {target.key: number for number, target in enumerate(fleet)}
    return sorted(numbers[json.loads(line)["resource_id"].lower()] for line in rows.split(b"\n")[:-1])


@given(fleets, courses, st.lists(st.tuples(places, places, courses), min_size=1, max_size=3))
@example(THREE, [("end", 0), ("end", 1)], [(1.0, 0.8, [("end", 2)])])
def test_a_run_cut_again_and_again_goes_on_with_the_rows_that_are_whole(
    fleet: Sequence[Target], course: Sequence[Step], cuts: Sequence[tuple[float, float, Sequence[Step]]]
) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "run"
        written(path, fleet, course)
        for journal_place, results_place, next_course in cuts:
            cut(path / "journal.jsonl", journal_place, end_of_synced(path / "journal.jsonl"))
            cut(path / "results.jsonl", results_place)
            check_rows(path, fleet)
            written(path, fleet, next_course)
        check_rows(path, fleet)


@given(
    fleets,
    courses,
    st.booleans(),
    st.sampled_from(FILES),
    st.lists(st.tuples(places, st.integers(0, 60), st.binary(max_size=20)), min_size=1, max_size=3),
)
def test_a_damaged_run_goes_on_or_is_refused_in_a_sentence(
    fleet: Sequence[Target],
    course: Sequence[Step],
    is_finished: bool,
    name: str,
    damages: Sequence[tuple[float, int, bytes]],
) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "run"
        every = [("end", number) for number in range(len(fleet))] if is_finished else []
        written(path, fleet, [*course, *every])  # type: ignore[list-item]
        if is_finished:
            gone_on_with(path, fleet)
        damage(path / name, damages)
        check_told(path, fleet)


others: st.SearchStrategy[Json] = st.sampled_from((0, 9, -1, 1e9, 1e19, 1.5, None, True, "", "x", [], {}))


@given(fleets, courses, places, st.integers(0, 50), others)
@example(THREE, [], 0.0, 2, 1e19)
@example(THREE, [], 0.5, 2, 0)
def test_a_journal_with_another_value_in_it_goes_on_or_is_refused_in_a_sentence(
    fleet: Sequence[Target], course: Sequence[Step], place: float, which: int, value: Json
) -> None:
    """The lines stay JSON, and each vouches for itself: what is wrong with them only their meaning tells."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "run"
        written(path, fleet, course)
        journal = path / "journal.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        number = round(place * (len(lines) - 1))
        told = json.loads(lines[number])
        del told["crc"]
        changed = list(with_another(told, value))
        lines[number] = json.dumps(changed[which % len(changed)]).encode() + b"\n"
        journal.write_bytes(b"".join(sealed_anew(lines)))
        check_told(path, fleet)


def sealed_anew(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The same lines with the checksums of what is in them now."""
    crc = chain.NOTHING_BEFORE
    for line in lines:
        text = line.rstrip(b"\n").partition(chain.KEY)[0].removesuffix(b"}") + b"}"
        sealed, crc = chain.seal(text, crc)
        yield sealed


def with_another(line: dict[str, Json], value: Json) -> Iterator[dict[str, Json]]:
    """The line with `value` instead of each of its own, one at a time, those of the objects in it too."""
    for name, told in line.items():
        yield line | {name: value}
        if isinstance(told, dict):
            yield from (line | {name: inner} for inner in with_another(told, value))


def damage(path: Path, damages: Sequence[tuple[float, int, bytes]]) -> None:
    """Put other bytes where some were."""
    if not path.exists():
        return
    data = path.read_bytes()
    for place, length, instead in damages:
        at = round(len(data) * place)
        data = data[:at] + instead + data[at + length :]
    path.write_bytes(data)


def check_told(path: Path, fleet: Sequence[Target]) -> None:
    """Each reader of the run brings something, or ends in a sentence for a person."""
    readers: tuple[Callable[[], object], ...] = (
        lambda: durations_of(open_run(path)),
        lambda: retried_fleet(str(path), Settings()),
        lambda: runs_in(path.parent),
        lambda: gone_on_with(path, fleet),
    )
    for read in readers:
        try:
            read()
            event("went on")
        except FleetscanError:
            event("refused")
