"""The list of what an Arc server misses: Resource Graph has it, a bit late, and no operation tells it.

The counts are known by then. Where Graph does not show the list soon, the server ends with the counts alone.
"""

from __future__ import annotations

from dataclasses import replace

from fleetscan.engine import outcomes
from fleetscan.engine.earlier_assessment import patches_told, with_patches
from fleetscan.engine.latest_assessment import latest_assessment, latest_assessment_query
from fleetscan.engine.operation_times import A_LITTLE_S
from fleetscan.engine.phase import Next, Passage
from fleetscan.engine.recover import AHEAD_S, seconds_ago
from fleetscan.engine.replies import is_weather, throttle_delay_s
from fleetscan.engine.rules import OperationRules
from fleetscan.model import Ending, Json, Outcome, Reply, Request, RequestKind, Source, Stage, Target, Turn

# Graph is late by seconds, mostly.
PATIENCE_S = 60.0
SPACING_S = 10.0


class ArcListing:
    """Asks Graph until it shows the whole list of the assessment that was started at `since`.

    `told` is how the server ends where it does not.
    """

    __slots__ = ("_began_at", "_rules", "_since", "_target", "_told")

    stage = Stage.RESULT

    def __init__(self, target: Target, rules: OperationRules, since: float, told: Ending) -> None:
        self._target = target
        self._rules = rules
        self._since = since
        self._told = told
        self._began_at = since

    def begun(self, now: float) -> Passage:
        """Into this phase."""
        self._began_at = now
        return Passage(self, self._turn(SPACING_S / 2.0))

    def request(self) -> Request:
        """The server's newest assessment in Graph."""
        return latest_assessment_query(self._rules.endpoint, self._target)

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """Nothing: its reads are not reconsidered."""
        return 0.0

    def receive(self, reply: Reply, sent_at: float, now: float) -> Next:
        """The end with the list, the same again, or the end without one."""
        is_last = now - self._began_at >= PATIENCE_S
        if is_weather(reply):
            delay_s = max(throttle_delay_s(reply) or 0.0, SPACING_S)
            is_last = is_last or now + delay_s - self._began_at > PATIENCE_S
            return self._told if is_last else self._turn(delay_s, is_retry=True)
        if reply.status != 200:
            return self._told
        listed = self._listed(reply, sent_at)
        if listed is not None and (is_last or _is_whole(listed.assessment)):
            return listed
        return self._told if is_last else self._turn(SPACING_S)

    def _listed(self, reply: Reply, sent_at: float) -> Ending | None:
        """How the server ends by what Graph shows; None where that is no result of this assessment."""
        if (row := latest_assessment(reply)) is None:
            return None
        ago_s = seconds_ago(row.started, reply)
        if ago_s is None or not -AHEAD_S <= ago_s <= sent_at - self._since + A_LITTLE_S:
            return None
        patches = row.assessment.get("patches")
        rows = [each for each in patches if isinstance(each, dict)] if isinstance(patches, list) else []
        ending = outcomes.assessment(reply, with_patches(row.assessment, rows), Source.GRAPH)
        return replace(ending, trace=self._told.trace) if ending.outcome is Outcome.ASSESSED else None

    def _turn(self, after_s: float, *, is_retry: bool = False) -> Turn:
        # Apart from other servers that are asked about.
        after_s *= 1.0 + 0.1 * self._rules.retrying.chance()
        return Turn(RequestKind.QUERY_PATCHES, after_s=after_s, is_retry=is_retry)


def _is_whole(assessment: dict[str, Json] | None) -> bool:
    patches = (assessment or {}).get("patches")
    return isinstance(patches, list) and len(patches) >= patches_told(assessment or {})
