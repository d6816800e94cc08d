"""What a pretend Azure is asked to be: sizes, speeds and how often things go wrong.

A scenario and its seed decide everything about a cloud but the requests it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Refill: TypeAlias = Literal["continuous", "by-minute"]
PolicyNames: TypeAlias = Literal["2023", "2024", "novel"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """The pretend fleet and the weather it lives in.

    `speed` divides the assessments' durations. `limits_speed` multiplies both the size and the refill
    of every token bucket; 0 removes all limits. `refill` is how Compute's buckets fill: evenly, or with a
    whole minute's tokens at each whole minute of the cloud's clock; ARM's always fill evenly. Another client
    takes `rival_share` of the refill of every bucket that machines share. `policy_names` is how Compute's
    quota headers name its policies: two windows as in 2023, those of 2024, or names nobody has heard of.
    `lognormal` durations have a median of 180 s and one in a hundred ten times its length; `regular` ones
    are 180 s on Windows and 120 s on Linux, within 5 %. `patches` is the mean number in a list. The
    percentages are of all machines and exclude each other. A `denied` Resource Graph answers 403; a
    `broken` one repeats a skip token, or 500 where one page would do. `token` is the one bearer token
    accepted; None accepts any. On `installing_pct` of the machines that run, a patch installation is under
    way when the cloud begins. Resource Graph's patch tables show the cloud as it was `graph_lag_s` ago, a
    time that `speed` divides too. `faults_pct` of the requests meet a fault that passes with them,
    `troubled_pct` of the machines have a trouble that lasts, and so many `outages` begin within the first
    quarter of an hour.
    """

    machines: int = 300
    subscriptions: int = 4
    regions: int = 3
    seed: int = 1
    speed: float = 1.0
    limits_speed: float = 1.0
    refill: Refill = "continuous"
    rival_share: float = 0.0
    policy_names: PolicyNames = "2024"
    durations: Literal["lognormal", "regular"] = "lognormal"
    patches: int = 20
    stopped_pct: float = 5.0
    warned_pct: float = 4.0
    truncated_pct: float = 1.0
    failing_pct: float = 2.0
    page_size: int = 1000
    graph: Literal["up", "denied", "broken"] = "up"
    token: str | None = None
    installing_pct: float = 0.0
    graph_lag_s: float = 3.0
    faults_pct: float = 0.0
    troubled_pct: float = 0.0
    outages: int = 0

    def __post_init__(self) -> None:
        least = {"machines": 0, "subscriptions": 1, "regions": 1, "patches": 0, "page_size": 1}
        least |= {"graph_lag_s": 0, "outages": 0}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be {smallest} or more")
        if self.speed <= 0 or self.limits_speed < 0:
            raise ValueError("speed must be above 0, and limits_speed 0 (no limits) or above")
        if not 0 <= self.rival_share < 1:
            raise ValueError(f"rival_share is {self.rival_share}, and must be 0 or more and below 1")
        for name in ("installing_pct", "faults_pct", "troubled_pct"):
            if not 0 <= getattr(self, name) <= 100:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be from 0 to 100")
        shares = (self.stopped_pct, self.warned_pct, self.truncated_pct, self.failing_pct)
        if min(shares) < 0 or sum(shares) > 100:
            raise ValueError(f"the percentages {shares} must each be 0 or more, and 100 at most together")
