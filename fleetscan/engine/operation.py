"""One VM's assessment from its start to its end: a state machine of three phases.

It says what to ask next and when, and never sends. While an accepted start is unresolved no second one is
sent, whatever happens; where it is unknown whether a start arrived, that is found out first. The phases
are the files `start`, `poll` and `recover`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from fleetscan.azure_times import http_time
from fleetscan.engine import outcomes
from fleetscan.engine.arc_list import ArcListing
from fleetscan.engine.last_time import LastBy
from fleetscan.engine.operation_times import OperationTimes
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.engine.phase import Passage, Phase, Preempted, lowered, watched_as
from fleetscan.engine.poll import Polling
from fleetscan.engine.recover import Cause, Recovering, is_small
from fleetscan.engine.recover_arc import ArcRecovering
from fleetscan.engine.recovering import recovery_of
from fleetscan.engine.rules import MAX_UNKNOWN_STARTS, OperationRules
from fleetscan.engine.start import Starting
from fleetscan.model import Ending, OperationTrace, Outcome, Reply, Request, Stage, Target, Turn


@dataclass(frozen=True, slots=True)
class Before:
    """What an earlier process did for a VM; times are seconds of this one's clock, in its past.

    Of the `starts` sent, `starts_in_doubt` brought no answer. `posted_at` is when the first of those was
    sent, or the one that was accepted; `accepted_at` is None where none was. `may_start_again` is false
    once a start followed an accepted one, which another client's had ended.
    """

    starts: int
    starts_in_doubt: int
    posted_at: float
    accepted_at: float | None = None
    may_start_again: bool = True


class Operation:
    """The assessment of one VM; `ending` is set when `receive` returns None.

    `number` is the VM's place in the listing.
    """

    __slots__ = (
        "_accepted_at",
        "_may_start_again",
        "_phase",
        "_polls",
        "_rules",
        "_starts",
        "_throttled",
        "ending",
        "number",
        "target",
    )

    ending: Ending

    def __init__(
        self,
        target: Target,
        rules: OperationRules,
        last_s: float | None = None,
        number: int = 0,
        *,
        phase: Phase | None = None,
        before: Before | None = None,
    ) -> None:
        """`last_s` is how long the VM's assessment took last time, where that is known.

        Where an earlier process left off, `phase` and `before` say where that was.
        """
        self.target = target
        self.number = number
        self._phase = Starting(target, rules, last_s) if phase is None else phase
        self._rules = rules
        self._may_start_again = before is None or before.may_start_again
        self._accepted_at = None if before is None else before.accepted_at
        self._starts = 0 if before is None else before.starts
        self._polls = self._throttled = 0

    @classmethod
    def attached(
        cls, target: Target, rules: OperationRules, number: int, before: Before, urls: OperationUrls
    ) -> Self:
        """The rest of an operation whose start Azure accepted from an earlier process."""
        assert before.accepted_at is not None
        posted_at, accepted_at = before.posted_at, before.accepted_at
        subscription = lowered(target.subscription_id)
        watch = rules.pacing.watch(watched_as(target), subscription, accepted_at, is_resumed=True)
        polling = Polling(target, rules, watch, posted_at=posted_at, accepted_at=accepted_at, urls=urls)
        return cls(target, rules, number=number, phase=polling, before=before)

    @classmethod
    def in_doubt(cls, target: Target, rules: OperationRules, number: int, before: Before) -> Self:
        """A VM whose last start an earlier process sent, and that cannot be followed.

        Where it was accepted, or too often in doubt, it is never started again.
        """
        may_start = before.accepted_at is None and before.starts_in_doubt < MAX_UNKNOWN_STARTS
        once_more = Starting.once_more(target, rules, before.posted_at) if may_start else None
        recovering = recovery_of(target, rules, before.posted_at, once_more, outcomes.fate_unknown())
        return cls(target, rules, number=number, phase=recovering, before=before)

    @classmethod
    def beside(cls, target: Target, rules: OperationRules, number: int, since: float) -> Self:
        """A VM that another client's assessment holds: its result counts if it ended after `since`."""
        once_more = Starting.once_more(target, rules, since)
        reading = recovery_of(target, rules, since, once_more, outcomes.nothing_shown(), Cause.HELD)
        return cls(target, rules, number=number, phase=reading)

    @property
    def stage(self) -> Stage:
        """Which stage the operation is in."""
        return self._phase.stage

    @property
    def polling(self) -> Polling | None:
        """The accepted operation that is being followed, if one is."""
        return self._phase if isinstance(self._phase, Polling) else None

    @property
    def expected_s(self) -> float | None:
        """How long the assessment that it is to start probably takes, where that is known."""
        return self._phase.expected_s if isinstance(self._phase, Starting) else None

    def expect(self, last_s: float, last_by: LastBy) -> bool:
        """How long the VM's last assessment took has become known; True where the start waits and did not."""
        match self._phase:
            case Starting() as starting:
                return starting.expect(last_s, last_by)
            case Polling() as polling:
                polling.expect(last_s, last_by)
        return False

    def begin(self, now: float) -> Turn:
        """The start, or where an earlier process left off."""
        match self._phase:
            case Starting() as starting:
                return starting.begin()
            case Polling() as polling:
                return polling.poll_later(None, now)
            case Recovering() | ArcRecovering() as recovering:
                return recovering.begun(now).turn
        raise AssertionError(self._phase)

    def request(self) -> Request:
        """What the operation wants sent now."""
        return self._phase.request()

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """How much longer the next poll can wait."""
        return self._phase.wait_s(now, reads_per_s)

    def receive(self, reply: Reply, sent_at: float, now: float) -> Turn | None:
        """What to ask after `reply`; None at the end, with `ending` set."""
        self._count(reply, now)
        match self._phase.receive(reply, sent_at, now):
            case Turn() as turn:
                return turn
            case Passage(phase, turn):
                self._leave()
                self._phase = phase
                return turn
            case Preempted() as preempted:
                self._leave()
                return self._follow(preempted, now)
            case Ending() as ending:
                return self._end(ending, reply, now)

    def _end(self, ending: Ending, reply: Reply, now: float) -> Turn | None:
        """The end, or the way to an Arc server's list; what is told there has the course that led to it."""
        trace = ending.trace or self.trace(now, http_time(reply.headers.get("date")))
        told, polling = replace(ending, trace=trace), self.polling
        self._leave()
        result = told.assessment if told.outcome is Outcome.ASSESSED else None
        if polling is not None and self._rules.wants_list_of(self.target) and result and is_small(result):
            passage = ArcListing(self.target, self._rules, polling.posted_at, told).begun(now)
            self._phase = passage.phase
            return passage.turn
        self.ending = told
        return None

    def _leave(self) -> None:
        if (polling := self.polling) is not None:
            polling.leave()

    def _follow(self, preempted: Preempted, now: float) -> Turn:
        """Another client's operation holds the VM: its result is read, and one more start is left at most."""
        since, once_more = preempted.posted_at, None
        if self._may_start_again:
            self._may_start_again = False
            once_more = Starting.once_more(self.target, self._rules, since)
        otherwise = preempted.otherwise
        reading = recovery_of(self.target, self._rules, since, once_more, otherwise, Cause.PREEMPTED)
        self._phase, turn = reading, reading.begun(now).turn
        return turn

    @property
    def was_tried(self) -> bool:
        """Whether a start was ever sent for the VM, or something else is known of one."""
        return self._starts > 0 or not isinstance(self._phase, Starting)

    @property
    def is_accepted(self) -> bool:
        """Whether Azure ever accepted a start of it."""
        return self._accepted_at is not None

    def end_unasked(self, ending: Ending) -> None:
        """End as `ending`, because what Azure said of another VM holds for this one."""
        self.ending = ending

    def give_up(self, now: float) -> None:
        """End because the region of the VM does not answer."""
        self._leave()
        ending = outcomes.given_up(self.stage, self.target.location, was_tried=self._starts > 0)
        self.ending = replace(ending, trace=self.trace(now))

    def trace(self, now: float, azure_now: datetime | None = None) -> OperationTrace:
        """The operation's course, as of an end at `now`, which is `azure_now` by the reply's Date."""
        accepted_at, polling = self._accepted_at, self.polling
        times = OperationTimes() if polling is None else polling.times
        return OperationTrace(
            started_at=accepted_at,
            finished_at=None if accepted_at is None else now,
            azure_start_time=times.started,
            azure_end_time=times.ended,
            starts=self._starts,
            polls=self._polls,
            throttled=self._throttled,
            azure_now=azure_now,
            azure_accepted_at=None if polling is None else polling.azure_accepted_at,
            known_at=now,
        )

    def _count(self, reply: Reply, now: float) -> None:
        self._throttled += reply.status == 429
        match self._phase:
            case Starting():
                self._starts += 1
                if reply.status in (200, 202):
                    self._accepted_at = now
            case Polling():
                self._polls += 1
