"""What is measured: questions, each with its own simulated Azures; one function each."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.commands import Client, first_look_after, learning_from, one_look, pace_at
from benchmarks.ends_seen import Ends, play_fleets
from benchmarks.runs import measure, measure_elsewhere, measure_in_flight
from benchmarks.scene import Options, Say, Scene
from benchmarks.soon import busiest, few, first_start, paced
from fleetscan.simulator.scenario import Scenario

# Assessments of 33 to 53 ms, polled after 100 ms.
BRIEF_SPEED = 3600.0
BRIEF_PACE = one_look(0.1, BRIEF_SPEED)
# Assessments of hours: nothing finishes and nothing is polled while 100,000 are started.
LASTING_SPEED = 0.01
LASTING_WAIT_S = 3600.0
LIMITED_CAP_S = 3600.0
# Few enough VMs per subscription that a client's own token buckets never bind.
MACHINES_A_SUBSCRIPTION = 100
# Time per VM on a slow computer, and time for any program to start.
CAP_S_A_MACHINE = 0.03
CAP_S = 120.0
WARM_UP_MACHINES = 20
SIDE_BY_SIDE = (Client.FLOOR, Client.FLEETSCAN, Client.ASYNCIO, Client.THREADS)
CONDITIONS = "Azure's published limits in real time unless named, operations of 2 to 3 minutes"


def brief(machines: int) -> Scenario:
    """No limits, assessments of milliseconds, 20 patches, and every machine has a result."""
    return Scenario(
        machines=machines, subscriptions=max(1, machines // MACHINES_A_SUBSCRIPTION), regions=2,
        speed=BRIEF_SPEED, limits_speed=0.0, durations="regular", failing_pct=0.0, stopped_pct=0.0,
    )  # fmt: skip


def no_limits(options: Options, say: Say) -> Iterator[Scene]:
    """What a request costs: all clients in turn, over and over, none of them ever waiting for long."""
    scene = Scene(
        "no limits",
        "operations of 33 to 53 ms, 20 patches: fleetscan and the floor poll once, the official clients "
        "mostly find the operation finished at their first poll",
    )
    turns = dict.fromkeys(SIDE_BY_SIDE, options.machines) | {Client.THREADS: options.threads_machines}
    for client in turns:
        # The first run of a program reads its files from the disk.
        measure(client, brief(WARM_UP_MACHINES), BRIEF_PACE, machines=WARM_UP_MACHINES, cap_s=CAP_S)
    for _ in range(options.rounds):
        for client, machines in turns.items():
            run = measure(
                client, brief(options.machines), BRIEF_PACE, machines=machines, cap_s=cap_s(machines)
            )
            scene.add(run, say)
    yield scene


def limits(options: Options, say: Say) -> Iterator[Scene]:
    """How close to the bound: fleetscan alone, first without an earlier run and then with --last-run, and
    both ways of using the official client side by side.
    """
    told, scenario = limited_fleet(options.weather)
    pace = pace_at(scenario.speed)
    scene = Scene(
        f"limits: {told}",
        f"{CONDITIONS}, with --last-run each as long as in the run before; "
        f"the official clients are stopped after {options.cap_s:g} s",
    )
    whole = partial(measure, scenario=scenario, machines=scenario.machines)
    for _ in range(options.limit_rounds):
        with TemporaryDirectory() as first:
            # A run teaches only a scan of the same endpoint.
            at = partial(whole, cap_s=LIMITED_CAP_S, port=free_port())
            scene.add(at(Client.FLEETSCAN, pace=pace, keep=Path(first)), say)
            scene.add(at(Client.FLEETSCAN_AGAIN, pace=learning_from(Path(first), pace)), say)
    capped = partial(whole, pace=pace, cap_s=options.cap_s)
    with ThreadPoolExecutor() as side_by_side:
        for run in side_by_side.map(capped, (Client.ASYNCIO, Client.ASYNCIO_WIDE)):
            scene.add(run, say)
    yield scene


def free_port() -> int:
    """A port of this computer that nothing uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def limited_fleet(weather: Mapping[str, Any]) -> tuple[str, Scenario]:
    """Four subscriptions of about 500 VMs in three regions, by name.

    Every VM has a result, so that each line without one is the client's.
    """
    fleet = Scenario(
        machines=2_000, subscriptions=4, regions=3, durations="regular", failing_pct=0.0, stopped_pct=0.0
    )
    unlike = "".join(f", {name} {value}" for name, value in weather.items())
    return f"4 subscriptions of 500 VMs{unlike}", replace(fleet, **weather)


def ends_seen(options: Options, say: Say) -> Iterator[Ends]:
    """How soon an operation's end is seen, in virtual time: every kind of fleet."""
    yield play_fleets(options.seeds, say)


def growth(options: Options, say: Say) -> Iterator[Scene]:
    """What a machine costs as fleets grow, start-up left out: that is what a scan of one machine takes."""
    scene = Scene("growth", "no limits, operations of 33 to 53 ms; CPU without that of a scan of 1 VM")
    for machines in (1, *options.sizes):
        # Small runs scatter more and cost less.
        for _ in range(max(1, min(options.rounds, 30_000 // machines))):
            run = measure(
                Client.FLEETSCAN,
                brief(machines),
                BRIEF_PACE,
                machines=machines,
                cap_s=cap_s(machines),
            )
            scene.add(run, say)
    yield scene


def in_flight(options: Options, say: Say) -> Iterator[Scene]:
    """What an operation takes in memory while it is under way, beside a scan of one machine."""
    scene = Scene("in flight", "all operations accepted and none finished, signed URLs of 3.3 kB each")
    for machines in (1, options.in_flight):
        scenario = Scenario(
            machines=machines, subscriptions=max(1, machines // MACHINES_A_SUBSCRIPTION), regions=2,
            speed=LASTING_SPEED, limits_speed=0.0, durations="regular", failing_pct=0.0, stopped_pct=0.0,
        )  # fmt: skip
        run = measure_in_flight(scenario, first_look_after(LASTING_WAIT_S), cap_s=cap_s(machines))
        scene.add(run, say)
    yield scene


def elsewhere(endpoint: str, inventory: Path, options: Options, say: Say) -> Iterator[Scene]:
    """All clients in turn over a server that is not ours."""
    speed = float(options.weather.get("speed", 1.0))
    scene = Scene(
        "elsewhere",
        f"{endpoint}, waits as at {speed:g} times real speed; a VM without a result counts as lost",
    )
    for _ in range(options.limit_rounds):
        for client in SIDE_BY_SIDE:
            run = measure_elsewhere(client, endpoint, inventory, pace_at(speed), cap_s=options.cap_s)
            scene.add(run, say)
    yield scene


def cap_s(machines: int) -> float:
    """How long a run without limits may take before something must be wrong."""
    return CAP_S + CAP_S_A_MACHINE * machines


QUESTIONS: dict[str, Callable[[Options, Say], Iterator[Scene | Ends]]] = {
    "ends-seen": ends_seen,
    "few": few,
    "limits": limits,
    "busiest": busiest,
    "paced": paced,
    "first-start": first_start,
    "no-limits": no_limits,
    "growth": growth,
    "in-flight": in_flight,
}
"""What `--only` may name, in the order of the tables."""
