"""The start of an assessment: sent again where Azure cannot have accepted it, looked up where it may have.

A second start supersedes the first in the guest. So a start that may have arrived is followed by reads of the
VM, and by at most one more start.
"""

from __future__ import annotations

from fleetscan.azure_times import http_time
from fleetscan.engine import outcomes
from fleetscan.engine.last_time import LastBy, expected_s
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.engine.phase import Next, Passage, lowered, turn_of, watched_as
from fleetscan.engine.poll import Polling
from fleetscan.engine.recover import Cause
from fleetscan.engine.recovering import into_recovery
from fleetscan.engine.replies import (
    ThrottleScope,
    is_not_taken,
    is_weather,
    parse_object,
    retry_after_s,
    throttle_delay_s,
    throttle_scope,
)
from fleetscan.engine.rules import (
    MAX_CONFLICTS,
    MAX_UNKNOWN_STARTS,
    MIN_START_SPACING_S,
    OperationRules,
)
from fleetscan.engine.urls import assess_url
from fleetscan.model import Ending, Reply, Request, RequestKind, Stage, Target, Turn


class Starting:
    """Asks for the assessment until Azure accepts or refuses it."""

    __slots__ = (
        "_failures",
        "_last_by",
        "_last_s",
        "_posted_at",
        "_rules",
        "_target",
        "_throttled",
        "_unknown",
        "_was_sent",
    )

    stage = Stage.START

    def __init__(self, target: Target, rules: OperationRules, last_s: float | None = None) -> None:
        self._target = target
        self._rules = rules
        self._last_s, self._last_by = last_s, LastBy.OPERATION
        self._failures = self._throttled = self._unknown = 0
        self._was_sent = False
        # When the first start was sent that may have arrived.
        self._posted_at: float | None = None

    @classmethod
    def once_more(cls, target: Target, rules: OperationRules, posted_at: float) -> Passage:
        """To the one more start of a VM, after one at `posted_at` that nothing is known of, or another's."""
        starting = cls(target, rules)
        starting._unknown = 1
        starting._was_sent = True
        starting._posted_at = posted_at
        return Passage(starting, starting.begin())

    def begin(self) -> Turn:
        """The start, at once."""
        return self._start(0.0)

    def expect(self, last_s: float, last_by: LastBy) -> bool:
        """How long the VM's last assessment took has become known; False where it was known before."""
        if self._last_s is not None:
            return False
        self._last_s, self._last_by = last_s, last_by
        return True

    @property
    def expected_s(self) -> float | None:
        """How long the assessment probably takes, by the VM's last one."""
        return None if self._last_s is None else expected_s(self._last_s, self._last_by)

    def request(self) -> Request:
        """POST assessPatches, without a body."""
        rules = self._rules
        version = rules.version_for(self._target)
        return Request("POST", assess_url(rules.endpoint, self._target.resource_id, version))

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """Nothing: a start goes when its turn comes."""
        return 0.0

    def receive(self, reply: Reply, sent_at: float, now: float) -> Next:
        """The operation to follow, the end, or another attempt."""
        self._was_sent = True
        match reply.status:
            case 202:
                return self._follow(reply, sent_at, now)
            case 200:
                body = parse_object(reply.body)
                if body is None:
                    return outcomes.malformed(reply, Stage.START, reply.detail or outcomes.NO_OBJECT)
                return outcomes.assessment(reply, body, outcomes.operation_of(self._target))
            case 204:
                return outcomes.no_result(reply, Stage.START, "the assessment ended at once without a result")
            case 429:
                return self._again_after_throttling(reply)
        if not is_weather(reply):
            return self._after_refusal(reply, sent_at, now)
        return self._again_after_failure(reply) if is_not_taken(reply) else self._settle(reply, sent_at, now)

    def _follow(self, reply: Reply, sent_at: float, now: float) -> Next:
        """Azure accepted it; an Ending where it cannot be followed."""
        rules, urls = self._rules, OperationUrls()
        why = urls.take(reply, rules.endpoint, rules.origin)
        if why is not None:
            return outcomes.malformed(reply, Stage.START, why)
        if not urls.status_url and not urls.location_url():
            return outcomes.malformed(reply, Stage.START, outcomes.NO_URL)
        subscription = lowered(self._target.subscription_id)
        kind = watched_as(self._target)
        watch = rules.pacing.watch(kind, subscription, now, self._last_s, self._last_by)
        polling = Polling(self._target, rules, watch, posted_at=sent_at, accepted_at=now, urls=urls)
        polling.azure_accepted_at = http_time(reply.headers.get("date"))
        return Passage(polling, polling.poll_later(reply, now))

    def _start(self, after_s: float) -> Turn:
        return turn_of(self._target, RequestKind.START, after_s, is_retry=self._was_sent)

    def _after_refusal(self, reply: Reply, sent_at: float, now: float) -> Next:
        """A definite no is the end. One that may pass is met again, unless an assessment is why."""
        meant, ending = outcomes.meaning(reply), outcomes.refusal(reply, Stage.START)
        if not meant.may_pass:
            return ending
        if self._posted_at is not None:
            # It may be our own: the start before broke on its way.
            return into_recovery(self._target, self._rules, self._posted_at, None, ending, now)
        self._failures += 1
        if meant.is_assessing:
            once_more = self.once_more(self._target, self._rules, sent_at)
            return into_recovery(self._target, self._rules, sent_at, once_more, ending, now, Cause.HELD)
        if self._failures >= MAX_CONFLICTS:
            return ending
        floor_s = max(MIN_START_SPACING_S, retry_after_s(reply.headers) or 0.0)
        again = self._start(self._rules.retrying.delay_s(self._failures, floor_s))
        if self._failures < MAX_CONFLICTS - 1:
            return again
        # Azure may call another client's assessment a conflict: the VM is read before the last attempt.
        last = Passage(self, again)
        return into_recovery(self._target, self._rules, sent_at, last, ending, now, Cause.CONFLICT)

    def _again_after_throttling(self, reply: Reply) -> Turn | Ending:
        """A 429 only delays the start; one about this VM alone by at least the VM's own refill."""
        self._throttled += 1
        retrying = self._rules.retrying
        if self._throttled >= retrying.throttled_attempts:
            return outcomes.exhausted(reply, Stage.START)
        is_own = throttle_scope(reply) is ThrottleScope.MACHINE
        asked_s = max(throttle_delay_s(reply) or 0.0, MIN_START_SPACING_S if is_own else 0.0)
        return self._start(retrying.delay_s(self._throttled, asked_s))

    def _again_after_failure(self, reply: Reply) -> Turn | Ending:
        """Azure cannot have accepted it: starts again, within bounds."""
        self._failures += 1
        if self._failures >= self._rules.retrying.attempts:
            return outcomes.exhausted(reply, Stage.START)
        return self._start(self._rules.retrying.delay_s(self._failures, retry_after_s(reply.headers)))

    def _settle(self, reply: Reply, sent_at: float, now: float) -> Next:
        """Azure may have accepted it: reads what became of it, and starts once more where nothing did."""
        self._unknown += 1
        self._failures = self._throttled = 0
        posted_at = self._posted_at = sent_at if self._posted_at is None else self._posted_at
        once_more = Passage(self, self.begin()) if self._unknown < MAX_UNKNOWN_STARTS else None
        ending = outcomes.exhausted(reply, Stage.START)
        return into_recovery(self._target, self._rules, posted_at, once_more, ending, now)
