"""One assessment as a state machine: the accepted start, the polls, the result, the end.

It says what to ask next and when, and never sends. The rules are those of ARM's long-running operations:
Azure-AsyncOperation before Location, the newest Location followed, two layers of status kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetscan.engine import verdicts
from fleetscan.engine.pacing import MIN_POLL_SPACING_S, Pacing
from fleetscan.engine.replies import is_weather, parse_object, retry_after_s, throttle_delay_s
from fleetscan.engine.retrying import Retrying
from fleetscan.engine.urls import assess_url, follow
from fleetscan.model import (
    Ask,
    Ending,
    Fault,
    Json,
    OperationTrace,
    Origin,
    Outcome,
    Reason,
    Reply,
    Request,
    RequestKind,
    Stage,
    Target,
)

# Compute refills two patch operations a minute for one machine.
MIN_START_SPACING_S = 30.0
# A start that broke on its way may have been obeyed, and a second one would supersede it: time to show.
UNKNOWN_START_WAIT_S = 60.0
MAX_UNKNOWN_STARTS = 2
MAX_CONFLICTS = 3
# A fresh operation may not have reached every replica yet.
MAX_NOT_FOUND = 4
NOT_FOUND_WAIT_S = 10.0
# Reads sent after the operation's time is up that may fail before the machine is given up.
MAX_LATE_FAILURES = 3


@dataclass(frozen=True, slots=True)
class OperationRules:
    """What all operations of a scan share. `timeout_s` counts from the accepted start."""

    endpoint: str
    origin: Origin
    api_version: str
    pacing: Pacing
    retrying: Retrying
    timeout_s: float = 1800.0


class Operation:
    """The assessment of one machine; `ending` is set when `receive` returns None.

    One status read is outstanding at most, and never a second start while an accepted one is unresolved.
    """

    __slots__ = (
        "_accepted_at",
        "_azure_end_time",
        "_azure_start_time",
        "_failures",
        "_late_failures",
        "_location",
        "_not_found",
        "_polls",
        "_rules",
        "_stage",
        "_starts",
        "_status_url",
        "_throttled",
        "_throttled_in_a_row",
        "_unsure_starts",
        "ending",
        "target",
    )

    ending: Ending

    def __init__(self, target: Target, rules: OperationRules) -> None:
        self.target = target
        self._rules = rules
        self._stage = Stage.START
        # Azure-AsyncOperation's URL, "" where only a Location was given.
        self._status_url = ""
        self._location = ""
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

    def begin(self, now: float) -> Ask:
        """The start."""
        return self._start(0.0)

    def receive(self, reply: Reply, sent_at: float, now: float) -> Ask | None:
        """What to ask after `reply`; None at the end, with `ending` set."""
        if reply.status == 429:
            self._throttled += 1
            self._throttled_in_a_row += 1
        if self._stage is Stage.START:
            self._starts += 1
            step = self._after_start(reply, now)
        else:
            self._polls += 1
            step = self._after_read(reply, sent_at)
        if isinstance(step, Ask):
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

    def _start(self, after_s: float) -> Ask:
        rules, target = self._rules, self.target
        url = assess_url(rules.endpoint, target.resource_id, rules.api_version)
        request = Request("POST", url)
        region = target.location or ""
        return Ask(
            RequestKind.START, request, target.subscription_id.lower(), region, after_s, self._starts > 0
        )

    def _after_start(self, reply: Reply, now: float) -> Ask | Ending:
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

    def _start_again_after_conflict(self, reply: Reply) -> Ask | Ending:
        """Another operation holds the machine: it may soon let go, unless Azure says that it is no use."""
        ending = verdicts.refusal(reply, Stage.START)
        self._failures += 1
        if ending.reason is not Reason.CONFLICT or self._failures >= MAX_CONFLICTS:
            return ending
        return self._start(self._rules.retrying.delay_s(self._failures, MIN_START_SPACING_S))

    def _start_again(self, reply: Reply) -> Ask | Ending:
        """After weather: soon where Azure cannot have taken the start, later and once where it may have."""
        retrying = self._rules.retrying
        if reply.status == 429:
            if self._throttled_in_a_row >= retrying.throttled_attempts:
                return verdicts.exhausted(reply, Stage.START)
            return self._start(retrying.delay_s(self._throttled_in_a_row, throttle_delay_s(reply)))
        self._failures += 1
        floor_s = retry_after_s(reply.headers)
        if not is_not_taken(reply):
            self._unsure_starts += 1
            floor_s = max(UNKNOWN_START_WAIT_S, floor_s or 0.0)
        if self._failures >= retrying.attempts or self._unsure_starts >= MAX_UNKNOWN_STARTS:
            return verdicts.exhausted(reply, Stage.START)
        return self._start(retrying.delay_s(self._failures, floor_s))

    def _accept(self, reply: Reply, now: float) -> Ask | Ending:
        self._accepted_at = now
        if refused := self._follow_headers(reply):
            return refused
        if not self._status_url and not self._location:
            why = "Azure accepted the start and gave no URL under which to follow it"
            return verdicts.malformed(reply, Stage.START, why)
        self._stage = Stage.POLL
        self._failures = self._throttled_in_a_row = 0
        return self._read(self._rules.pacing.first_after_s(retry_after_s(reply.headers)))

    def _follow_headers(self, reply: Reply) -> Ending | None:
        """Take the operation's newest URLs from `reply`; an Ending when one leads away from Azure."""
        base_url = self._status_url or self._location or self._rules.endpoint + "/"
        for header in ("azure-asyncoperation", "location"):
            if not (given := reply.headers.get(header, "").strip()):
                continue
            url = follow(given, base_url, self._rules.origin)
            if url is None:
                return verdicts.malformed(
                    reply, self._stage, f"{header} leads away from the endpoint: {given[:200]}"
                )
            if header == "location":
                self._location = url
            else:
                self._status_url = url
        return None

    # The reads

    def _read(self, after_s: float, *, is_retry: bool = False) -> Ask:
        is_poll = self._stage is Stage.POLL and self._status_url
        url = self._status_url if is_poll else self._location
        kind = RequestKind.POLL if self._stage is Stage.POLL else RequestKind.RESULT
        target = self.target
        request = Request("GET", url)
        return Ask(kind, request, target.subscription_id.lower(), target.location or "", after_s, is_retry)

    def _after_read(self, reply: Reply, sent_at: float) -> Ask | Ending:
        if is_weather(reply):
            return self._read_again(reply, sent_at)
        if reply.status == 404:
            return self._after_not_found(reply)
        if reply.status == 202:
            return self._follow_headers(reply) or self._look_later(reply, sent_at)
        if reply.status == 204:
            return verdicts.no_result(reply, self._stage, "the operation ended and told nothing")
        if reply.status != 200:
            return verdicts.refusal(reply, self._stage)
        body = parse_object(reply.body)
        if body is None:
            return self._read_again(reply, sent_at)
        if self._stage is Stage.POLL and self._status_url:
            return self._after_status(reply, body, sent_at)
        return self._judge(reply, body)

    def _after_status(self, reply: Reply, body: dict[str, Json], sent_at: float) -> Ask | Ending:
        """A 200 of Azure-AsyncOperation: three words end it, every other word means still running."""
        status = body.get("status")
        if not isinstance(status, str):
            return self._read_again(reply, sent_at)
        self._azure_start_time = as_text(body.get("startTime")) or self._azure_start_time
        self._azure_end_time = as_text(body.get("endTime"))
        match status.lower():
            case "succeeded":
                return self._after_success(reply, body)
            case "failed":
                return verdicts.operation_ended_badly(reply, body, canceled=False)
            case "canceled":
                return verdicts.operation_ended_badly(reply, body, canceled=True)
        return self._follow_headers(reply) or self._look_later(reply, sent_at)

    def _after_success(self, reply: Reply, body: dict[str, Json]) -> Ask | Ending:
        """The result is in the status body nearly always; only where it is not, Location is read for it."""
        properties = body.get("properties")
        output = properties.get("output") if isinstance(properties, dict) else None
        if isinstance(output, dict):
            return verdicts.assessment(reply, output)
        if refused := self._follow_headers(reply):
            return refused
        if not self._location:
            why = "the operation succeeded without a result and without a Location to read it from"
            return verdicts.no_result(reply, Stage.POLL, why)
        self._stage = Stage.RESULT
        self._clear()
        return self._read(0.0)

    def _judge(self, reply: Reply, result: dict[str, Json] | None) -> Ending:
        if result is None:
            return verdicts.malformed(reply, self._stage, "the assessment's result is not a JSON object")
        return verdicts.assessment(reply, result)

    def _look_later(self, reply: Reply, sent_at: float) -> Ask | Ending:
        """Still running: timed out when this was asked after the operation's time, else one more look."""
        self._clear()
        left_s = self._left_s(sent_at)
        if left_s <= 0.0:
            return self._timed_out(reply)
        after_s = self._rules.pacing.next_after_s(retry_after_s(reply.headers))
        return self._read(min(after_s, max(left_s, MIN_POLL_SPACING_S)))

    def _read_again(self, reply: Reply, sent_at: float) -> Ask | Ending:
        """The read failed, which says nothing about the operation: again, within bounds."""
        retrying = self._rules.retrying
        if self._left_s(sent_at) <= 0.0:
            self._late_failures += 1
            if self._late_failures >= MAX_LATE_FAILURES:
                return self._timed_out(reply)
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

    def _after_not_found(self, reply: Reply) -> Ask | Ending:
        self._not_found += 1
        if self._not_found >= MAX_NOT_FOUND:
            return verdicts.refusal(reply, self._stage)
        return self._read(NOT_FOUND_WAIT_S * self._not_found, is_retry=True)

    def _clear(self) -> None:
        """A read went through: failures in a row start anew."""
        self._failures = self._throttled_in_a_row = self._not_found = 0

    def _left_s(self, sent_at: float) -> float:
        """Seconds from `sent_at` to the end of the operation's time."""
        assert self._accepted_at is not None
        return self._accepted_at + self._rules.timeout_s - sent_at

    def _timed_out(self, reply: Reply) -> Ending:
        error = verdicts.malformed(reply, self._stage, self._too_long()).error
        assert error is not None
        return Ending(
            Outcome.TIMED_OUT, Reason.OPERATION_TIMEOUT, error=replace(error, code="OperationTimeout")
        )

    def _too_long(self) -> str:
        return f"the operation was still unfinished {self._rules.timeout_s:g} s after its start"


def is_not_taken(reply: Reply) -> bool:
    """Whether a start that brought `reply` cannot have begun: nothing was sent, or Azure turned it away."""
    return reply.fault is Fault.NOT_SENT or reply.status in (429, 503)


def as_text(value: Json) -> str | None:
    """`value` where it is text."""
    return value if isinstance(value, str) else None
