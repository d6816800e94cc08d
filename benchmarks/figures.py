"""From runs to figures: medians of a client's runs, ratios pair by pair, and what a scene as a whole says.

Pure arithmetic over what was measured. A figure that was not measured is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.commands import Client
from benchmarks.runs import Run
from benchmarks.scene import Scene


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of pairs of runs: the median and the ends."""

    middle: float
    least: float
    most: float


def fleets(scene: Scene) -> list[list[Run]]:
    """The runs of a scene over more than one machine, those of one client over one fleet together."""
    found: dict[tuple[str, int], list[Run]] = {}
    for run in scene.runs:
        if run.machines > 1:
            found.setdefault((run.client, run.machines), []).append(run)
    return list(found.values())


def middle(runs: Sequence[Run], figure: Callable[[Run], float | None]) -> float | None:
    """The median of a figure; None where any run lacks it."""
    found = [value for run in runs if (value := figure(run)) is not None]
    return median(found) if found and len(found) == len(runs) else None


def cpu_ms(run: Run, start_up_s: float | None = None) -> float | None:
    """CPU for each machine that got its result, without `start_up_s` and the one machine in it where given.

    None of a run without results: what does nothing is not cheap.
    """
    spent_s, results = (
        (run.cpu_s, run.results) if start_up_s is None else (run.cpu_s - start_up_s, run.results - 1)
    )
    return spent_s * 1000 / results if results > 0 else None


def requests_a_vm(run: Run, kind: str) -> float | None:
    """Requests of a kind for each machine, 429s left out."""
    return None if run.requests is None else run.requests.get(kind, 0) / run.machines


def all_requests_a_vm(run: Run) -> float | None:
    """Requests for each machine, of every kind, 429s among them."""
    if run.requests is None or run.throttled is None:
        return None
    return (sum(run.requests.values()) + run.throttled) / run.machines


def over_bound(run: Run) -> float | None:
    """How many times the least possible a run took; None unless every machine had its result."""
    if not run.bound_s or run.span_s is None or run.results < run.machines:
        return None
    return run.span_s / run.bound_s


def over_floor(runs: Sequence[Run], scene: Scene) -> Ratio | None:
    """CPU a machine against the floor's of the same round, without start-up where that was measured.

    None where the scene has no floor, for the floor itself, and where a run had no results.
    """
    floors = [run for run in scene.runs if run.client == Client.FLOOR.value and run.machines > 1]
    if not floors or runs[0].client == Client.FLOOR.value:
        return None
    mine_s, floor_s = start_up_cpu_s(runs, scene), start_up_cpu_s(floors, scene)
    pairs = [(cpu_ms(run, mine_s), cpu_ms(floor, floor_s)) for run, floor in zip(runs, floors, strict=False)]
    ratios = [mine / floor for mine, floor in pairs if mine is not None and floor]
    if len(ratios) < len(runs):
        return None
    return Ratio(median(ratios), min(ratios), max(ratios))


def start_up_cpu_s(runs: Sequence[Run], scene: Scene) -> float | None:
    """What the same client takes for one machine; None where that was not measured, or brought no result."""
    return middle(_of_one(runs, scene), lambda run: run.cpu_s if run.results else None)


def cpu_ms_without_start_up(runs: Sequence[Run], scene: Scene) -> float | None:
    """CPU a machine once that of a scan of one machine is taken away."""
    start_up_s = start_up_cpu_s(runs, scene)
    return None if start_up_s is None else middle(runs, lambda run: cpu_ms(run, start_up_s))


def slope(runs: Sequence[Run], scene: Scene) -> float | None:
    """That CPU against the smallest fleet's: 1 where a scan grows in proportion."""
    smallest = next(group for group in fleets(scene) if group[0].client == runs[0].client)
    mine, least = cpu_ms_without_start_up(runs, scene), cpu_ms_without_start_up(smallest, scene)
    return None if mine is None or not least or smallest[0].machines == runs[0].machines else mine / least


def bytes_an_operation(runs: Sequence[Run], scene: Scene) -> float | None:
    """What one more operation in flight takes, start-up left out."""
    one = middle(_of_one(runs, scene), lambda run: run.in_flight_mb)
    many = middle(runs, lambda run: run.in_flight_mb)
    return None if one is None or many is None else (many - one) * 1e6 / (runs[0].machines - 1)


def _of_one(runs: Sequence[Run], scene: Scene) -> list[Run]:
    return [run for run in scene.runs if run.machines == 1 and run.client == runs[0].client]


def named(scenes: Mapping[str, Scene], start: str) -> list[Scene]:
    """The scenes whose names begin so."""
    return [scene for name, scene in scenes.items() if name.startswith(start)]
