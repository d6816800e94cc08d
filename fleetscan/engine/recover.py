"""What became of an assessment that cannot be followed: read from the VM, then from Resource Graph.

For a start that broke on its way, and for an operation whose URL is gone or not ours to read. An assessment
newer than the start is ours, or as good as ours; Azure's own clock tells, by the Date of the reply.
"""

from __future__ import annotations

from collections.abc import Mapping

from fleetscan.azure_times import azure_time, http_time
from fleetscan.engine import outcomes
from fleetscan.engine.latest_assessment import latest_assessment, latest_assessment_query
from fleetscan.engine.operation_times import A_LITTLE_S
from fleetscan.engine.phase import Next, Passage, turn_of
from fleetscan.engine.replies import (
    is_weather,
    parse_object,
    retry_after_s,
    text_of,
    throttle_delay_s,
    value_at,
)
from fleetscan.engine.rules import OperationRules
from fleetscan.engine.urls import view_url
from fleetscan.model import Ending, Json, Reply, Request, RequestKind, Source, Stage, Target, Turn

# Where an instance view has the newest assessment.
SUMMARY_PATH = "properties.instanceView.patchStatus.availablePatchSummary"
# Compute lets one VM be read 12 times a minute.
VIEW_SPACING_S = 15.0
# Resource Graph is late, mostly by seconds; no bound is published.
GRAPH_WAITS_S = (5.0, 10.0, 20.0, 40.0)


class Recovering:
    """Reads until the assessment that began after `posted_at` has ended, and adopts it.

    Where there is none, `once_more` leads back to another start; without one the VM ends as `otherwise`.
    """

    __slots__ = (
        "_asked_graph",
        "_began_at",
        "_failures",
        "_is_idle",
        "_is_over",
        "_once_more",
        "_otherwise",
        "_posted_at",
        "_rules",
        "_target",
        "_throttled",
    )

    stage = Stage.RESULT

    def __init__(
        self,
        target: Target,
        rules: OperationRules,
        posted_at: float,
        once_more: Passage | None,
        otherwise: Ending,
    ) -> None:
        self._target = target
        self._rules = rules
        self._posted_at = posted_at
        self._once_more = once_more
        self._otherwise = otherwise
        self._began_at = posted_at
        self._is_over = self._is_idle = False
        self._failures = self._throttled = self._asked_graph = 0

    def begun(self, now: float) -> Passage:
        """Into this phase: the VM is read soon after the start, which takes a moment to show."""
        self._began_at = now
        return Passage(self, self._turn(max(0.0, VIEW_SPACING_S - (now - self._posted_at))))

    def request(self) -> Request:
        """The VM's instance view, or once its assessment is over the row in Resource Graph."""
        if self._is_over:
            return latest_assessment_query(self._rules.endpoint, self._target)
        rules = self._rules
        return Request("GET", view_url(rules.endpoint, self._target.resource_id, rules.api_version))

    def wait_s(self, now: float) -> float:
        """Nothing: its reads are not reconsidered."""
        return 0.0

    def receive(self, reply: Reply, sent_at: float, now: float) -> Next:
        """Adopts what is there, reads again, or gives up."""
        is_garbled = reply.status == 200 and parse_object(reply.body) is None
        if is_weather(reply) or is_garbled:
            return self._again(reply, now)
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

    def _again(self, reply: Reply, now: float) -> Next:
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
        return self._none(now)

    def _after_view(self, reply: Reply, sent_at: float, now: float) -> Next:
        """1. One that runs, ours or not: a start would end it. 2. Ours, and over. 3. Nothing of ours."""
        if reply.status != 200:
            return self._none(now)
        summary = _summary(reply)
        self._is_idle = (text_of(summary.get("status")) or "").lower() != "inprogress"
        if not self._is_idle:
            if now - self._began_at > self._rules.timeout_s:
                return outcomes.timed_out(reply, self.stage, self._rules.timeout_s)
            return self._turn(VIEW_SPACING_S)
        if self._is_newer(text_of(summary.get("startTime")), reply, sent_at):
            self._is_over = True
            return self._turn(0.0)
        return self._none(now)

    def _after_graph(self, reply: Reply, sent_at: float, now: float) -> Next:
        row = latest_assessment(reply)
        if row is not None and self._is_newer(row.started, reply, sent_at) and row.is_over:
            return outcomes.assessment(reply, row.assessment, Source.GRAPH)
        if self._asked_graph == len(GRAPH_WAITS_S):
            return self._none(now)
        self._asked_graph += 1
        return self._turn(GRAPH_WAITS_S[self._asked_graph - 1])

    def _none(self, now: float) -> Next:
        """Nothing of ours is there, or is shown: reads again until a start would have shown.

        Another start ends what runs: it is sent only where the last sound read saw nothing running.
        """
        if not self._is_over and now - self._began_at < self._rules.unknown_start_wait_s:
            return self._turn(VIEW_SPACING_S)
        if self._once_more is None or not self._is_idle:
            return self._otherwise
        return self._once_more

    def _is_newer(self, started: str | None, reply: Reply, sent_at: float) -> bool:
        """Whether an assessment that began at `started`, by Azure's clock, is no older than the start.

        One that is yet to begin is none: the clock that says so is wrong, and nothing is known of it.
        """
        began, azure_now = azure_time(started), http_time(reply.headers.get("date"))
        if began is None or azure_now is None:
            return False
        ago_s = (azure_now - began).total_seconds()
        return -A_LITTLE_S <= ago_s <= sent_at - self._posted_at + A_LITTLE_S


def _summary(reply: Reply) -> Mapping[str, Json]:
    """What an instance view tells of the newest assessment; nothing where it tells none."""
    found = value_at(parse_object(reply.body), SUMMARY_PATH)
    return found if isinstance(found, dict) else {}
