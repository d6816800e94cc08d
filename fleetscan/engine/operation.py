"""One assessment as a state machine: the accepted start, the polls, the result, the end.

It says what to ask next and when, and never sends. The rules are those of ARM's long-running operations:
Azure-AsyncOperation before Location, the newest Location followed, two layers of status kept apart.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from fleetscan.engine import verdicts
from fleetscan.engine.pacing import MIN_POLL_SPACING_S, Watch
from fleetscan.engine.replies import (
    ThrottleScope,
    azure_seconds,
    is_not_taken,
    is_weather,
    parse_object,
    retry_after_s,
    text_of,
    throttle_delay_s,
    throttle_scope,
)
from fleetscan.engine.rules import (
    MAX_CONFLICTS,
    MAX_LATE_FAILURES,
    MAX_NOT_FOUND,
    MAX_UNKNOWN_STARTS,
    MIN_START_SPACING_S,
    NOT_FOUND_WAIT_S,
    UNKNOWN_START_WAIT_S,
    OperationRules,
)
from fleetscan.engine.trail import Trail
from fleetscan.engine.urls import assess_url
from fleetscan.model import (
    Ending,
    Json,
    OperationTrace,
    Reason,
    Reply,
    Request,
    RequestKind,
    Stage,
    Target,
    Turn,
)

TERMINAL_WORDS = frozenset({"succeeded", "failed", "canceled"})


class Operation:
    """The assessment of one machine; `ending` is set when `receive` returns None.

    One status read is outstanding at most, and never a second start while an accepted one is unresolved.
    """

    __slots__ = (
        "_accepted_at",
        "_azure_end_time",
        "_azure_start_time",
        "_failures",
        "_last_s",
        "_late_failures",
        "_not_found",
        "_polls",
        "_rules",
        "_stage",
        "_starts",
        "_throttled",
        "_throttled_in_a_row",
        "_trail",
        "_unsure_starts",
        "_watch",
        "ending",
        "target",
    )

    ending: Ending
    _watch: Watch

    def __init__(self, target: Target, rules: OperationRules, last_s: float | None = None) -> None:
        """`last_s` is how long the machine's assessment took last time, where that is known."""
        self.target = target
        self._last_s = last_s
        self._rules = rules
        self._stage = Stage.START
        self._trail = Trail()
        self._accepted_at: float | None = None
        self._azure_start_time: str | None = None
        self._azure_end_time: str | None = None
        self._starts = self._polls = self._throttled = 0
        self._failures = self._throttled_in_a_row = self._late_failures = 0
        self._not_found = self._unsure_starts = 0

    @property
    def stage(self) -> Stage:
        """Where on its way the operation is."""
        return self._stage

    def begin(self, now: float) -> Turn:
        """The start."""
        return self._start(0.0)

    def request(self) -> Request:
        """What the operation wants sent now."""
        rules = self._rules
        if self._stage is Stage.START:
            return Request("POST", assess_url(rules.endpoint, self.target.resource_id, rules.api_version))
        trail = self._trail
        is_status = self._stage is Stage.POLL and trail.status_url
        return Request("GET", trail.status_url if is_status else trail.location_url())

    def wait_s(self, now: float) -> float:
        """How much longer the next look can wait, by what other operations have taught meanwhile."""
        age_s = self._age_s(now)
        return min(self._rules.pacing.rethink_s(self._watch, age_s), self._rules.timeout_s - age_s)

    def receive(self, reply: Reply, sent_at: float, now: float) -> Turn | None:
        """What to ask after `reply`; None at the end, with `ending` set."""
        if reply.status == 429:
            self._throttled += 1
            self._throttled_in_a_row += 1
        if self._stage is Stage.START:
            self._starts += 1
            step = self._after_start(reply, now)
        else:
            self._polls += 1
            step = self._after_read(reply, sent_at, now)
        if isinstance(step, Turn):
            return step
        self.ending = replace(step, trace=self.trace(now))
        return None

    def trace(self, now: float) -> OperationTrace:
        """The operation's course, as of an end at `now`."""
        accepted_at = self._accepted_at
        return OperationTrace(
            started_at=accepted_at,
            finished_at=None if accepted_at is None else now,
            azure_start_time=self._azure_start_time,
            azure_end_time=self._azure_end_time,
            starts=self._starts,
            polls=self._polls,
            throttled=self._throttled,
        )

    # The start

    def _start(self, after_s: float) -> Turn:
        return self._turn(RequestKind.START, after_s, is_retry=self._starts > 0)

    def _turn(
        self, kind: RequestKind, after_s: float, *, is_retry: bool = False, may_wait: bool = False
    ) -> Turn:
        target = self.target
        subscription_id = lowered(target.subscription_id)
        return Turn(kind, subscription_id, target.location or "", after_s, is_retry, may_wait)

    def _after_start(self, reply: Reply, now: float) -> Turn | Ending:
        match reply.status:
            case 202:
                return self._accept(reply, now)
            case 200:
                self._accepted_at = now
                return self._judge(reply, parse_object(reply.body))
            case 204:
                return verdicts.no_result(reply, Stage.START, "the assessment ended at once and told nothing")
            case 409:
                return self._start_again_after_conflict(reply)
        if not is_weather(reply):
            return verdicts.refusal(reply, Stage.START)
        return self._start_again(reply)

    def _start_again_after_conflict(self, reply: Reply) -> Turn | Ending:
        """Another operation holds the machine: it may soon let go, unless Azure says that it is no use."""
        ending = verdicts.refusal(reply, Stage.START)
        self._failures += 1
        if ending.reason is not Reason.CONFLICT or self._failures >= MAX_CONFLICTS:
            return ending
        floor_s = max(MIN_START_SPACING_S, retry_after_s(reply.headers) or 0.0)
        return self._start(self._rules.retrying.delay_s(self._failures, floor_s))

    def _start_again(self, reply: Reply) -> Turn | Ending:
        """After weather: soon where Azure cannot have taken the start, later and once where it may have."""
        retrying = self._rules.retrying
        if reply.status == 429:
            if self._throttled_in_a_row >= retrying.throttled_attempts:
                return verdicts.exhausted(reply, Stage.START)
            is_own = throttle_scope(reply) is ThrottleScope.MACHINE
            asked_s = max(throttle_delay_s(reply) or 0.0, MIN_START_SPACING_S if is_own else 0.0)
            return self._start(retrying.delay_s(self._throttled_in_a_row, asked_s))
        self._failures += 1
        floor_s = retry_after_s(reply.headers)
        if not is_not_taken(reply):
            self._unsure_starts += 1
            floor_s = max(UNKNOWN_START_WAIT_S, floor_s or 0.0)
        if self._failures >= retrying.attempts or self._unsure_starts >= MAX_UNKNOWN_STARTS:
            return verdicts.exhausted(reply, Stage.START)
        return self._start(retrying.delay_s(self._failures, floor_s))

    def _accept(self, reply: Reply, now: float) -> Turn | Ending:
        self._accepted_at = now
        self._watch = self._rules.pacing.watch(self.target.os_type, self._last_s)
        if refused := self._follow_headers(reply):
            return refused
        if not self._trail.status_url and not self._trail.location_url():
            why = "Azure accepted the start and gave no URL under which to follow it"
            return verdicts.malformed(reply, Stage.START, why)
        self._stage = Stage.POLL
        self._failures = self._throttled_in_a_row = 0
        return self._look_later(reply, now)

    def _follow_headers(self, reply: Reply) -> Ending | None:
        """Take the operation's newest URLs from `reply`; an Ending when one leads away from Azure."""
        astray = self._trail.take(reply, self._rules.endpoint, self._rules.origin)
        return None if astray is None else verdicts.malformed(reply, self._stage, astray)

    # The reads

    def _read(self, after_s: float, *, is_retry: bool = False) -> Turn:
        kind = RequestKind.POLL if self._stage is Stage.POLL else RequestKind.RESULT
        return self._turn(kind, after_s, is_retry=is_retry)

    def _after_read(self, reply: Reply, sent_at: float, now: float) -> Turn | Ending:
        if is_weather(reply):
            return self._read_again(reply, sent_at)
        if reply.status == 404:
            return self._after_not_found(reply)
        if reply.status == 204:
            return verdicts.no_result(reply, self._stage, "the operation ended and told nothing")
        if reply.status not in (200, 201, 202):
            return verdicts.refusal(reply, self._stage)
        body = parse_object(reply.body)
        is_status = self._stage is Stage.POLL and self._trail.status_url
        if is_status and body is not None and (reply.status != 202 or "status" in body):
            return self._after_status(reply, body, sent_at, now)
        if reply.status == 202:
            return self._follow_headers(reply) or self._still_running(reply, sent_at, now)
        return self._read_again(reply, sent_at) if body is None else self._judge(reply, body)

    def _after_status(self, reply: Reply, body: dict[str, Json], sent_at: float, now: float) -> Turn | Ending:
        """A 200 of Azure-AsyncOperation: three words end it, every other word means still running."""
        status = body.get("status")
        if not isinstance(status, str):
            return self._read_again(reply, sent_at)
        self._azure_start_time = text_of(body.get("startTime")) or self._azure_start_time
        self._azure_end_time = text_of(body.get("endTime"))
        word = status.lower()
        if word not in TERMINAL_WORDS:
            return self._follow_headers(reply) or self._still_running(reply, sent_at, now)
        self._teach()
        if word == "succeeded":
            return self._after_success(reply, body)
        return verdicts.operation_ended_badly(reply, body, canceled=word == "canceled")

    def _teach(self) -> None:
        """Tell how long the operation took by Azure's own clock, where Azure told."""
        started, ended = azure_seconds(self._azure_start_time), azure_seconds(self._azure_end_time)
        if started is not None and ended is not None and ended > started:
            self._rules.pacing.ended(self._watch, ended - started)

    def _after_success(self, reply: Reply, body: dict[str, Json]) -> Turn | Ending:
        """The result is in the status body nearly always; only where it is not, Location is read for it."""
        properties = body.get("properties")
        output = properties.get("output") if isinstance(properties, dict) else None
        if isinstance(output, dict):
            return verdicts.assessment(reply, output)
        if refused := self._follow_headers(reply):
            return refused
        if not self._trail.location_url():
            why = "the operation succeeded without a result and without a Location to read it from"
            return verdicts.no_result(reply, Stage.POLL, why)
        self._stage = Stage.RESULT
        self._clear()
        return self._read(0.0)

    def _judge(self, reply: Reply, result: dict[str, Json] | None) -> Ending:
        if result is None:
            return verdicts.malformed(reply, self._stage, "the assessment's result is not a JSON object")
        return verdicts.assessment(reply, result)

    def _still_running(self, reply: Reply, sent_at: float, now: float) -> Turn | Ending:
        """Timed out when this was asked after the operation's time, else one more look."""
        self._clear()
        if self._left_s(sent_at) <= 0.0:
            return verdicts.timed_out(reply, self._stage, self._rules.timeout_s)
        if self._stage is Stage.RESULT:
            # It has ended: only its result is not there yet.
            return self._read(max(MIN_POLL_SPACING_S, retry_after_s(reply.headers) or 0.0))
        self._rules.pacing.running(self._watch, self._age_s(sent_at))
        return self._look_later(reply, now)

    def _look_later(self, reply: Reply, now: float) -> Turn:
        """The next look, no sooner than Azure asks and no later than the operation's time."""
        pacing, age_s = self._rules.pacing, self._age_s(now)
        may_wait = pacing.may_wait(self._watch)
        planned_s = (pacing.rethink_s if may_wait else pacing.look_s)(self._watch, age_s)
        in_time_s = min(planned_s, max(self._left_s(now), MIN_POLL_SPACING_S))
        after_s = max(in_time_s, retry_after_s(reply.headers) or 0.0)
        return self._turn(RequestKind.POLL, after_s, may_wait=may_wait)

    def _age_s(self, now: float) -> float:
        """How long ago Azure accepted the start."""
        assert self._accepted_at is not None
        return now - self._accepted_at

    def _read_again(self, reply: Reply, sent_at: float) -> Turn | Ending:
        """The read failed, which says nothing about the operation: again, within bounds."""
        retrying = self._rules.retrying
        if self._left_s(sent_at) <= 0.0:
            self._late_failures += 1
            if self._late_failures >= MAX_LATE_FAILURES:
                return verdicts.timed_out(reply, self._stage, self._rules.timeout_s)
        if reply.status == 429:
            if self._throttled_in_a_row >= retrying.throttled_attempts:
                return verdicts.exhausted(reply, self._stage)
            failures, floor_s = self._throttled_in_a_row, throttle_delay_s(reply)
        else:
            self._failures += 1
            if self._failures >= retrying.attempts:
                return verdicts.exhausted(reply, self._stage)
            failures, floor_s = self._failures, retry_after_s(reply.headers)
        return self._read(retrying.delay_s(failures, max(floor_s or 0.0, MIN_POLL_SPACING_S)), is_retry=True)

    def _after_not_found(self, reply: Reply) -> Turn | Ending:
        self._not_found += 1
        if self._not_found >= MAX_NOT_FOUND:
            return verdicts.refusal(reply, self._stage)
        wait_s = max(NOT_FOUND_WAIT_S * self._not_found, retry_after_s(reply.headers) or 0.0)
        return self._read(wait_s, is_retry=True)

    def _clear(self) -> None:
        """A read went through: failures in a row start anew."""
        self._failures = self._throttled_in_a_row = self._not_found = 0

    def _left_s(self, at: float) -> float:
        """Seconds from `at` to the end of the operation's time."""
        return self._rules.timeout_s - self._age_s(at)


@lru_cache(maxsize=10_000)
def lowered(subscription_id: str) -> str:
    """The id in lower case, the same object for all machines of a subscription."""
    return subscription_id.lower()
