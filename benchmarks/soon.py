"""How soon a person knows, in real time: a few VMs beside the official client, the busiest minute of a large
fleet, what a paced poll costs, and the CPU from the command to the first start.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from benchmarks.commands import Client, first_look_after, pace_at
from benchmarks.fleets import FEW, MANY
from benchmarks.paced import measure_own_part
from benchmarks.runs import measure, measure_first_start
from benchmarks.scene import Options, Say, Scene
from fleetscan.simulator.scenario import Scenario

# All at once the official client takes 306 s.
FEW_CAP_S = 420.0
# All are started within 40 s, most requests are sent between 100 and 290 s, and later minutes have fewer.
MANY_CAP_S = 240.0
LASTING_WAIT_S = 3600.0
# Nothing finishes before it is stopped.
TWO_LASTING = Scenario(machines=2, subscriptions=1, regions=1, speed=0.01, limits_speed=0.0, stopped_pct=0.0,
               failing_pct=0.0)  # fmt: skip
START_CAP_S = 60.0


def few(options: Options, say: Say) -> Iterator[Scene]:
    """A few VMs: fleetscan, and beside it the official client, which starts and polls them all at once."""
    scene = Scene("limits: 40 VMs in 2 subscriptions", "Azure's published limits, operations of 20 to 150 s")
    scenario = replace(FEW, **options.weather)
    whole = partial(measure, scenario=scenario, pace=pace_at(scenario.speed), machines=FEW.machines)
    with ThreadPoolExecutor() as side_by_side:
        capped = partial(whole, cap_s=FEW_CAP_S)
        for run in side_by_side.map(capped, (Client.FLEETSCAN, Client.ASYNCIO_WIDE)):
            scene.add(run, say)
    yield scene


def busiest(options: Options, say: Say) -> Iterator[Scene]:
    """How much of a core a large fleet takes when most happens."""
    scene = Scene(
        "busiest minute",
        "Azure's published limits, 8,000 VMs in 40 subscriptions, lognormal operations with a median of "
        f"180 s, 64 requests in flight; stopped after {MANY_CAP_S:g} s",
    )
    run = measure(Client.FLEETSCAN, MANY, pace_at(1.0), machines=MANY.machines, cap_s=MANY_CAP_S)
    scene.add(run, say)
    yield scene


def paced(options: Options, say: Say) -> Iterator[Scene]:
    """What a poll takes of our own CPU when it waits for its bucket."""
    scene = Scene(
        "paced polls",
        "the scan's own code in real time, without HTTP: 400 of 800 VMs still run in one subscription, whose "
        "25 reads a second bind; the simulated Azure is in the same process and its time is taken away",
    )
    for _ in range(options.limit_rounds):
        for run in measure_own_part():
            scene.add(run, say)
    yield scene


def first_start(options: Options, say: Say) -> Iterator[Scene]:
    """What happens before Azure is asked for anything: CPU from the command to the first start."""
    scene = Scene(
        "first start",
        "a ready token; fleetscan lists 2 VMs, the floor reads them from a file",
    )
    once = partial(
        measure_first_start, scenario=TWO_LASTING, pace=first_look_after(LASTING_WAIT_S), cap_s=START_CAP_S
    )
    clients = (Client.FLOOR, Client.FLEETSCAN)
    for client in clients:
        # The first run of a program reads its files from the disk, and may compile them.
        once(client)
    for _ in range(2 * options.rounds):
        for client in clients:
            scene.add(once(client), say)
    yield scene
