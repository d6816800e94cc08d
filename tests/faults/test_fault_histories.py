"""Histories with every fault and kills at any step, and the checks themselves, each seen to catch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from fleetscan.engine import operation_urls, poll, start
from fleetscan.engine.bucket import Bucket
from fleetscan.engine.circuit import Circuit
from fleetscan.engine.operation import Operation
from fleetscan.engine.operation_times import OperationTimes
from fleetscan.engine.refused_scopes import RefusedScopes, Scope
from fleetscan.engine.replies import is_refusal
from fleetscan.model import Reply, Target
from fleetscan.records import machine_row
from fleetscan.records.azure_window import Window
from fleetscan.records.story import Story
from fleetscan.runs import store
from fleetscan.runs.journal import JournalFile
from fleetscan.scanner.resume import Resumption
from fleetscan.scanner.roll import Roll
from fleetscan.scanner.session import Session
from tests.faults import history
from tests.faults.subject import FAULTS
from tests.playing import Verdict, judge, judge_all, lines

# `make simulate-faults` plays as many more as one likes.
SEEDS = 60
# So many seeds at most until something that is broken shows.
ENOUGH = 120


def test_sixty_histories_break_nothing() -> None:
    told = [line for verdict in judge_all(FAULTS, SEEDS) for line in lines(FAULTS, verdict)]
    assert told == []


def played(seed: int) -> Verdict:
    """One history, in this process, so that what a test has broken is broken in it."""
    with TemporaryDirectory() as place:
        return judge(FAULTS, seed, Path(place))


def test_a_seed_is_one_history() -> None:
    assert played(7) == played(7)


def found_by_seeds() -> Iterator[str]:
    """What is wrong, seed by seed."""
    for seed in range(ENOUGH):
        yield from played(seed).breaches


def is_caught(words: str) -> bool:
    """Whether a breach that says so turns up."""
    return any(words in breach for breach in found_by_seeds())


def fresh(self: Resumption, number: int, target: Any, rules: Any, last_s: Any, clock: Any) -> Operation:
    """Forgets that the machine was ever started."""
    return Operation(target, rules, last_s, number)


def test_a_second_start_of_an_accepted_operation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Resumption, "operation", fresh)
    assert is_caught("was started again")


def test_a_third_accepted_start_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Resumption, "operation", fresh)
    assert any(breach.endswith(" times") for breach in found_by_seeds())


def test_a_running_assessment_that_our_own_start_ends_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Resumption, "operation", fresh)
    assert is_caught("a start superseded one that we knew of")


def test_a_vm_without_a_row_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Session.operations
    monkeypatch.setattr(Session, "operations", lambda self, busy: islice(whole(self, busy), 1, None))
    assert is_caught("no row for")


def test_a_listing_that_is_begun_anew_after_a_kill_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Roll.__init__

    def forgetful(self: Roll, place: store.RunStore, story: Story | None = None) -> None:
        whole(self, place, story if story is not None and story.is_listed else None)

    monkeypatch.setattr(Roll, "__init__", forgetful)
    assert next(found_by_seeds(), None) is not None


def test_a_start_of_a_vm_that_is_not_in_the_journal_yet_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def unnoted(self: Roll, targets: list[Target]) -> None:
        self.targets.extend(targets)
        self.size += len(targets)

    monkeypatch.setattr(Roll, "add", unnoted)
    assert next(found_by_seeds(), None) is not None


def test_a_vm_that_is_not_asked_for_a_refusal_of_another_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def widest(self: RefusedScopes, target: Target, reply: Reply) -> Scope | None:
        return Scope(target.subscription_id.lower()) if is_refusal(reply) else None

    monkeypatch.setattr(RefusedScopes, "_scope", widest)
    assert is_caught("was not asked")


def test_starts_without_end_after_unknown_fates_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "MAX_UNKNOWN_STARTS", 100)
    assert is_caught("times without learning what became of it")


def unmended(story: Story | None, mending: object, files: object, journal: JournalFile) -> None:
    """Goes on with the journal, and leaves the rows as they are."""
    if story is not None:
        journal.go_on(story.size_bytes, story.last_crc)


def test_rows_that_journal_and_results_do_not_agree_on_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_mend", unmended)
    assert is_caught("the files break the contract") or is_caught("rows were written for")


def test_an_ended_installation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Session.operations
    monkeypatch.setattr(Session, "operations", lambda self, busy=frozenset(): whole(self))
    assert is_caught("its installation was ended")


def test_an_ignored_refusal_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bucket, "freeze", lambda self, now, sent_at, after_s: None)
    assert is_caught("for a scope that is stilled")


def test_a_dead_region_that_is_not_left_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Circuit, "failed", lambda self, sent_at, now: None)
    assert is_caught("for a region that does not answer")


def test_a_token_that_leaves_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_urls, "follow", lambda url, base_url, origin: url)
    assert is_caught("a request went to")


def test_a_wrong_count_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_row, "told_counts", lambda assessment, source: (0, 0))
    assert is_caught("was written for")


def test_a_time_that_cannot_be_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OperationTimes, "that_can_be", lambda self, age_s, azure_now: self)
    monkeypatch.setattr(Window, "has", lambda self, moment: True)
    assert is_caught("cannot be")


def test_a_row_that_breaks_the_schema_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = machine_row.row
    monkeypatch.setattr(machine_row, "row", lambda *told: {**whole(*told), "patch_count": "7"})
    assert is_caught("the files break the contract")


def test_a_bug_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(poll, "text_of", broken)
    assert is_caught("InternalError") or is_caught("ZeroDivisionError")


def test_a_run_that_does_not_end_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll.Polling, "_left_s", lambda self, at: 1.0)
    # A sound history has not half as many.
    monkeypatch.setattr(history, "MOST_REQUESTS", 1000)
    assert is_caught("the run asks without end")
