"""What is measured: five questions, each with its own simulated Azures; one function each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.commands import Client, first_look_after, learning_from, one_look, pace_at
from benchmarks.runs import Run, measure, measure_elsewhere, measure_in_flight
from fleetscan.simulator.scenario import Scenario

# Assessments of 33 to 53 ms, polled after 100 ms.
BRIEF_SPEED = 3600.0
BRIEF_PACE = one_look(0.1, BRIEF_SPEED)
# The fastest at which the official clients keep to their 30 s, here 0.3, while 64 requests wait for CPU.
DEFAULTS_SPEED = 100.0
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


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured, and how often.

    `cap_s` ends the official clients' runs under limits, which take hours. `weather` are fields of `Scenario`
    that the Azures with limits have instead of the published ones.
    """

    machines: int = 5_000
    threads_machines: int = 1_000
    defaults_machines: int = 600
    rounds: int = 5
    defaults_rounds: int = 3
    limit_rounds: int = 1
    cap_s: float = 240.0
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    in_flight: int = 100_000
    weather: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """The runs of one question; `told` says in a sentence what the Azure was like."""

    name: str
    told: str
    runs: list[Run] = field(default_factory=list)


Say = Callable[[str], None]


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
            _add(scene, run, say)
    yield scene


def defaults(options: Options, say: Say) -> Iterator[Scene]:
    """What a VM costs when every client polls as often as in production, beside scans of one VM."""
    scene = Scene(
        "defaults",
        f"no limits, operations of 2 to 3 minutes and each client's waits, {DEFAULTS_SPEED:g} times faster; "
        "fleetscan polls once, as it learns to do under limits",
    )
    for _ in range(options.defaults_rounds):
        for client in SIDE_BY_SIDE:
            for machines in (1, options.defaults_machines):
                scenario = replace(brief(machines), speed=DEFAULTS_SPEED)
                pace = pace_at(DEFAULTS_SPEED)
                _add(scene, measure(client, scenario, pace, machines=machines, cap_s=cap_s(machines)), say)
    yield scene


def limits(options: Options, say: Say) -> Iterator[Scene]:
    """How close to the bound: fleetscan alone, first without an earlier run and then with --last-run, and
    both ways of using the official client side by side.
    """
    for told, scenario in limited_fleets(options.weather):
        pace = pace_at(scenario.speed)
        scene = Scene(
            f"limits: {told}",
            f"{CONDITIONS}, with --last-run each as long as in the run before; "
            f"the official clients are stopped after {options.cap_s:g} s",
        )
        whole = partial(measure, scenario=scenario, machines=scenario.machines)
        for _ in range(options.limit_rounds):
            with TemporaryDirectory() as first:
                _add(scene, whole(Client.FLEETSCAN, pace=pace, cap_s=LIMITED_CAP_S, keep=Path(first)), say)
                again = learning_from(Path(first), pace)
                _add(scene, whole(Client.FLEETSCAN_AGAIN, pace=again, cap_s=LIMITED_CAP_S), say)
        capped = partial(whole, pace=pace, cap_s=options.cap_s)
        with ThreadPoolExecutor() as side_by_side:
            for run in side_by_side.map(capped, (Client.ASYNCIO, Client.ASYNCIO_WIDE)):
                _add(scene, run, say)
        yield scene


def limited_fleets(weather: Mapping[str, Any]) -> Iterator[tuple[str, Scenario]]:
    """Four subscriptions of about 500 machines in three regions, and one of 800 in one, by name."""
    fleets = {
        "4 subscriptions of 500 VMs": Scenario(machines=2_000, subscriptions=4, regions=3),
        "800 VMs in one subscription and region": Scenario(machines=800, subscriptions=1, regions=1),
    }
    unlike = "".join(f", {name} {value}" for name, value in weather.items())
    for name, fleet in fleets.items():
        # Every machine has a result, so that each line without one is the client's.
        fleet = replace(fleet, durations="regular", failing_pct=0.0, stopped_pct=0.0)
        yield name + unlike, replace(fleet, **weather)


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
            _add(scene, run, say)
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
        _add(scene, run, say)
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
            _add(scene, run, say)
    yield scene


def cap_s(machines: int) -> float:
    """How long a run without limits may take before something must be wrong."""
    return CAP_S + CAP_S_A_MACHINE * machines


def _add(scene: Scene, run: Run, say: Say) -> None:
    scene.runs.append(run)
    trouble = f", {run.trouble}" if run.trouble else ""
    say(f"{scene.name}: {run.client}: {run.results} of {run.machines} in {run.wall_s:.1f} s{trouble}")


QUESTIONS: dict[str, Callable[[Options, Say], Iterator[Scene]]] = {
    "no-limits": no_limits,
    "defaults": defaults,
    "limits": limits,
    "growth": growth,
    "in-flight": in_flight,
}
"""What `--only` may name."""
