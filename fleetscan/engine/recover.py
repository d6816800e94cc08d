"""What became of an assessment that cannot be followed: read from the VM, then from Resource Graph.

The VM decides: Resource Graph has the list of patches, but may be late or show nothing of a VM at all.

For a start that broke on its way, and for an operation whose URL is gone or not ours to read: an assessment
that began after the start is ours, or as good as ours. For a VM that another client's assessment holds: one
that ended after our start is as good as ours, whenever it began. Azure's own clock tells, by the Date of the
reply.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from fleetscan import json_text
from fleetscan.azure_times import azure_time
from fleetscan.engine import outcomes
from fleetscan.engine.latest_assessment import LatestAssessment, latest_assessment, latest_assessment_query
from fleetscan.engine.operation_times import A_LITTLE_S
from fleetscan.engine.patch_status import PatchStatus, assessment_summary, patch_status
from fleetscan.engine.phase import Next, Passage, turn_of, watched_as
from fleetscan.engine.replies import (
    MAX_MESSAGE_CHARS,
    dated,
    is_weather,
    parse_object,
    retry_after_s,
    throttle_delay_s,
)
from fleetscan.engine.rules import OperationRules
from fleetscan.engine.urls import view_url
from fleetscan.model import (
    ERROR_KEYS,
    Ending,
    Json,
    Reason,
    Reply,
    Request,
    RequestKind,
    Source,
    Stage,
    Target,
    Turn,
)

# Compute lets one VM be read 12 times a minute.
VIEW_SPACING_S = 15.0
LEAST_SPACING_S = 5.0
# An assessment that is waited for is read again after this share of its age at the latest.
AGAIN_SHARE = 1 / 3
# Where nothing is seen running, reads of an assessment that is waited for come ever further apart.
MOST_SPACING_S = 120.0
# What ended before the scan began is never adopted: where that is not sure, a start finds out.
SURELY_S = -1.0
# A clock may be ahead of Azure's by so much; a time that is further ahead is none.
AHEAD_S = 60.0
# What a VM keeps while it waits here: for an operation's whole time, or for Resource Graph, which takes three
# queries a second. A summary has some 2 kB, and so has the result of an assessment that was ended.
MOST_KEPT_BYTES = 16 * 1024
# Resource Graph is late, mostly by seconds; no bound is published.
GRAPH_WAITS_S = (5.0, 10.0, 20.0, 40.0)


class Cause(Enum):
    """Why a VM is read."""

    LOST = "lost"
    """A start may have arrived, or its operation cannot be polled: what there is shows within a minute."""
    PREEMPTED = "preempted"
    """A newer operation ended ours: its result is waited for as long as our own would be."""
    HELD = "held"
    """Another client's assessment was running before ours could: the same, as long as it runs."""
    CONFLICT = "conflict"
    """Azure refused the start again because of some other operation, which may be an assessment."""


class Recovering:
    """Reads until an assessment shows that began or ended after `since`, as `cause` asks, and adopts it.

    Where there is none, `once_more` leads to another start; without one the VM ends as `otherwise`.
    """

    __slots__ = (
        "_asked_graph",
        "_began_at",
        "_cause",
        "_failures",
        "_idle_reads",
        "_is_over",
        "_once_more",
        "_otherwise",
        "_rules",
        "_seen",
        "_shown",
        "_since",
        "_target",
        "_throttled",
        "_was_shown",
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
        # The last sound view, without its texts: many VMs may wait here.
        self._seen: PatchStatus | None = None
        # Whether a view showed an assessment of ours to be over, and the end by what it told.
        self._was_shown = False
        self._shown: Ending | None = None
        self._is_over = False
        self._failures = self._throttled = self._asked_graph = self._idle_reads = 0

    def begun(self, now: float) -> Passage:
        """Into this phase. A start takes a moment to show, and another's assessment its time to end."""
        self._began_at = now
        if self._is_waiting:
            return Passage(self, self._turn(self._planned_s(0.0, now)))
        return Passage(self, self._turn(max(0.0, VIEW_SPACING_S - (now - self._since))))

    def request(self) -> Request:
        """The VM's instance view, or once its assessment is over the row in Resource Graph."""
        if self._is_over:
            return latest_assessment_query(self._rules.endpoint, self._target)
        rules = self._rules
        return Request("GET", view_url(rules.endpoint, self._target.resource_id, rules.api_version))

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """Nothing: its reads are not reconsidered."""
        return 0.0

    def receive(self, reply: Reply, sent_at: float, now: float) -> Next:
        """Adopts what is there, reads again, or gives up."""
        is_garbled = reply.status == 200 and parse_object(reply.body) is None
        if is_weather(reply) or is_garbled:
            return self._again(reply, sent_at, now)
        self._failures = self._throttled = 0
        if self._is_over:
            return self._after_graph(reply, sent_at, now)
        if reply.status in (404, 410):
            return outcomes.refusal(reply, self.stage)
        return self._after_view(reply, sent_at, now)

    def _turn(self, after_s: float, *, is_retry: bool = False) -> Turn:
        if self._is_over:
            return Turn(RequestKind.QUERY_PATCHES, after_s=after_s, is_retry=is_retry)
        return turn_of(self._target, RequestKind.VIEW, after_s, is_retry=is_retry)

    def _again(self, reply: Reply, sent_at: float, now: float) -> Next:
        retrying = self._rules.retrying
        if reply.status == 429:
            self._throttled += 1
            if self._throttled < retrying.throttled_attempts:
                delay_s = retrying.delay_s(self._throttled, throttle_delay_s(reply))
                return self._turn(delay_s, is_retry=True)
        else:
            self._failures += 1
            if self._failures < retrying.attempts:
                delay_s = retrying.delay_s(self._failures, retry_after_s(reply.headers))
                return self._turn(delay_s, is_retry=True)
        return self._none(sent_at, now)

    def _after_view(self, reply: Reply, sent_at: float, now: float) -> Next:
        """1. One that runs, ours or not: a start would end it. 2. One of ours, over. 3. Nothing of ours."""
        if reply.status != 200:
            # What the VM does not tell Resource Graph may.
            self._is_over = self._is_waiting
            return self._none(sent_at, now)
        seen = patch_status(reply, self._rules.busy_max_age_s)
        self._seen = replace(seen, status="", started=None, changed=None)
        if seen.is_assessing:
            return self._while_running(seen, reply, sent_at, now)
        if seen.is_installing and self._cause is not Cause.LOST:
            return outcomes.installing()
        is_result = self._is_result(seen.status, is_told=seen.has_error, is_preempted=seen.is_preempted)
        if is_result and self._is_newer(seen.started, seen.changed, reply, sent_at):
            self._is_over = self._was_shown = True
            self._shown = _of_view(reply)
            return self._turn(0.0)
        return self._none(sent_at, now)

    def _while_running(self, seen: PatchStatus, reply: Reply, sent_at: float, now: float) -> Next:
        if self._cause is Cause.LOST:
            if now - self._began_at > self._rules.timeout_s:
                return outcomes.timed_out(reply, self.stage, self._rules.timeout_s)
            return self._turn(VIEW_SPACING_S)
        if self._cause is Cause.CONFLICT:
            self._cause = Cause.HELD
        if self._left_s(sent_at) <= 0.0:
            return self._end()
        return self._turn(self._planned_s(self._age_s(seen.started, reply, now), now))

    def _after_graph(self, reply: Reply, sent_at: float, now: float) -> Next:
        row = latest_assessment(reply)
        is_ended = row is not None and self._is_ended(row)
        if row is not None and is_ended and self._is_newer(row.started, row.changed, reply, sent_at):
            return outcomes.assessment(reply, row.assessment, Source.GRAPH)
        if self._asked_graph < len(GRAPH_WAITS_S):
            self._asked_graph += 1
            return self._turn(GRAPH_WAITS_S[self._asked_graph - 1])
        # A row may come late; a query that is refused is refused again.
        return self._none(sent_at, now) if reply.status == 200 else self._end()

    def _is_ended(self, row: LatestAssessment) -> bool:
        key = ERROR_KEYS[Source.GRAPH]
        is_preempted = outcomes.is_preempted(row.assessment, key)
        return self._is_result(
            row.status, is_told=row.assessment.get(key) is not None, is_preempted=is_preempted
        )

    def _is_result(self, status: str, *, is_told: bool, is_preempted: bool) -> bool:
        """Whether an assessment with this status is over, and not only what is left of one that was ended."""
        if status in ("", "inprogress") or is_preempted:
            return False
        return self._cause is Cause.LOST or status != "failed" or is_told

    def _none(self, sent_at: float, now: float) -> Next:
        """Nothing of ours is there, or is shown: reads again until it would have shown."""
        match self._cause:
            case Cause.LOST if not self._is_over and (
                now - self._began_at < self._rules.unknown_start_wait_s
            ):
                return self._turn(VIEW_SPACING_S)
            case Cause.PREEMPTED | Cause.HELD if (
                not self._was_shown and self._left_s(sent_at) > 0.0 and not self._is_free
            ):
                self._idle_reads += 1
                spacing_s = min(MOST_SPACING_S, VIEW_SPACING_S * 2.0**self._idle_reads)
                return self._turn(self._spread_s(spacing_s, now))
        return self._end()

    def _end(self) -> Next:
        """What the VM says is enough where Resource Graph shows nothing, or may not be asked.

        Another start ends what runs: it is sent only where the last sound read saw nothing running.
        An assessment that has been followed for an operation's whole time is not waited for any more.
        """
        seen, once_more = self._seen, self._once_more
        if self._shown is not None:
            return self._shown
        if once_more is None:
            return self._otherwise
        if seen is not None and seen.is_installing:
            return outcomes.installing()
        is_free = self._is_waiting or (seen is not None and not seen.is_assessing)
        return once_more if is_free else self._otherwise

    @property
    def _is_waiting(self) -> bool:
        """Whether another client's assessment is waited for."""
        return self._cause in (Cause.PREEMPTED, Cause.HELD)

    @property
    def _is_free(self) -> bool:
        """Whether the assessment that held the VM is over without a result that could be ours."""
        seen = self._seen
        return self._cause is Cause.HELD and not self._is_over and seen is not None and not seen.is_assessing

    def _planned_s(self, age_s: float, now: float) -> float:
        """How long until the assessment, running for `age_s`, has probably ended, or a share of its age."""
        ends_s = self._rules.pacing.probably_ended_s(watched_as(self._target), age_s) - age_s
        return self._spread_s(min(ends_s, max(VIEW_SPACING_S, AGAIN_SHARE * age_s)), now)

    def _spread_s(self, after_s: float, now: float) -> float:
        """`after_s` within what is left of the time, and apart from other VMs that are read."""
        apart_s = after_s * (1.0 + 0.1 * self._rules.retrying.chance())
        return max(LEAST_SPACING_S, min(apart_s, self._left_s(now)))

    def _left_s(self, at: float) -> float:
        return self._rules.timeout_s - (at - self._began_at)

    def _age_s(self, started: str | None, reply: Reply, now: float) -> float:
        """How long the assessment has run that began at `started`; as long as it is read at the least."""
        ago_s = seconds_ago(started, reply)
        seen_s = now - self._began_at
        return seen_s if ago_s is None else min(max(ago_s, seen_s), self._rules.timeout_s)

    def _is_newer(self, started: str | None, changed: str | None, reply: Reply, sent_at: float) -> bool:
        """Whether the assessment of these times, by Azure's clock, is new enough to be adopted."""
        ago_s = seconds_ago(started if self._cause is Cause.LOST else changed, reply)
        tolerance_s = A_LITTLE_S
        if self._cause is Cause.HELD:
            # What one Date was sure of is a second less sure by the next.
            tolerance_s = 0.0 if self._was_shown else SURELY_S
        return ago_s is not None and -AHEAD_S <= ago_s <= sent_at - self._since + tolerance_s


def seconds_ago(moment: str | None, reply: Reply) -> float | None:
    """How long ago `moment` was by the reply's own Date; None where either is not told."""
    then, azure_now = azure_time(moment), dated(reply)
    return None if then is None or azure_now is None else (azure_now - then).total_seconds()


def _of_view(reply: Reply) -> Ending | None:
    """The end by the VM's own summary; None where that does not say what was found, or says too much."""
    summary = assessment_summary(reply)
    if not is_small(summary):
        return None
    ending = outcomes.assessment(reply, summary, Source.INSTANCE_VIEW)
    return None if ending.reason is Reason.NO_RESULT else ending


def slim(otherwise: Ending) -> Ending:
    """`otherwise` as it is kept: without an assessment, or the end of a message, that is too large."""
    error = otherwise.error
    if error is not None and len(error.message or "") > MAX_MESSAGE_CHARS:
        error = replace(error, message=(error.message or "")[:MAX_MESSAGE_CHARS])
    told = otherwise.assessment
    return replace(otherwise, error=error, assessment=told if told is None or is_small(told) else None)


def is_small(told: dict[str, Json]) -> bool:
    """Whether it can be kept while its VM waits."""
    try:
        return len(json_text.encode(told)) <= MOST_KEPT_BYTES
    except ValueError:
        return False
