"""A look at a lock: it sees a process at work, takes nothing from it, and holds no writer up."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscan.runs.journal import JournalFile, is_held
from fleetscan.runs.lock import TRIES, is_locked, try_lock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to lock."""
    path = tmp_path / "journal.jsonl"
    path.touch()
    return path


@pytest.fixture
def fd(file: Path) -> Iterator[int]:
    """The file, opened by the one who asks."""
    fd = os.open(file, os.O_RDWR)
    yield fd
    os.close(fd)


def test_a_look_sees_who_is_at_work_and_takes_nothing_from_it(file: Path, fd: int) -> None:
    assert not is_held(file)
    holder = JournalFile.reopen(file)
    assert is_held(file)
    assert is_locked(fd)
    assert not try_lock(fd)
    holder.close()
    assert not is_held(file)
    assert try_lock(fd)


def test_a_look_leaves_no_lock_behind(file: Path, fd: int) -> None:
    assert not is_locked(fd)
    assert not is_held(file)
    JournalFile.reopen(file).close()


def test_a_writer_waits_for_a_look_to_end(file: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = os.open(file, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
    assert try_lock(fd)
    os.close(looking)


def test_a_writer_does_not_wait_for_ever(file: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    looking = os.open(file, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    assert not try_lock(fd)
    assert len(waits) == TRIES
    assert sum(waits) == pytest.approx(0.1)
    os.close(looking)


def test_a_journal_that_is_not_there_is_held_by_none(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "journal.jsonl")
