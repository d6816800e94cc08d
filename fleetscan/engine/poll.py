"""Following an accepted operation to its end: when to poll, what a poll shows, where the result is.

The rules are those of ARM's long-running operations: Azure-AsyncOperation before Location, the newest
Location followed, two layers of status kept apart. One read is outstanding at most.
"""

from __future__ import annotations

from datetime import datetime

from fleetscan.azure_times import http_time
from fleetscan.engine import outcomes
from fleetscan.engine.last_time import LastBy
from fleetscan.engine.operation_times import A_LITTLE_S, OperationTimes
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.engine.pacing import MIN_POLL_SPACING_S, Watch
from fleetscan.engine.phase import Next, Preempted, turn_of
from fleetscan.engine.recovering import into_recovery
from fleetscan.engine.replies import (
    is_weather,
    machine_count,
    parse_object,
    retry_after_s,
    text_of,
    throttle_delay_s,
)
from fleetscan.engine.rules import MAX_LATE_FAILURES, MAX_NOT_FOUND, NOT_FOUND_WAIT_S, OperationRules
from fleetscan.model import Ending, Json, Outcome, Reply, Request, RequestKind, Stage, Target, Turn

# Some services write it with two l.
CANCELED = frozenset({"canceled", "cancelled"})
TERMINAL_WORDS = CANCELED | {"succeeded", "failed"}


class Polling:
    """Polls one accepted operation. `urls` has its URLs, `accepted_at` is when Azure took the start.

    `stage` is RESULT once it has ended and only its result is still to be read. `times` are Azure's own, as
    far as they can be true; `azure_accepted_at` is the Date with which it took the start, where we heard it.
    """

    __slots__ = (
        "_failures",
        "_late_failures",
        "_not_found",
        "_rules",
        "_target",
        "_throttled",
        "_watch",
        "accepted_at",
        "azure_accepted_at",
        "posted_at",
        "stage",
        "times",
        "urls",
    )

    def __init__(
        self,
        target: Target,
        rules: OperationRules,
        watch: Watch,
        *,
        posted_at: float,
        accepted_at: float,
        urls: OperationUrls,
    ) -> None:
        self.stage = Stage.POLL
        self.urls = urls
        self.accepted_at = accepted_at
        self.times = OperationTimes()
        self.azure_accepted_at: datetime | None = None
        self._target = target
        self._rules = rules
        self._watch = watch
        self.posted_at = posted_at
        self._failures = self._throttled = self._late_failures = self._not_found = 0

    def request(self) -> Request:
        """A read of the status, or of Location where there is no status or it has told its last."""
        urls = self.urls
        is_status = self.stage is Stage.POLL and urls.status_url
        return Request("GET", urls.status_url if is_status else urls.location_url())

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """How much longer the next poll can wait, by what other operations have taught meanwhile."""
        age_s = now - self.accepted_at
        return min(self._rules.pacing.wait_s(self._watch, age_s, reads_per_s), self._rules.timeout_s - age_s)

    def poll_later(self, reply: Reply | None, now: float) -> Turn:
        """The next poll, no sooner than `reply` asks and no later than the operation's time."""
        pacing, age_s = self._rules.pacing, now - self.accepted_at
        in_time_s = min(pacing.wait_s(self._watch, age_s), max(self._left_s(now), MIN_POLL_SPACING_S))
        asked_s = 0.0 if reply is None else retry_after_s(reply.headers) or 0.0
        return turn_of(
            self._target, RequestKind.POLL, max(in_time_s, asked_s), may_wait=pacing.may_wait(self._watch)
        )

    def receive(self, reply: Reply, sent_at: float, now: float) -> Next:
        """What a poll showed: still running, over, or nothing of the operation."""
        if (left := machine_count(reply.headers)) is not None:
            self._rules.pacing.counted(self._watch, left)
        if is_weather(reply):
            return self._poll_again(reply, sent_at)
        match reply.status:
            case 204:
                return outcomes.no_result(reply, self.stage, "the operation ended without a result")
            case 404:
                return self._after_not_found(reply, now)
            case 401 | 403 | 410:
                return self._settle(reply, now)
            case 200 | 201 | 202:
                return self._after_poll(reply, sent_at, now)
        return self._over(parse_object(reply.body), outcomes.refusal(reply, self.stage))

    def _after_poll(self, reply: Reply, sent_at: float, now: float) -> Next:
        body = parse_object(reply.body)
        is_status = self.stage is Stage.POLL and self.urls.status_url
        if is_status and body is not None and (reply.status != 202 or "status" in body):
            return self._after_status(reply, body, sent_at, now)
        if reply.status == 202:
            return self._follow_headers(reply) or self._still_running(reply, sent_at, now)
        if body is None:
            return self._poll_again(reply, sent_at)
        if self.stage is Stage.POLL:
            self._teach(sent_at, now)
        return self._result(reply, body)

    def _after_status(self, reply: Reply, body: dict[str, Json], sent_at: float, now: float) -> Next:
        """A 200 of Azure-AsyncOperation: three words end it, every other word means still running."""
        status = body.get("status")
        if not isinstance(status, str):
            return self._poll_again(reply, sent_at)
        told = OperationTimes(text_of(body.get("startTime")), text_of(body.get("endTime")))
        azure_now = http_time(reply.headers.get("date"))
        self.times = told.that_can_be(self._age_s(now, azure_now), azure_now)
        word = status.lower()
        if word not in TERMINAL_WORDS:
            return self._follow_headers(reply) or self._still_running(reply, sent_at, now)
        self._teach(sent_at, now)
        if word == "succeeded":
            return self._after_success(reply, body)
        return self._over(body, outcomes.operation_ended_badly(reply, body, canceled=word in CANCELED))

    def _over(self, body: dict[str, Json] | None, ending: Ending) -> Next:
        """The bad `ending` that `body` tells of, unless a newer operation is what ended this one."""
        return Preempted(self.posted_at, ending) if outcomes.is_preempted(body) else ending

    def _result(self, reply: Reply, result: dict[str, Json]) -> Next:
        """The end with this result; a newer assessment in the guest may be why it failed."""
        ending = outcomes.assessment(reply, result, outcomes.operation_of(self._target))
        return ending if ending.outcome is Outcome.ASSESSED else self._over(result, ending)

    def _age_s(self, now: float, azure_now: datetime | None) -> float:
        """How long ago the start was sent, by our clock or by Azure's Dates, whichever says longer."""
        age_s = now - self.posted_at
        if self._watch.is_resumed:
            # Its age is by two wall clocks, and one may have been set back; it is still within its time.
            return max(age_s, self._rules.timeout_s)
        if azure_now is None or self.azure_accepted_at is None:
            return age_s
        dated_s = (azure_now - self.azure_accepted_at).total_seconds()
        return max(age_s, min(dated_s, self._rules.timeout_s))

    def _teach(self, sent_at: float, now: float) -> None:
        """Tell how long the operation took: by Azure's own clock where that can be, else by ours."""
        took_s = self.times.duration_s
        # It cannot have ended before it was last seen running, nor taken longer than since we sent its start.
        least_s, most_s = self._watch.seen_s - A_LITTLE_S, self._age_s(now, None) + A_LITTLE_S
        if took_s is not None and least_s <= took_s <= most_s:
            self._rules.pacing.ended(self._watch, took_s)
        else:
            self._rules.pacing.ended_within(self._watch, sent_at - self.accepted_at)

    def _after_success(self, reply: Reply, body: dict[str, Json]) -> Next:
        """The result is in the status body nearly always; only where it is not, Location is read for it."""
        properties = body.get("properties")
        output = properties.get("output") if isinstance(properties, dict) else None
        if isinstance(output, dict):
            return self._result(reply, output)
        if refused := self._follow_headers(reply):
            return refused
        if not self.urls.location_url():
            why = "the operation succeeded without a result and without a Location to read it from"
            return outcomes.no_result(reply, Stage.POLL, why)
        self.stage = Stage.RESULT
        self._clear()
        return self._poll(0.0)

    def _follow_headers(self, reply: Reply) -> Ending | None:
        """Take the operation's newest URLs from `reply`; an Ending when one leads outside Azure."""
        why = self.urls.take(reply, self._rules.endpoint, self._rules.origin)
        return None if why is None else outcomes.malformed(reply, self.stage, why)

    def _still_running(self, reply: Reply, sent_at: float, now: float) -> Next:
        """Timed out when this was asked after the operation's time, else one more poll."""
        self._clear()
        if self._left_s(sent_at) <= 0.0:
            return outcomes.timed_out(reply, self.stage, self._rules.timeout_s)
        if self.stage is Stage.RESULT:
            # It has ended: only its result is not there yet.
            return self._poll(max(MIN_POLL_SPACING_S, retry_after_s(reply.headers) or 0.0))
        self._rules.pacing.running(self._watch, sent_at - self.accepted_at)
        return self.poll_later(reply, now)

    def _poll(self, after_s: float, *, is_retry: bool = False) -> Turn:
        kind = RequestKind.POLL if self.stage is Stage.POLL else RequestKind.RESULT
        return turn_of(self._target, kind, after_s, is_retry=is_retry)

    def _poll_again(self, reply: Reply, sent_at: float) -> Next:
        """The poll failed, which says nothing about the operation: again, within bounds."""
        retrying = self._rules.retrying
        if self._left_s(sent_at) <= 0.0:
            self._late_failures += 1
            if self._late_failures >= MAX_LATE_FAILURES:
                return outcomes.timed_out(reply, self.stage, self._rules.timeout_s)
        if reply.status == 429:
            self._throttled += 1
            is_spent = self._throttled >= retrying.throttled_attempts
            failures, floor_s = self._throttled, throttle_delay_s(reply)
        else:
            self._failures += 1
            is_spent = self._failures >= retrying.attempts
            failures, floor_s = self._failures, retry_after_s(reply.headers)
        if is_spent:
            return outcomes.exhausted(reply, self.stage)
        return self._poll(retrying.delay_s(failures, max(floor_s or 0.0, MIN_POLL_SPACING_S)), is_retry=True)

    def _after_not_found(self, reply: Reply, now: float) -> Next:
        """A fresh operation may not have reached every replica; an old one may have expired."""
        self._not_found += 1
        if self._not_found >= MAX_NOT_FOUND:
            return self._settle(reply, now)
        wait_s = max(NOT_FOUND_WAIT_S * self._not_found, retry_after_s(reply.headers) or 0.0)
        return self._poll(wait_s, is_retry=True)

    def _settle(self, reply: Reply, now: float) -> Next:
        """The operation is not there or not ours to read: what became of it the VM itself tells."""
        ending = outcomes.refusal(reply, self.stage)
        return into_recovery(self._target, self._rules, self.posted_at, None, ending, now)

    def expect(self, last_s: float, last_by: LastBy) -> None:
        """How long the VM's last assessment took has become known."""
        self._rules.pacing.expect(self._watch, last_s, last_by)

    def leave(self) -> None:
        """It is not polled any more: its part of the reads goes to the others. Leaving twice is harmless."""
        self._rules.pacing.leave(self._watch)

    def _clear(self) -> None:
        """A poll went through: failures in a row start anew."""
        self._failures = self._throttled = self._not_found = 0

    def _left_s(self, at: float) -> float:
        """Seconds from `at` to the end of the operation's time."""
        return self._rules.timeout_s - (at - self.accepted_at)
