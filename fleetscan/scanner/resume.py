"""A run that an earlier process left unfinished: which VMs have finished, and how the others continue.

An accepted operation is followed and never started again. If it is unknown whether Azure accepted a start,
the VM is checked before another one is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fleetscan.azure.credentials import TokenSource
from fleetscan.engine.operation import Before, Operation
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.engine.rules import OperationRules
from fleetscan.inventory.listing import Fleet
from fleetscan.model import Target
from fleetscan.records.asked import Selection
from fleetscan.records.row import CountedRow
from fleetscan.records.story import Begun, Story
from fleetscan.records.times import WallClock
from fleetscan.scanner.asking import selection_of
from fleetscan.settings.declared import Settings

# The keys of a selection.
SELECTING = tuple(selection_of(Settings()))
OTHER_PRINCIPAL = (
    "another identity started this run, and only that one can poll its assessments: "
    "their results are taken from the VMs and Resource Graph instead"
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
    _at_once: dict[str, OperationRules] = field(default_factory=dict)

    @classmethod
    def of(cls, story: Story, tokens: TokenSource | None) -> Resumption:
        """The resumption of what `story` tells, with the token that `tokens` hands out now."""
        story.drop_unused_listing()
        was, now = story.principal, tokens.principal() if tokens else None
        is_other = was is not None and now is not None and _is_other(was, now)
        return cls(story.scan_id, story, is_other, story.ended, story.requests, story.spent_s)

    @property
    def is_listed(self) -> bool:
        """Whether the whole fleet is known."""
        return self.story is not None and self.story.is_listed

    @property
    def listed(self) -> Sequence[Target]:
        """The VMs that were listed, all of them or not."""
        return () if self.story is None else self.story.targets

    @property
    def selection(self) -> Selection | None:
        """What its first process was asked for, as far as this version knows it; None for a new run."""
        if self.story is None:
            return None
        return {name: self.story.asked.get(name) for name in SELECTING}

    @property
    def has_running(self) -> bool:
        """Whether it started assessments that may still run."""
        return self.story is not None and bool(self.story.begun)

    def is_begun(self, number: int) -> bool:
        """Whether the VM was ever started: it has a row, or something to follow."""
        return self.story is not None and (number in self.story.ended or number in self.story.begun)

    @property
    def warning(self) -> str | None:
        """What a person should know about it."""
        running = [] if self.story is None else self.story.begun.values()
        is_affected = self.is_other_principal and any(begun.accepted_at is not None for begun in running)
        return OTHER_PRINCIPAL if is_affected else None

    @property
    def has_accepted(self) -> bool:
        """Whether Azure ever took a start of this run, or may have."""
        if self.story is None:
            return False
        return bool(self.story.ended) or any(begun.is_followed for begun in self.story.begun.values())

    def began_at(self, clock: WallClock) -> float:
        """When the run began, in this process's clock; never in its future."""
        if self.story is None:
            return clock.monotonic
        return min(clock.since_epoch(self.story.began_at), clock.monotonic)

    def started_at(self, clock: WallClock) -> str:
        """When the run began, as records write it."""
        if self.story is None:
            return clock.iso(clock.monotonic)
        return clock.iso(clock.since_epoch(self.story.began_at))

    def fleet(self) -> Fleet:
        """The fleet as it was listed."""
        assert self.story is not None
        return Fleet(list(self.story.targets), errors=self.story.errors, listed_scope=self.story.scope)

    def operation(
        self, number: int, target: Target, rules: OperationRules, last_s: float | None, clock: WallClock
    ) -> Operation:
        """How a VM without a row continues."""
        begun = None if self.story is None else self.story.begun.get(number)
        if begun is None and self.story is not None and self.story.is_behind:
            return self._looked_at(number, target, rules, clock)
        if begun is None:
            return Operation(target, rules, last_s, number)
        before = _before(begun, clock)
        if begun.accepted_at is not None and begun.urls is not None:
            urls = OperationUrls.of(begun.urls, rules.endpoint, rules.origin)
            if urls is not None and not self.is_other_principal:
                return Operation.attached(target, rules, number, before, urls)
        elif not begun.in_doubt:
            return Operation(target, rules, last_s, number, before=before)
        return Operation.in_doubt(target, rules, number, before)

    def beside(self, number: int, target: Target, rules: OperationRules, clock: WallClock) -> Operation:
        """A VM that an assessment holds which this run does not tell of: another's, or a lost process's.

        Another's is ended by a start once it has had its time; what may be ours never is.
        """
        if self.story is not None and self.story.is_behind:
            return self._looked_at(number, target, rules, clock)
        return Operation.beside(target, rules, number, self.began_at(clock))

    def _looked_at(self, number: int, target: Target, rules: OperationRules, clock: WallClock) -> Operation:
        """A VM that a lost process may have started: read first, and started at once where it did not.

        Whatever began since the run did counts, so that clocks that differ a little start nothing twice.
        """
        before = Before(0, 0, self.began_at(clock))
        # What was started had the time of a lease to show.
        at_once = self._at_once.setdefault("rules", replace(rules, unknown_start_wait_s=0.0))
        return Operation.in_doubt(target, at_once, number, before)


def _before(begun: Begun, clock: WallClock) -> Before:
    """`begun` in this process's clock; nothing lies in the future, even if the wall clock was set back."""
    now = clock.monotonic
    accepted_at = None if begun.accepted_at is None else min(clock.since_epoch(begun.accepted_at), now)
    posted_at = min(clock.since_epoch(begun.posted_at), now)
    return Before(begun.starts, begun.in_doubt, posted_at, accepted_at, may_start_again=begun.may_start_again)


def _is_other(was: Mapping[str, str | None], now: Mapping[str, str | None]) -> bool:
    """Whether two tokens are clearly of two identities; a claim that is missing in one of them is ignored."""
    told = [(was.get(name), now.get(name)) for name in ("object_id", "app_id", "tenant_id")]
    return any(one and other and one != other for one, other in told)
