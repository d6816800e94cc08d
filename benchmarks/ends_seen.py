"""How soon an operation's end is seen: the scene that plays every fleet in virtual time, some seeds each.

The harness's side: it starts `benchmarks.courses` for each run, as many at once as there are cores, and makes
medians and a table of what they print.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median

import orjson

from benchmarks.fleets import FLEETS, Fleet
from benchmarks.markdown import markdown
from benchmarks.place import CHECKOUT

NAME = "ends seen"
TOLD = (
    "virtual time, Azure's published limits unless named, one region in each subscription except the first, "
    "64 requests in flight, 80 ms each; lognormal assessments have a median of 180 s and sigma 0.5, bimodal "
    "ones take 30 s or 10 minutes"
)


@dataclass(frozen=True, slots=True)
class Course:
    """One fleet's scan. `median_s` and `p90_s` are from an operation's end to the reply that shows it.

    `order_s` is when the last operation ended: the least that this order of starts allows. `bound_s` is the
    least that any allows.
    """

    fleet: str
    machines: int
    seed: int
    median_s: float
    p90_s: float
    makespan_s: float
    order_s: float
    bound_s: float
    polls: int
    polls_throttled: int
    starts_throttled: int
    lost: int


@dataclass(frozen=True, slots=True)
class Ends:
    """The courses of a scene; `told` says in a sentence what the Azure was like."""

    name: str
    told: str
    courses: list[Course] = field(default_factory=list)


def play_fleets(seeds: int, say: Callable[[str], None], fleets: Iterable[Fleet] = FLEETS) -> Ends:
    """Every fleet with the seeds 1, 2 and so on."""
    tasks = [(fleet, seed) for fleet in fleets for seed in range(1, seeds + 1)]
    scene = Ends(NAME, TOLD)
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        for course in side_by_side.map(lambda task: play_apart(*task), tasks):
            scene.courses.append(course)
            say(f"{NAME}: {course.fleet}, seed {course.seed}: {course.median_s:.1f} s in the median")
    return scene


def play_apart(fleet: Fleet, seed: int) -> Course:
    """One course, in a process of its own. Raises CalledProcessError where that fails."""
    line = [sys.executable, "-m", "benchmarks.courses", fleet.name, str(seed)]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, cwd=CHECKOUT)
    return Course(**orjson.loads(done.stdout))


Figure = Callable[[Course], float]
# The worst seed, not the median: one lost VM in five runs is a lost VM.
COUNTS: Mapping[str, Figure] = {
    "polls answered 429": lambda course: course.polls_throttled,
    "starts answered 429": lambda course: course.starts_throttled,
    "VMs lost": lambda course: course.lost,
}
MEDIANS: Mapping[str, tuple[Figure, str]] = {
    "end seen, median s": (lambda course: course.median_s, ".1f"),
    "p90 s": (lambda course: course.p90_s, ".1f"),
    "makespan s": (lambda course: course.makespan_s, ".0f"),
    "over bound": (lambda course: course.makespan_s / course.bound_s, ".3f"),
    "over its own order": (lambda course: course.makespan_s / course.order_s, ".3f"),
    "polls a VM": (lambda course: course.polls / course.machines, ".1f"),
}


def ends_table(scene: Ends) -> str:
    """A line for each fleet: medians of its seeds, and of the counts the worst seed's."""
    fleets: dict[str, list[Course]] = {}
    for course in scene.courses:
        fleets.setdefault(course.fleet, []).append(course)
    names = ["fleet", "seeds", *MEDIANS, *COUNTS]
    return markdown(names, [_line(name, courses) for name, courses in fleets.items()], words=("fleet",))


def _line(name: str, courses: Sequence[Course]) -> list[str]:
    medians = [format(median(map(figure, courses)), form) for figure, form in MEDIANS.values()]
    worst = [format(max(map(figure, courses)), ",") for figure in COUNTS.values()]
    return [name, str(len(courses)), *medians, *worst]
