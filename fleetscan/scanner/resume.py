"""What an earlier process left of a run, as this one takes it up: who has ended, and how the others go on.

An accepted operation is followed and never started again; a start whose fate is unknown is read after first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fleetscan.azure.credentials import TokenSource
from fleetscan.engine.operation import Before, Operation
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.engine.rules import OperationRules
from fleetscan.errors import UsageError
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Json, Target
from fleetscan.records.row import CountedRow
from fleetscan.records.times import WallClock
from fleetscan.runs.directory import JOURNAL
from fleetscan.runs.stdout_rows import reason
from fleetscan.runs.story import Begun, Story, read_journal

OTHER_PRINCIPAL = (
    "another identity began this run, and its operations cannot be read by this one: "
    "what became of them is read from the machines and from Resource Graph"
)


@dataclass(frozen=True, slots=True)
class Resumption:
    """A run that an earlier process began, or one that begins now where `story` is None.

    `is_other_principal` says that its operations are not ours to read.
    """

    scan_id: str
    story: Story | None = None
    is_other_principal: bool = False
    ended: Mapping[int, CountedRow] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    spent_s: float = 0.0

    @classmethod
    def of(cls, story: Story, tokens: TokenSource | None) -> Resumption:
        """The resumption of what `story` tells, with the token that `tokens` hands out now."""
        was, now = story.first["principal"], tokens.principal() if tokens else None
        is_other = isinstance(was, dict) and now is not None and _is_other(was, now)
        scan_id = str(story.first["scan_id"])
        return cls(scan_id, story, is_other, story.ended, story.requests, story.spent_s)

    @property
    def is_listed(self) -> bool:
        """Whether the whole fleet is known."""
        return self.story is not None and self.story.is_listed

    def is_begun(self, number: int) -> bool:
        """Whether the machine was ever started; it has a row, or something to be followed."""
        return self.story is not None and (number in self.story.ended or number in self.story.begun)

    @property
    def warning(self) -> str | None:
        """What a person should know of it."""
        running = [] if self.story is None else self.story.begun.values()
        is_affected = self.is_other_principal and any(begun.accepted_at is not None for begun in running)
        return OTHER_PRINCIPAL if is_affected else None

    @property
    def has_accepted(self) -> bool:
        """Whether Azure ever took a start of this run."""
        return self.story is not None and bool(self.story.ended or self.story.begun)

    def started_at(self, clock: WallClock) -> str:
        """When the run began, as records write it."""
        if self.story is None:
            return clock.iso(clock.monotonic)
        at = self.story.first["at"]
        assert isinstance(at, (int, float))
        return clock.iso(clock.since_epoch(at))

    def fleet(self) -> Fleet:
        """The fleet as it was listed."""
        assert self.story is not None
        return Fleet(list(self.story.targets), errors=self.story.errors, listed_scope=self.story.scope)

    def operation(
        self, number: int, target: Target, rules: OperationRules, last_s: float | None, clock: WallClock
    ) -> Operation:
        """How the machine goes on, which has not ended."""
        begun = None if self.story is None else self.story.begun.get(number)
        if begun is None:
            return Operation(target, rules, last_s, number)
        before = _before(begun, clock)
        if begun.accepted_at is not None:
            urls = OperationUrls.of_json(begun.urls, rules.endpoint, rules.origin)
            if urls is not None and not self.is_other_principal:
                return Operation.attached(target, rules, number, before, urls)
        elif not begun.in_doubt:
            return Operation(target, rules, last_s, number, before=before)
        return Operation.in_doubt(target, rules, number, before)


def _before(begun: Begun, clock: WallClock) -> Before:
    """`begun` by this process's clock; a wall clock that was set back since makes nothing happen later."""
    now = clock.monotonic
    accepted_at = None if begun.accepted_at is None else min(clock.since_epoch(begun.accepted_at), now)
    return Before(begun.starts, begun.in_doubt, min(clock.since_epoch(begun.posted_at), now), accepted_at)


def _is_other(was: Mapping[str, Json], now: Mapping[str, str | None]) -> bool:
    """Whether two tokens are plainly two identities': what a token does not tell decides nothing."""
    told = [(was.get(name), now.get(name)) for name in ("object_id", "app_id", "tenant_id")]
    return any(one and other and one != other for one, other in told)


def retried_fleet(run: str) -> Fleet:
    """The machines of the run at `run` that did not end assessed, as they were listed then.

    What is known of their power state is old: they are asked. Raises UsageError where there is no such run.
    """
    try:
        story = read_journal(Path(run) / JOURNAL)
    except OSError as error:
        raise UsageError(f"--retry-failed {run} holds no run that can be read ({reason(error)})") from error
    if story is None or not story.is_listed:
        raise UsageError(f"--retry-failed {run} was ended before its fleet was listed; scan anew")
    if not story.is_finished:
        # Its assessments may run still, and another start would end them.
        raise UsageError(f"--retry-failed {run} has not ended yet; first go on with it: --out {run} --resume")
    assessed = {number for number, row in story.ended.items() if row["outcome"] == "assessed"}
    targets = [
        replace(target, power_state=None)
        for number, target in enumerate(story.targets)
        if number not in assessed
    ]
    return Fleet(targets, listed_scope=story.scope)
