"""A short series of damaged runs, and the checks themselves, each seen to catch."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from zlib import crc32

import pytest

from fleetscan.errors import CannotResumeError
from fleetscan.records.story import Story
from fleetscan.runs import chain, rows, store
from fleetscan.runs.journal import read_journal
from tests.damage.subject import DAMAGE
from tests.playing import judge, judge_all, lines

# `make damage` tries as many more as one likes.
DAMAGES = 40
# So many seeds at most until something that is broken shows.
ENOUGH = 400


def test_forty_damages_lose_double_and_alter_nothing() -> None:
    told = [line for verdict in judge_all(DAMAGE, DAMAGES) for line in lines(DAMAGE, verdict)]
    assert told == []


def is_caught() -> bool:
    """Whether any of these damages shows."""
    for seed in range(ENOUGH):
        with TemporaryDirectory() as place:
            if judge(DAMAGE, seed, Path(place)).breaches:
                return True
    return False


def believed(line: bytes, before: int) -> int:
    """Takes each line for what it says."""
    return crc32(line.rpartition(chain.KEY)[0], before)


def unread(story: Story, results: IO[bytes]) -> int:
    """Looks at no row that is told of."""
    return results.seek(max((mark.ends_at for mark in story.rows.values()), default=0))


def test_lines_whose_checksums_are_not_looked_at_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "check", believed)
    assert is_caught()


def test_rows_that_are_not_looked_at_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_check_told", unread)
    assert is_caught()


def test_a_refused_resume_that_writes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(path: Path) -> Story | None:
        try:
            return read_journal(path)
        except CannotResumeError:
            (path.parent / "refused").touch()
            raise

    monkeypatch.setattr(store, "read_journal", touched)
    assert is_caught()
