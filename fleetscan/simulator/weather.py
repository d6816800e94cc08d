"""Which requests go wrong, and in which way: outages first, then faults by chance.

Whether a request meets a fault follows from the seed, the machine or subscription it is about, what it is
for, and how many such requests came before: the order of the machines changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter

from fleetscan.simulator.call import Call
from fleetscan.simulator.chances import chances
from fleetscan.simulator.estate import Estate
from fleetscan.simulator.faults import Strike
from fleetscan.simulator.ledger import Ask
from fleetscan.simulator.outages import draw_outages
from fleetscan.simulator.routes import Route
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.ways import Way

_ANYWHERE = (
    Way.NOT_SENT,
    Way.RESET_BEFORE,
    Way.RESET_AFTER,
    Way.STALL_BEFORE,
    Way.STALL_AFTER,
    Way.REQUEST_TIMEOUT,
    Way.SERVER_ERROR,
    Way.BAD_GATEWAY,
    Way.UNAVAILABLE,
    Way.GATEWAY_TIMEOUT,
    Way.GATEWAY_TIMEOUT_AFTER,
    Way.THROTTLED,
    Way.REDIRECTED,
    Way.CHALLENGED,
)
_BODIES = (Way.TRUNCATED_BODY, Way.ARRAY_BODY, Way.EMPTY_BODY, Way.HTML_BODY)
# An ordinary way is five times as frequent as a rare one.
_OF_READS = (_ANYWHERE + _BODIES) * 5 + (Way.HUGE_BODY,)
_OF_POLLS = (*_ANYWHERE, *_BODIES, Way.LOST_POLL) * 5 + (Way.HUGE_BODY,)
_OF_STARTS = _ANYWHERE * 5 + (Way.MISSING_URLS, Way.ASTRAY_URLS)
_WAYS = {Ask.START: _OF_STARTS, Ask.POLL: _OF_POLLS, Ask.RESULT: _OF_POLLS}


class Weather:
    """The weather of one cloud."""

    def __init__(self, scenario: Scenario, estate: Estate) -> None:
        self._scenario = scenario
        self._outages = draw_outages(scenario, estate)
        self._came: Counter[tuple[str, Ask]] = Counter()
        self._lost: set[str] = set()

    def strike(self, call: Call, route: Route, at: float) -> Strike | None:
        """The fault that meets a request that came now, or None."""
        for outage in self._outages:
            if outage.covers(route, at):
                return Strike(outage.way, call, route, "", self._scenario.policy_names)
        return self._fault(call, route) if self._scenario.faults_pct else None

    def _fault(self, call: Call, route: Route) -> Strike | None:
        who = _who(call, route)
        self._came[who, route.ask] += 1
        seed = f"{self._scenario.seed}:{who}:{route.ask.value}:{self._came[who, route.ask]}:fault"
        percentile, choice, *_ = chances(seed)
        if percentile * 100 >= self._scenario.faults_pct:
            return None
        ways = _WAYS.get(route.ask, _OF_READS)
        way = ways[int(choice * len(ways))]
        if way is Way.LOST_POLL:
            if who in self._lost:
                return None
            self._lost.add(who)
        return Strike(way, call, route, seed, self._scenario.policy_names)


def _who(call: Call, route: Route) -> str:
    """A machine, or a subscription, or a request of the tenant, which Resource Graph has in its body."""
    if route.machine_key or route.subscription_id:
        return route.machine_key or route.subscription_id
    return f"{'/'.join(call.names)}:{hashlib.blake2b(call.body, digest_size=16).hexdigest()}"
