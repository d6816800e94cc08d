"""journal.jsonl, read back: what an earlier process knew, machine by machine, when it ended.

Only a last line may be torn. Times are seconds since 1970, as in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

from fleetscan.errors import CannotResumeError
from fleetscan.model import InventoryError, Json, Target
from fleetscan.scan.journal import SCHEMA

REQUESTS = ("list", "start", "poll", "other", "throttled", "retried")
TARGET_FACTS = tuple(each.name for each in fields(Target))


@dataclass(slots=True)
class Begun:
    """What is known of a machine whose start was sent and that has not ended.

    `in_doubt` starts brought no answer; `posted_at` is when the first of those was sent, or the accepted one.
    `urls` are those of an accepted operation, in the words of `Trail.as_json`.
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
    scope: Mapping[str, Json] = field(default_factory=dict)
    is_listed: bool = False
    begun: dict[int, Begun] = field(default_factory=dict)
    ended: dict[int, Mapping[str, Json]] = field(default_factory=dict)
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
                told = orjson.loads(line)
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
    return Story(told)


def _begun(story: Story, told: dict[str, Any]) -> None:
    story.come(told["at"])


def _listed(story: Story, told: dict[str, Any]) -> None:
    story.targets.append(Target(**{name: told[name] for name in TARGET_FACTS}))


def _listing(story: Story, told: dict[str, Any]) -> None:
    if told["machines"] != len(story.targets):
        raise ValueError("machines are missing")
    story.errors = [InventoryError(**error) for error in told["errors"]]
    story.scope = told["scope"]
    story.is_listed = True


def _starting(story: Story, told: dict[str, Any]) -> None:
    begun = story.begun.setdefault(told["vm"], Begun())
    begun.starts += 1
    begun.in_doubt += 1
    if begun.in_doubt == 1:
        begun.posted_at = told["at"]
    story.see(told["at"])


def _not_taken(story: Story, told: dict[str, Any]) -> None:
    story.begun[told["vm"]].in_doubt -= 1


def _accepted(story: Story, told: dict[str, Any]) -> None:
    begun = story.begun[told["vm"]]
    begun.in_doubt -= 1
    begun.posted_at, begun.accepted_at, begun.urls = told["posted_at"], told["at"], told
    story.see(told["at"])


def _moved(story: Story, told: dict[str, Any]) -> None:
    story.begun[told["vm"]].urls = told


def _ended(story: Story, told: dict[str, Any]) -> None:
    story.begun.pop(told["vm"], None)
    story.ended[told["vm"]] = told["row"]
    story.row_ends[told["vm"]] = told["row_ends_at"]


def _counted(story: Story, told: dict[str, Any]) -> None:
    story.count({name: int(told["requests"][name]) for name in REQUESTS}, told["at"])


TOLD: Mapping[str, Callable[[Story, dict[str, Any]], None]] = {
    "begun": _begun,
    "listed": _listed,
    "listing": _listing,
    "starting": _starting,
    "not_taken": _not_taken,
    "accepted": _accepted,
    "moved": _moved,
    "ended": _ended,
    "counted": _counted,
}
