"""What must hold in every history, however it was killed. Each check yields its breaches."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import orjson

from tests.process.history import STOPPED, History
from tests.process.scanner import Files
from tests.strict_reader import read_run

# Two processes' clocks, each set once, on a busy computer. Nobody starts a machine again so soon by mistake.
CLOCKS_S = 0.2
# A start whose fate is unknown is followed by one more at most.
MOST_IN_DOUBT = 2
COULD_NOT_LOOK = "cannot check for running patch installations"


class Kind(Enum):
    """What a breach comes to."""

    LOST = "rows lost"
    DOUBLED = "rows doubled"
    SECOND_START = "second starts of accepted operations"
    OTHER = "other breaches"


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that is wrong, in a sentence."""

    kind: Kind
    said: str


@dataclass(frozen=True)
class Evidence:
    """A history, and what its directory holds at the end, read without a doubt about any of it."""

    history: History

    @cached_property
    def files(self) -> Files:
        """The files that grow."""
        return Files.of(self.history.out)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, in their order."""
        return rows_of(self.files)

    @cached_property
    def journal(self) -> list[dict[str, Any]]:
        """The journal's lines."""
        return [orjson.loads(line) for line in self.files.journal.splitlines()]

    @cached_property
    def keys(self) -> list[str]:
        """The listed machines, by their numbers; before any was begun, a listing cut short came again."""
        keys: list[str] = []
        is_listed, begun = False, set[object]()
        for line in self.journal:
            match line["event"]:
                case "begun" if not (is_listed or begun):
                    keys.clear()
                case "listed":
                    keys.append(line["machine"]["resource_id"].lower())
                case "listing":
                    is_listed = True
                case "starting" | "ended" as word:
                    begun.add((word, line["vm"]))
                case "row_lost":
                    begun.discard(("ended", line["vm"]))
        return keys

    @cached_property
    def in_doubt(self) -> Counter[str]:
        """How many starts of each machine went out without our learning what became of them."""
        weight = {"starting": 1, "not_taken": -1, "accepted": -1}
        in_doubt: Counter[str] = Counter()
        for line in self.journal:
            if line["event"] in weight:
                in_doubt[self.keys[line["vm"]]] += weight[line["event"]]
        return in_doubt


Check = Callable[[Evidence], Iterator[Breach]]


def breaches(history: History) -> list[Breach]:
    """Everything that is wrong with a history."""
    evidence = Evidence(history)
    return [breach for check in CHECKS for breach in check(evidence)]


def files_keep_the_contract(evidence: Evidence) -> Iterator[Breach]:
    """The directory is one that any reader understands."""
    try:
        run = read_run(evidence.history.out)
    except (AssertionError, OSError, ValueError) as error:
        yield Breach(Kind.OTHER, f"the files break the contract: {type(error).__name__}: {str(error)[:300]}")
        return
    if run.fleet["outcomes"]["interrupted"]:
        yield Breach(Kind.OTHER, f"the totals of a run that ended are {run.fleet}")
    is_whole = not any(run.fleet["outcomes"][word] for word in ("failed", "timed_out"))
    earned = 0 if is_whole and not run.fleet["inventory_errors"] else 3
    codes = (run.facts["exit_code"], evidence.history.lives[-1].code)
    if codes != (earned, earned):
        yield Breach(Kind.OTHER, f"run.json and the process said {codes} of a run that has earned {earned}")
    if set(evidence.keys) != set(evidence.history.account.counts) and not run.fleet["inventory_errors"]:
        yield Breach(Kind.OTHER, f"{len(evidence.keys)} machines were listed, which is not the fleet")


def one_row_a_machine(evidence: Evidence) -> Iterator[Breach]:
    """Every listed machine has its row, nobody has two, and nobody else has one."""
    count = Counter(row["resource_id"].lower() for row in evidence.rows)
    for key in sorted(set(evidence.keys) - set(count)):
        yield Breach(Kind.LOST, f"{key} has no row")
    for key, rows in count.items():
        if rows > 1:
            yield Breach(Kind.DOUBLED, f"{key} has {rows} rows")
    for key in sorted(set(count) - set(evidence.keys)):
        yield Breach(Kind.OTHER, f"{key} has a row and was not listed")


def nothing_written_is_lost(evidence: Evidence) -> Iterator[Breach]:
    """What was whole at a kill is there afterwards, byte for byte and in its place."""
    for number, kill in enumerate(evidence.history.kills, start=1):
        if not evidence.files.rows.startswith(kill.files.rows):
            yield Breach(Kind.LOST, f"rows that were there at kill {number} were changed or taken back")
        if not evidence.files.journal.startswith(kill.files.journal):
            yield Breach(Kind.OTHER, f"the journal before kill {number} was changed or taken back")


def no_second_start_of_what_was_accepted(evidence: Evidence) -> Iterator[Breach]:
    """No machine is started again once our files tell of it; Azure takes two where one is in doubt."""
    known = known_since(evidence)
    for key, posts in evidence.history.account.posts.items():
        late = [post.at for post in posts if post.at > known.get(key, post.at) + CLOCKS_S]
        accepted = sum(post.is_accepted for post in posts)
        if late:
            after_s = late[0] - known[key]
            yield Breach(Kind.SECOND_START, f"{key} was started {after_s:.3f} s after it was known")
        elif accepted > (MOST_IN_DOUBT if evidence.in_doubt[key] else 1):
            yield Breach(Kind.SECOND_START, f"Azure accepted {accepted} starts of {key}")


def one_more_start_where_a_fate_is_unknown(evidence: Evidence) -> Iterator[Breach]:
    """By our own account nothing more than one start follows one of unknown fate."""
    for key, count in evidence.in_doubt.items():
        if count > MOST_IN_DOUBT:
            yield Breach(Kind.OTHER, f"{key} was started {count} times without learning what became of it")


def nothing_running_is_ended(evidence: Evidence) -> Iterator[Breach]:
    """No start ends an assessment that is known to run, nor, where that could be seen, an installation."""
    account = evidence.history.account
    for key in account.superseded:
        if not evidence.in_doubt[key]:
            yield Breach(Kind.OTHER, f"{key}: a start superseded one whose fate was known")
    if not any(COULD_NOT_LOOK in life.said for life in evidence.history.lives):
        for key in account.installations_killed:
            yield Breach(Kind.OTHER, f"{key}: its installation was ended")


def every_request_has_the_token(evidence: Evidence) -> Iterator[Breach]:
    """None came without it, or with another."""
    if count := evidence.history.account.unauthorized:
        yield Breach(Kind.OTHER, f"{count} requests came without the token")


def rows_tell_the_truth(evidence: Evidence) -> Iterator[Breach]:
    """An assessed machine has the counts that Azure's own result has, and no row is our own fault."""
    for row in evidence.rows:
        true = evidence.history.account.counts.get(row["resource_id"].lower())
        told = [row["critical_and_security_count"], row["other_count"]]
        if row["outcome"] == "assessed" and told != true:
            yield Breach(Kind.OTHER, f"{row['name']}: {told} was written for {true}")
        if row["reason"] == "internal_error":
            yield Breach(Kind.OTHER, f"{row['name']}: {row['error']}")


def processes_end_as_they_should(evidence: Evidence) -> Iterator[Breach]:
    """Killed, stopped by a fault, or complete; a directory is never left locked."""
    expected = (-signal.SIGKILL, 0, 3, *(STOPPED if evidence.history.scenario.faults_pct else ()))
    for number, life in enumerate(evidence.history.lives, start=1):
        if life.code not in expected:
            yield Breach(Kind.OTHER, f"process {number} ended with {life.code}: {life.said[-500:]}")


def a_second_scan_is_refused(evidence: Evidence) -> Iterator[Breach]:
    """While one is at work another leaves with 2, and touches nothing."""
    for number, life in enumerate(evidence.history.lives, start=1):
        second = life.second
        if second is not None and (second.code != 2 or second.changed):
            did = ", having changed files" if second.changed else ""
            yield Breach(Kind.OTHER, f"a second scan beside process {number} ended with {second.code}{did}")


CHECKS: tuple[Check, ...] = (
    files_keep_the_contract,
    one_row_a_machine,
    nothing_written_is_lost,
    no_second_start_of_what_was_accepted,
    one_more_start_where_a_fate_is_unknown,
    nothing_running_is_ended,
    every_request_has_the_token,
    rows_tell_the_truth,
    processes_end_as_they_should,
    a_second_scan_is_refused,
)


def rows_of(files: Files) -> list[dict[str, Any]]:
    """The whole rows among `files`."""
    return [orjson.loads(line) for line in files.rows.splitlines()]


def known_since(evidence: Evidence) -> dict[str, float]:
    """When each machine was known to be started or to have ended, in seconds since 1970.

    By the journal's own word, and by the rows that were there at a kill.
    """
    known = {
        evidence.keys[line["vm"]]: float(line["at"])
        for line in evidence.journal
        if line["event"] == "accepted"
    }
    for kill in evidence.history.kills:
        for row in rows_of(kill.files):
            known.setdefault(row["resource_id"].lower(), kill.at)
    return known
