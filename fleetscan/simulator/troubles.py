"""Lasting troubles of single machines, each drawn from its machine's own seed and apart from its fate.

A fault passes with the request that met it; a trouble is met at every request.
"""

from __future__ import annotations

from enum import Enum

from fleetscan.simulator.chances import chances
from fleetscan.simulator.scenario import Scenario

# How long the operation of OPERATION_LOST can be read, at the scenario's speed.
LOST_AFTER_S = 30.0


class Trouble(Enum):
    """What is wrong with all of a machine's operations."""

    NEVER_ENDING = "never_ending"
    """They never end."""
    POLL_DENIED = "poll_denied"
    """They can be started but not polled: every poll is answered 403."""
    OPERATION_LOST = "operation_lost"
    """Every poll is answered 404 from 30 s after the start on; the assessment goes on."""
    VANISHING = "vanishing"
    """The machine is deleted after half of its time: its operation and itself are answered 404."""
    PREEMPTED = "preempted"
    """They end as Canceled with OperationPreempted after half of their time, without a newer operation."""
    ASTRAY = "astray"
    """The 202's URLs lead to another host."""


_ALL = tuple(Trouble)


def trouble_of(scenario: Scenario, key: str) -> Trouble | None:
    """The trouble of the machine with the lower-cased id `key`; most have none."""
    if not scenario.troubled_pct:
        return None
    percentile, choice, *_ = chances(f"{scenario.seed}:{key}:trouble")
    return _ALL[int(choice * len(_ALL))] if percentile * 100 < scenario.troubled_pct else None
