"""What became of an assessment of an Arc server that cannot be followed: Resource Graph alone tells.

An Arc server has no instance view. Graph is late, mostly by seconds: what it does not show for a minute and a
half is taken not to be there, and an assessment that it shows running is never started over. The causes are
those of `recover`.
"""

from __future__ import annotations

from fleetscan.engine import outcomes
from fleetscan.engine.latest_assessment import LatestAssessment, latest_assessment, latest_assessment_query
from fleetscan.engine.operation_times import A_LITTLE_S
from fleetscan.engine.phase import Next, Passage
from fleetscan.engine.recover import AHEAD_S, SURELY_S, VIEW_SPACING_S, Cause, seconds_ago, slim
from fleetscan.engine.replies import dated, is_weather, parse_object, retry_after_s, throttle_delay_s
from fleetscan.engine.rules import OperationRules
from fleetscan.engine.stale import is_stale
from fleetscan.model import (
    ERROR_KEYS,
    Ending,
    Json,
    Reply,
    Request,
    RequestKind,
    Source,
    Stage,
    Target,
    Turn,
)

# Graph's delay has no bound; it is mostly seconds.
PATIENCE_S = 90.0
# What Azure asks between two polls of an Arc server.
RUNNING_SPACING_S = 60.0
IN_PROGRESS = "inprogress"


class ArcRecovering:
    """Asks Graph until it shows an assessment that began or ended after `since`, as `cause` asks.

    Where it shows none for long enough, `once_more` leads to another start; without one, or where Graph does
    not answer, the server ends as `otherwise`.
    """

    __slots__ = (
        "_began_at",
        "_cause",
        "_failures",
        "_once_more",
        "_otherwise",
        "_rules",
        "_since",
        "_target",
        "_throttled",
    )

    stage = Stage.RESULT

    def __init__(
        self,
        target: Target,
        rules: OperationRules,
        since: float,
        once_more: Passage | None,
        otherwise: Ending,
        cause: Cause = Cause.LOST,
    ) -> None:
        self._target = target
        self._rules = rules
        self._since = since
        self._once_more = once_more
        self._otherwise = slim(otherwise)
        self._cause = cause
        self._began_at = since
        self._failures = self._throttled = 0

    def begun(self, now: float) -> Passage:
        """Into this phase: an assessment takes a moment to show."""
        self._began_at = now
        return Passage(self, self._turn(max(0.0, VIEW_SPACING_S - (now - self._since))))

    def request(self) -> Request:
        """The server's newest assessment in Graph."""
        return latest_assessment_query(self._rules.endpoint, self._target)

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """Nothing: its reads are not reconsidered."""
        return 0.0

    def receive(self, reply: Reply, sent_at: float, now: float) -> Next:
        """Adopts what is there, asks again, or gives up."""
        rows = (parse_object(reply.body) or {}).get("data")
        if is_weather(reply) or (reply.status == 200 and not isinstance(rows, list)):
            return self._again(reply)
        self._failures = self._throttled = 0
        if reply.status != 200:
            return self._otherwise
        row = latest_assessment(reply)
        if row is not None and self._is_running(row, reply):
            return self._while_running(reply, now)
        if row is not None and self._is_result(row) and self._is_newer(row, reply, sent_at):
            return outcomes.assessment(reply, row.assessment, Source.GRAPH)
        if now - self._began_at < max(PATIENCE_S, self._rules.unknown_start_wait_s):
            return self._turn(self._apart_s(VIEW_SPACING_S))
        return self._once_more or self._otherwise

    def _again(self, reply: Reply) -> Next:
        """Weather says nothing of the assessment: again, within bounds."""
        retrying = self._rules.retrying
        if reply.status == 429:
            self._throttled += 1
            is_spent = self._throttled >= retrying.throttled_attempts
            failures, asked_s = self._throttled, throttle_delay_s(reply)
        else:
            self._failures += 1
            is_spent = self._failures >= retrying.attempts
            failures, asked_s = self._failures, retry_after_s(reply.headers)
        if is_spent:
            return self._otherwise
        return self._turn(retrying.delay_s(failures, asked_s), is_retry=True)

    def _while_running(self, reply: Reply, now: float) -> Next:
        """Ours or not: a start would end it."""
        if now - self._began_at <= self._rules.timeout_s:
            return self._turn(self._apart_s(RUNNING_SPACING_S))
        if self._cause is Cause.LOST:
            return outcomes.timed_out(reply, self.stage, self._rules.timeout_s)
        return self._once_more or self._otherwise

    def _is_running(self, row: LatestAssessment, reply: Reply) -> bool:
        times: tuple[Json, ...] = (row.started, row.changed)
        return row.status == IN_PROGRESS and not is_stale(times, dated(reply), self._rules.busy_max_age_s)

    def _is_result(self, row: LatestAssessment) -> bool:
        """Whether the assessment is over, and not only what is left of one that was ended."""
        key = ERROR_KEYS[Source.GRAPH]
        if row.status in ("", IN_PROGRESS) or outcomes.is_preempted(row.assessment, key):
            return False
        return self._cause is Cause.LOST or row.status != "failed" or row.assessment.get(key) is not None

    def _is_newer(self, row: LatestAssessment, reply: Reply, sent_at: float) -> bool:
        """Whether the assessment, by Azure's clock, is new enough to be adopted."""
        ago_s = seconds_ago(row.started if self._cause is Cause.LOST else row.changed, reply)
        tolerance_s = SURELY_S if self._cause is Cause.HELD else A_LITTLE_S
        return ago_s is not None and -AHEAD_S <= ago_s <= sent_at - self._since + tolerance_s

    def _apart_s(self, spacing_s: float) -> float:
        """`spacing_s`, apart from other servers that are asked about."""
        return spacing_s * (1.0 + 0.1 * self._rules.retrying.chance())

    def _turn(self, after_s: float, *, is_retry: bool = False) -> Turn:
        return Turn(RequestKind.QUERY_PATCHES, after_s=after_s, is_retry=is_retry)
