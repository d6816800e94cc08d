"""journal.jsonl, read back: what an earlier process knew, machine by machine, when it ended.

Only a last line may be torn; any other that `journal` cannot have written is told in a sentence. Times are
seconds since 1970, as in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from fleetscan import json_text
from fleetscan.errors import CannotResumeError
from fleetscan.inventory.machines import parse_vm_id
from fleetscan.model import InventoryError, Json, Outcome, Reason, Target
from fleetscan.records.machine_facts import shared_facts
from fleetscan.records.row import CountedRow
from fleetscan.records.run import Scope
from fleetscan.runs.journal import SCHEMA

REQUESTS = ("list", "start", "poll", "other", "throttled", "retried")
TARGET_FACTS = tuple(each.name for each in fields(Target))
# What a fact may be that is not a text or null.
FACT_TYPES: Mapping[str, type] = {
    "resource_id": str,
    "subscription_id": str,
    "resource_group": str,
    "name": str,
    "tags": dict,
    "facts": dict,
}
COUNTED_TYPES: Mapping[str, type] = {
    "outcome": str,
    "reason": str,
    "status": str,
    "critical_and_security_count": int,
    "other_count": int,
    "reboot_pending": bool,
    "patches_complete": bool,
}
# The year 5138: no process of ours is at work so late, and sums with larger moments overflow.
LATEST = 1e11


@dataclass(slots=True)
class Begun:
    """What is known of a machine whose start was sent and that has not ended.

    `in_doubt` starts brought no answer; `posted_at` is when the first of those was sent, or the accepted one.
    `urls` are those of an accepted operation, in the words of `OperationUrls.as_json`.
    """

    starts: int = 0
    in_doubt: int = 0
    posted_at: float = 0.0
    accepted_at: float | None = None
    urls: Mapping[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class Story:
    """All that a journal tells. `first` is what the first process said when it set to work.

    `targets` are the listing in its order, complete when `is_listed`; `ended` has what the totals need of
    each row, by machine, and `row_ends` the byte where it ends. `spent_s` is how long the processes worked,
    `size_bytes` what of the file is whole.
    """

    first: Mapping[str, Json]
    targets: list[Target] = field(default_factory=list)
    errors: list[InventoryError] = field(default_factory=list)
    scope: Scope | None = None
    is_listed: bool = False
    begun: dict[int, Begun] = field(default_factory=dict)
    ended: dict[int, CountedRow] = field(default_factory=dict)
    row_ends: dict[int, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REQUESTS, 0))
    spent_s: float = 0.0
    size_bytes: int = 0
    # Of the process that wrote the lines being read: its requests so far, and its first and last moment.
    _requests: Mapping[str, int] = field(default_factory=dict)
    _began_at: float = 0.0
    _last_at: float = 0.0

    @property
    def is_finished(self) -> bool:
        """Whether every listed machine has its row."""
        return self.is_listed and len(self.ended) == len(self.targets)

    def leave(self) -> None:
        """The process whose lines were read has ended: add up what it did."""
        self.spent_s += self._last_at - self._began_at
        for name, count in self._requests.items():
            self.requests[name] += count
        self._requests = {}

    def come(self, at: float) -> None:
        """A process sets to work."""
        self.leave()
        self._began_at = self._last_at = at
        if not self.is_listed:
            self.targets.clear()

    def count(self, requests: Mapping[str, int], at: float) -> None:
        """The process has sent so many requests so far."""
        self._requests, self._last_at = requests, at

    def see(self, at: float) -> None:
        """The process was at work then."""
        self._last_at = max(self._last_at, at)

    def lose_row(self, number: int) -> None:
        """The machine's row did not reach the disk: it has not ended."""
        del self.ended[number], self.row_ends[number]


def read_journal(path: Path) -> Story | None:
    """The story that the journal at `path` tells, None where it has no whole line.

    Raises CannotResumeError, and OSError.
    """
    story: Story | None = None
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                told: Any = json_text.parse(line)
                story = _opened(told, path) if story is None else story
                TOLD[told["event"]](story, told)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                why = f"line {number} of its journal cannot be read; scan anew into another directory"
                raise CannotResumeError(str(path.parent), why) from error
            story.size_bytes += len(line)
    if story is not None:
        story.leave()
    return story


def _opened(told: dict[str, Any], path: Path) -> Story:
    if told["schema"] != SCHEMA:
        why = f"its journal is {told['schema']}, not {SCHEMA}; use the fleetscan that wrote it"
        raise CannotResumeError(str(path.parent), why)
    if told["event"] != "begun" or not isinstance(told["scan_id"], str):
        raise ValueError("it does not begin with a process that sets to work")
    if not isinstance(told["asked"], dict) or not isinstance(told["principal"], (dict, type(None))):
        raise ValueError("a process sets to work for nobody")
    return Story(told)


def told_row(row: Mapping[str, Json]) -> CountedRow:
    """What the totals need of a row; raises KeyError and ValueError where it is no row of ours."""
    told = {name: row[name] for name in COUNTED_TYPES}
    for name, value in told.items():
        if value is not None and not isinstance(value, COUNTED_TYPES[name]):
            raise ValueError(f"{name} is {value!r:.80}")
    if Outcome(str(told["outcome"])) is Outcome.INTERRUPTED:
        raise ValueError("an interrupted machine has no row")
    if told["reason"] is not None:
        Reason(str(told["reason"]))
    return cast(CountedRow, told)


def _begun(story: Story, told: dict[str, Any]) -> None:
    story.come(_moment(told["at"]))


def _listed(story: Story, told: dict[str, Any]) -> None:
    if not all(isinstance(fact, (str, type(None))) for fact in told["facts"].values()):
        raise ValueError("a fact is no text")
    told["facts"] = shared_facts(told["facts"])
    target = Target(**{name: told[name] for name in TARGET_FACTS})
    for name in TARGET_FACTS:
        if not isinstance(value := told[name], FACT_TYPES.get(name, (str, type(None)))):
            raise ValueError(f"{name} is {value!r:.80}")
    if not all(isinstance(text, str) for text in target.tags.values()):
        raise ValueError("a tag is no text")
    parse_vm_id(target.resource_id)
    story.targets.append(target)


def _listing(story: Story, told: dict[str, Any]) -> None:
    if told["machines"] != len(story.targets) or not isinstance(told["scope"], dict):
        raise ValueError("machines are missing")
    story.errors = [InventoryError(**error) for error in told["errors"]]
    story.scope = cast(Scope, told["scope"])
    story.is_listed = True


def _starting(story: Story, told: dict[str, Any]) -> None:
    begun = story.begun.setdefault(_number(story, told), Begun())
    at = _moment(told["at"])
    begun.starts += 1
    begun.in_doubt += 1
    if begun.in_doubt == 1:
        begun.posted_at = at
    story.see(at)


def _not_taken(story: Story, told: dict[str, Any]) -> None:
    story.begun[told["vm"]].in_doubt -= 1


def _accepted(story: Story, told: dict[str, Any]) -> None:
    begun = story.begun[told["vm"]]
    begun.in_doubt -= 1
    begun.posted_at, begun.accepted_at, begun.urls = _moment(told["posted_at"]), _moment(told["at"]), told
    story.see(begun.accepted_at)


def _moved(story: Story, told: dict[str, Any]) -> None:
    story.begun[told["vm"]].urls = told


def _ended(story: Story, told: dict[str, Any]) -> None:
    number = _number(story, told)
    story.begun.pop(number, None)
    story.ended[number] = told_row(told["row"])
    story.row_ends[number] = _whole(told["row_ends_at"])


def _row_lost(story: Story, told: dict[str, Any]) -> None:
    story.lose_row(_number(story, told))


def _counted(story: Story, told: dict[str, Any]) -> None:
    story.count({name: _whole(told["requests"][name]) for name in REQUESTS}, _moment(told["at"]))


def _number(story: Story, told: dict[str, Any]) -> int:
    """The machine that a line is about, by its place in the listing."""
    number = _whole(told["vm"])
    if not story.is_listed or number >= len(story.targets):
        raise ValueError("no such machine was listed")
    return number


def _whole(value: Json) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a whole number from 0")
    return value


def _moment(value: Json) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value < LATEST:
        raise ValueError("not a moment")
    return value


TOLD: Mapping[str, Callable[[Story, dict[str, Any]], None]] = {
    "begun": _begun,
    "listed": _listed,
    "listing": _listing,
    "starting": _starting,
    "not_taken": _not_taken,
    "accepted": _accepted,
    "moved": _moved,
    "ended": _ended,
    "row_lost": _row_lost,
    "counted": _counted,
}
