"""Three kills of a real scan break nothing, and each check is seen to catch what it is for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.process.azure import Account, Post
from tests.process.checks import Breach, Evidence, Kind, breaches, known_since
from tests.process.history import History, Life, SecondScan, history_of

# Without faults, whose waits take minutes: killed among the starts and among the first rows, and again.
SEED = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> History:
    """One history, played to its end."""
    return history_of(SEED, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def history(whole: History, tmp_path: Path) -> History:
    """The same, over a copy of its directory that may be spoiled."""
    return replace(whole, out=shutil.copytree(whole.out, tmp_path / "run"))


def test_three_kills_break_nothing(whole: History) -> None:
    assert breaches(whole) == []
    assert len(whole.kills) == 3


def change_lines(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Write a file anew with its lines changed."""
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda rows: [*rows, rows[3]], Kind.DOUBLED, "has 2 rows"),
        (lambda rows: rows[:-1], Kind.LOST, "has no row"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], Kind.LOST, "changed or taken back"),
    ],
    ids=["doubled", "lost", "moved"],
)
def test_a_spoiled_row_is_caught(
    history: History, change: Callable[[list[bytes]], list[bytes]], kind: Kind, words: str
) -> None:
    change_lines(history.out / "results.jsonl", change)
    assert is_caught(history, kind, words)


def is_caught(history: History, kind: Kind, words: str) -> bool:
    """Whether a breach of that kind says so."""
    return any(found.kind is kind and words in found.said for found in breaches(history))


def assessed_key(history: History) -> str:
    """A machine that was accepted at once, and assessed."""
    evidence = Evidence(history)
    rows = [row for row in evidence.rows if row["outcome"] == "assessed"]
    keys = (str(row["resource_id"].lower()) for row in rows)
    return next(key for key in keys if key in known_since(evidence) and not evidence.in_doubt[key])


def test_a_second_start_of_an_accepted_operation_is_caught(history: History) -> None:
    key, posts = assessed_key(history), history.account.posts
    refused = replace(history.account, posts=posts | {key: [*posts[key], Post(4e9, 429, is_accepted=False)]})
    assert is_caught(replace(history, account=refused), Kind.SECOND_START, "s after it was known")
    twice = replace(history.account, posts=posts | {key: posts[key] * 2})
    assert is_caught(replace(history, account=twice), Kind.SECOND_START, "Azure accepted 2 starts")


def test_starts_without_end_after_unknown_fates_are_caught(history: History) -> None:
    start = b'{"event":"starting","vm":0,"at":4e9}\n'
    change_lines(history.out / "journal.jsonl", lambda lines: [*lines, start, start, start])
    assert is_caught(history, Kind.OTHER, "without learning what became of it")


def test_a_journal_that_was_cut_is_caught(history: History) -> None:
    change_lines(history.out / "journal.jsonl", lambda lines: lines[1:])
    assert is_caught(history, Kind.OTHER, "the journal before kill 1 was changed or taken back")


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda key, told: replace(told, superseded=[key]), Kind.OTHER, "superseded"),
        (lambda key, told: replace(told, installations_killed=[key]), Kind.OTHER, "installation was ended"),
        (lambda key, told: replace(told, unauthorized=1), Kind.OTHER, "1 requests came without the token"),
        (lambda key, told: replace(told, counts=told.counts | {key: [9, 0]}), Kind.OTHER, "was written for"),
        (lambda key, told: replace(told, counts=told.counts | {"x": None}), Kind.OTHER, "is not the fleet"),
    ],
    ids=["superseded", "installation", "token", "counts", "fleet"],
)
def test_what_azure_says_otherwise_is_caught(
    history: History, change: Callable[[str, Account], Account], kind: Kind, words: str
) -> None:
    account = change(assessed_key(history), history.account)
    assert is_caught(replace(history, account=account), kind, words)


@pytest.mark.parametrize(
    ("life", "words"),
    [
        (Life(2, "another scan holds the directory"), "ended with 2: another scan holds"),
        (Life(5, "stopped"), "ended with 5: stopped"),
        (Life(None, ""), "ended with None"),
        (Life(-9, "", None, SecondScan(0, changed=False)), "a second scan beside process 4 ended with 0"),
        (Life(-9, "", None, SecondScan(2, changed=True)), "ended with 2, having changed files"),
        (Life(130, ""), "of a run that has earned"),
    ],
    ids=["locked", "stopped", "endless", "second scan", "spoiling scan", "code"],
)
def test_a_process_that_does_not_do_as_it_should_is_caught(history: History, life: Life, words: str) -> None:
    assert is_caught(replace(history, lives=[*history.lives[:-1], life]), Kind.OTHER, words)


def test_a_row_that_tells_of_a_bug_is_caught(history: History) -> None:
    change_lines(
        history.out / "results.jsonl",
        lambda rows: [row.replace(b'"reason":null', b'"reason":"internal_error"') for row in rows],
    )
    name = assessed_key(history).rpartition("/")[2]
    assert Breach(Kind.OTHER, f"{name}: None") in breaches(history)
