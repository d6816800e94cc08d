"""Outages: stretches of time in which a part of the cloud does not answer, drawn from the scenario's seed.

All of them begin within the first quarter of an hour, when a scan is busiest; `speed` divides every time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import exp, log

from fleetscan.simulator.estate import Estate
from fleetscan.simulator.routes import Route
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.ways import Way

LAST_BEGIN_S = 900.0
LEAST_S = 20.0
MOST_S = 1200.0
# An outage in which no token is accepted, in any subscription.
TENANT_SHARE = 0.25
TENANT_MOST_S = 120.0


@dataclass(frozen=True, slots=True)
class Outage:
    """From `begins_at` until `ends_at` every request to a place meets `way`.

    `subscription_id` "" is the whole tenant, `region` "" the whole subscription, its lists included.
    """

    begins_at: float
    ends_at: float
    way: Way
    subscription_id: str = ""
    region: str = ""

    def covers(self, route: Route, at: float) -> bool:
        """Whether a request to that place at that moment meets it."""
        return (
            self.begins_at <= at < self.ends_at
            and self.subscription_id in ("", route.subscription_id)
            and self.region in ("", route.region)
        )


def draw_outages(scenario: Scenario, estate: Estate) -> tuple[Outage, ...]:
    """As many as the scenario asks for."""
    draw = random.Random(f"{scenario.seed}:outages")
    return tuple(_outage(scenario.speed, estate, draw) for _ in range(scenario.outages))


def _outage(speed: float, estate: Estate, draw: random.Random) -> Outage:
    begins_at = draw.uniform(0.0, LAST_BEGIN_S) / speed
    if draw.random() < TENANT_SHARE:
        return Outage(begins_at, begins_at + draw.uniform(LEAST_S, TENANT_MOST_S) / speed, Way.CHALLENGED)
    return Outage(
        begins_at,
        begins_at + exp(draw.uniform(log(LEAST_S), log(MOST_S))) / speed,
        draw.choice((Way.UNAVAILABLE, Way.RESET_BEFORE)),
        draw.choice(estate.subscriptions).subscription_id,
        draw.choice(("", *estate.regions)),
    )
