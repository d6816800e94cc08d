"""One fleet's scan in virtual time, by the product's own scheduler, and how late it saw the ends.

A program of its own, `python -m benchmarks.courses FLEET SEED`, which prints a `Course` as JSON: what it
loads must not make the harness larger, because Linux counts that into the peak of the clients that follow.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import asdict, replace
from math import exp

import orjson

from benchmarks.bound import bound_of
from benchmarks.ends_seen import Course
from benchmarks.fleets import FLEETS, Fleet, Known
from benchmarks.runs import quantile
from benchmarks.whole_courses import whole_course_of
from fleetscan.engine.operation import Operation
from fleetscan.model import Outcome, RequestKind, Target
from fleetscan.scanner.past_durations import PastDurations
from fleetscan.scanner.policy import longest_first, operation_rules
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fleet import Machine
from tests.virtual import ENDPOINT, History, cloud_of, ends_at, lateness_s, play

# How far a VM's duration differs from its last one: the sigma of the lognormal ratio.
DIFFERS = 0.1


def course_of(fleet: Fleet, seed: int) -> Course:
    """Plays the fleet that `seed` makes."""
    cloud = cloud_of(replace(fleet.scenario, seed=seed))
    if fleet.known is Known.GRAPH:
        return whole_course_of(fleet.name, cloud, seed)
    history = play(cloud, operations_of(cloud, past_of(cloud, fleet.known)))
    late_s, ends = lateness_s(cloud, history), ends_at(cloud, history)
    return Course(
        fleet=fleet.name,
        machines=len(cloud.fleet),
        seed=seed,
        median_s=quantile(late_s, 0.5) or 0.0,
        p90_s=quantile(late_s, 0.9) or 0.0,
        makespan_s=history.finished_at,
        order_s=max(ends.values()),
        bound_s=bound_of(cloud.fleet, cloud.scenario),
        polls=history.count(RequestKind.POLL),
        polls_throttled=throttled(history, RequestKind.POLL),
        starts_throttled=throttled(history, RequestKind.START),
        lost=len(cloud.fleet) - assessed(history),
    )


def past_of(cloud: Cloud, known: Known) -> PastDurations:
    """What is known before the first start of how long assessments take."""
    past = PastDurations()
    match known:
        case Known.NOTHING | Known.GRAPH:
            return past
        case Known.LAST_RUN | Known.LAST_RUN_AGAIN:
            differs = DIFFERS if known is Known.LAST_RUN else 0.0
            draw = random.Random(f"{cloud.scenario.seed}:last run")  # noqa: S311 - a seed repeats
            for machine in cloud.fleet:
                last_s = machine.lot.duration_s * exp(differs * draw.gauss(0.0, 1.0))
                past.by_machine[machine.key] = last_s
                past.by_os.setdefault(_os_type(machine), []).append(last_s)
    return past


def operations_of(cloud: Cloud, past: PastDurations) -> list[Operation]:
    """The scan's operations in the order in which it starts them, by its own rules and usual settings."""
    targets = [_target(machine) for machine in cloud.fleet]
    chance = random.Random(cloud.scenario.seed).random  # noqa: S311 - a seed repeats
    rules = operation_rules(Settings(endpoint=ENDPOINT), chance, past)
    return [
        Operation(targets[number], rules, past.of(targets[number]), number)
        for number in longest_first(targets, past)
    ]


def throttled(history: History, kind: RequestKind) -> int:
    """Requests of a kind that were answered 429."""
    return sum(reply.status == 429 for _, step, reply in history.replies if step.turn.kind is kind)


def assessed(history: History) -> int:
    """VMs that ended with a result."""
    return sum(isinstance(job, Operation) and job.ending.outcome is Outcome.ASSESSED for job in history.ended)


def _target(machine: Machine) -> Target:
    subscription_id, group = machine.subscription.subscription_id, machine.resource_group
    return Target(
        machine.resource_id, subscription_id, group, machine.name,
        location=machine.region, os_type=_os_type(machine),
    )  # fmt: skip


def _os_type(machine: Machine) -> str:
    return "Windows" if machine.image.is_windows else "Linux"


def main() -> None:
    """Play what the arguments name and print what came of it."""
    fleets = {fleet.name: fleet for fleet in FLEETS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fleet", choices=fleets)
    parser.add_argument("seed", type=int)
    args = parser.parse_args()
    sys.stdout.buffer.write(orjson.dumps(asdict(course_of(fleets[args.fleet], args.seed))))


if __name__ == "__main__":
    main()
