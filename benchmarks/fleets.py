"""The fleets whose ends are to be seen soon: each a row of the scene `ends seen`, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from fleetscan.simulator.scenario import Scenario


class Known(Enum):
    """What is known before the first start of how long each VM's assessment takes."""

    NOTHING = "nothing"
    LAST_RUN = "last run"
    """Each VM's last duration, from which this one differs by a lognormal tenth: as --last-run gives it."""
    LAST_RUN_AGAIN = "last run again"
    """Each VM's last duration, exactly as long as this one."""
    GRAPH = "Resource Graph"
    """What Resource Graph keeps of each VM's last assessment, which the scan reads while it runs."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A row: the Azure, whose seed each run replaces, and what is known of it."""

    name: str
    scenario: Scenario
    known: Known = Known.NOTHING


def fleet(
    machines: int, durations: str, *, subscriptions: int = 1, regions: int = 1, **weather: object
) -> Scenario:
    """VMs that all have a result; the last one to end decides nothing: none takes ten times as long."""
    plain: dict[str, object] = {
        "machines": machines, "subscriptions": subscriptions, "regions": regions, "durations": durations,
        "long_pct": 0.0, "failing_pct": 0.0, "stopped_pct": 0.0, "patches": 1,
    }  # fmt: skip
    return Scenario(**(plain | weather))  # type: ignore[arg-type]


# 20 to 150 s: small enough that no limit binds, and a person waits.
FEW = fleet(40, "even", subscriptions=2, regions=2)
# No subscription's limits bind for long; the workers do.
MANY = fleet(8_000, "lognormal", subscriptions=40)

FLEETS = (
    Fleet("40 VMs in 2 subscriptions, 20 to 150 s", FEW),
    Fleet("200 lognormal", fleet(200, "lognormal")),
    Fleet("800 lognormal", fleet(800, "lognormal")),
    Fleet("4 x 500, 2 to 3 minutes", fleet(2_000, "regular", subscriptions=4)),
    Fleet("2,000 lognormal", fleet(2_000, "lognormal")),
    Fleet("200 bimodal", fleet(200, "bimodal")),
    Fleet("800 bimodal", fleet(800, "bimodal")),
    Fleet("2,000 bimodal", fleet(2_000, "bimodal")),
    Fleet("200 that all take 3 s", fleet(200, "brief")),
    Fleet("8,000 lognormal in 40 subscriptions", MANY),
    Fleet(
        "800 lognormal with --last-run, each differing by a tenth", fleet(800, "lognormal"), Known.LAST_RUN
    ),
    Fleet(
        "4 x 500 with --last-run, each as long as last time",
        fleet(2_000, "regular", subscriptions=4),
        Known.LAST_RUN_AGAIN,
    ),
    *(
        Fleet(
            f"{name} with Graph's times, {differs}",
            replace(scenario, nights_differ=by),
            Known.GRAPH,
        )
        for name, scenario in (
            ("800 lognormal", fleet(800, "lognormal", assessed_before_pct=100.0)),
            ("4 x 500", fleet(2_000, "regular", subscriptions=4, assessed_before_pct=100.0)),
            ("2,000 lognormal", fleet(2_000, "lognormal", assessed_before_pct=100.0)),
        )
        for differs, by in (("each as long as last time", 0.0), ("each differing by a tenth", 0.1))
    ),
    Fleet("2,000 lognormal, limits halved", fleet(2_000, "lognormal", limits_speed=0.5)),
    Fleet("2,000 lognormal, a rival takes half", fleet(2_000, "lognormal", rival_share=0.5)),
    Fleet("2,000 lognormal, refilled by the minute", fleet(2_000, "lognormal", refill="by-minute")),
    Fleet(
        "2,000 lognormal, all three",
        fleet(2_000, "lognormal", limits_speed=0.5, rival_share=0.5, refill="by-minute"),
    ),
)
