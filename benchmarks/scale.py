"""How far shards scale: tenants of up to a million machines in virtual time, divided as `--shard` does.

`python -m benchmarks.scale` plays every tenant and prints the lines of docs/design/scale.md. A million
machines take half an hour of CPU; `--only` names tenants, `--at-once` plays so many shards side by side.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import orjson

from benchmarks.markdown import markdown
from benchmarks.place import CHECKOUT
from benchmarks.tenants import TENANTS, Tenant


@dataclass(frozen=True, slots=True)
class ShardCourse:
    """One shard's scan. Times are in seconds from the moment at which all shards begin.

    `bound_s` is the least in which its machines can be listed and assessed by the buckets that are the
    shard's. `requests` are by kind, `refused` of them were answered 429. `cpu_s` and `peak_mb` are of the
    process, the simulated Azure's part among them.
    """

    tenant: str
    shard: int
    subscriptions: int
    machines: int
    first_start_s: float
    listed_s: float
    ends_s: float
    bound_s: float
    requests: dict[str, int]
    refused: int
    busiest_per_s: float
    most_running: int
    lost: int
    cpu_s: float
    peak_mb: float


def play(tenant: Tenant, at_once: int, say: Callable[[str], None]) -> list[ShardCourse]:
    """Every shard of the tenant, in processes of their own. Raises CalledProcessError where one fails."""
    numbers = [None] if tenant.together else range(1, tenant.shards + 1)
    courses: list[ShardCourse] = []
    with ThreadPoolExecutor(at_once) as side_by_side:
        for told in side_by_side.map(lambda number: _apart(tenant, number), numbers):
            courses += told
            say(f"{tenant.name}: {len(courses)} of {tenant.shards} shards, {told[-1].cpu_s:.0f} s of CPU")
    return courses


def _apart(tenant: Tenant, number: int | None) -> list[ShardCourse]:
    line = [sys.executable, "-m", "benchmarks.shard_courses", tenant.name]
    line += [] if number is None else [str(number)]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, cwd=CHECKOUT)
    return [ShardCourse(**each) for each in orjson.loads(done.stdout)]


Figure = Callable[[Sequence[ShardCourse]], str]


def _sum(kind: str) -> Figure:
    return lambda courses: f"{sum(each.requests.get(kind, 0) for each in courses):,}"


FIGURES: dict[str, Figure] = {
    "shards": lambda courses: f"{len(courses)}",
    "VMs a shard": lambda courses: _ends(courses, lambda each: each.machines, ","),
    "first start s": lambda courses: f"{max(each.first_start_s for each in courses):.1f}",
    "listed s": lambda courses: f"{max(each.listed_s for each in courses):.0f}",
    "ends s": lambda courses: f"{max(each.ends_s for each in courses):.0f}",
    "bound s": lambda courses: f"{max(each.bound_s for each in courses):.0f}",
    "over bound": lambda courses: f"{over_bound(courses):.3f}",
    "worst shard": lambda courses: (
        f"{max(each.ends_s / each.bound_s for each in courses if each.machines):.3f}"
    ),
    "Graph queries": _sum("query_graph"),
    "polls a VM": lambda courses: f"{_all(courses, 'poll') / _machines(courses):.1f}",
    "429s": lambda courses: f"{sum(each.refused for each in courses):,}",
    "requests/s of a shard, busiest minute": lambda courses: (
        f"{max(each.busiest_per_s for each in courses):.0f}"
    ),
    "running at once in a shard": lambda courses: f"{max(each.most_running for each in courses):,}",
    "VMs lost": lambda courses: f"{sum(each.lost for each in courses):,}",
    "peak MB": lambda courses: f"{max(each.peak_mb for each in courses):.0f}",
}


def over_bound(courses: Sequence[ShardCourse]) -> float:
    """When the last shard ended, over when the last could have."""
    return max(each.ends_s for each in courses) / max(each.bound_s for each in courses)


def _all(courses: Sequence[ShardCourse], kind: str) -> int:
    return sum(each.requests.get(kind, 0) for each in courses)


def _machines(courses: Sequence[ShardCourse]) -> int:
    return sum(each.machines for each in courses)


def _ends(courses: Sequence[ShardCourse], figure: Callable[[ShardCourse], float], form: str) -> str:
    least, most = min(map(figure, courses)), max(map(figure, courses))
    return f"{least:{form}} to {most:{form}}"


def scale_table(courses: Sequence[ShardCourse]) -> str:
    """A line for each tenant, of the last shard where they differ."""
    tenants: dict[str, list[ShardCourse]] = {}
    for course in courses:
        tenants.setdefault(course.tenant, []).append(course)
    lines = [[name, *(figure(each) for figure in FIGURES.values())] for name, each in tenants.items()]
    return markdown(["tenant", *FIGURES], lines, words=("tenant",))


def main() -> None:
    """Play what is asked for, and print the table."""
    tenants = {tenant.name: tenant for tenant in TENANTS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=tenants)
    parser.add_argument("--at-once", type=int, default=1, help="shards that play side by side")
    args = parser.parse_args()
    for name in args.only or tenants:
        courses = play(tenants[name], args.at_once, lambda line: print(line, file=sys.stderr, flush=True))
        print(scale_table(courses), flush=True)


if __name__ == "__main__":
    main()
