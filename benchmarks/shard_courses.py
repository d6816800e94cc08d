"""Shards of a scan in virtual time, listing and all, by the product's own scheduler.

A program of its own, `python -m benchmarks.shard_courses TENANT [SHARD]`, which prints `ShardCourse`s as
JSON: a million machines take the memory of one shard.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict

import orjson

from benchmarks.scale import ShardCourse
from benchmarks.tenants import TENANTS, Tenant
from fleetscan.model import Outcome, Reason, RequestKind
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.simulator.cloud import Cloud
from tests.virtual_scan import Clock, Transport, run_to_end, virtual


class Seen(Hooks):
    """What a scan showed: when it began and had listed, and how many requests each had which answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.first_start_s: float | None = None
        self.listed_s = self.ends_s = 0.0
        self.assessed = 0
        self.running = self.most_running = 0
        self.answers: Counter[tuple[RequestKind, int]] = Counter()
        self.by_minute: Counter[int] = Counter()

    def sent(self, kind: RequestKind) -> None:
        self.by_minute[int(self._clock.now / 60)] += 1
        if kind is RequestKind.START and self.first_start_s is None:
            self.first_start_s = self._clock.now

    def counted(self, vms: int, subscriptions: int) -> None:
        self.listed_s = self._clock.now

    def accepted(self) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)

    def finished(self) -> None:
        self.running -= 1

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        self.assessed += outcome is Outcome.ASSESSED

    def answered(self, kind: RequestKind, status: int, seconds: float) -> None:
        self.answers[kind, status] += 1

    def requests(self) -> dict[str, int]:
        """How many of each kind, 429s among them."""
        told: Counter[str] = Counter()
        for (kind, _), count in self.answers.items():
            told[kind.value] += count
        return dict(told)


def course_alone(tenant: Tenant, number: int) -> ShardCourse:
    """Plays one shard by itself, from its listing to its last row."""
    return played(tenant, tenant.part(number), [number])[0]


def courses_together(tenant: Tenant) -> list[ShardCourse]:
    """Plays all shards in one Azure, which they ask at the same time."""
    return played(tenant, tenant.cloud(), list(range(1, tenant.shards + 1)))


def played(tenant: Tenant, cloud: Cloud, numbers: list[int]) -> list[ShardCourse]:
    """These shards, each a scan of its own over `cloud`; the CPU and the memory are of all of them."""
    clock = Clock()
    seen = [Seen(clock) for _ in numbers]

    async def scan(number: int, hooks: Seen) -> None:
        await scan_over(Transport(cloud, clock), tenant.settings(number), hooks=hooks)
        hooks.ends_s = clock.now

    async def all_scans() -> None:
        await asyncio.gather(*map(scan, numbers, seen))

    began_s = time.process_time()
    with virtual(clock):
        run_to_end(all_scans(), clock)
    cpu_s = time.process_time() - began_s
    return [_course(tenant, cloud, *each, cpu_s) for each in zip(numbers, seen, strict=True)]


def _course(tenant: Tenant, cloud: Cloud, number: int, seen: Seen, cpu_s: float) -> ShardCourse:
    own = [machine for machine in cloud.fleet if tenant.has(machine, number)]
    return ShardCourse(
        tenant=tenant.name,
        shard=number,
        subscriptions=len({machine.subscription.subscription_id for machine in own}),
        machines=len(own),
        first_start_s=seen.first_start_s or 0.0,
        listed_s=seen.listed_s,
        ends_s=seen.ends_s,
        bound_s=tenant.bound_s(own),
        requests=seen.requests(),
        refused=sum(count for (_, status), count in seen.answers.items() if status == 429),
        busiest_per_s=max(seen.by_minute.values(), default=0) / 60,
        most_running=seen.most_running,
        lost=len(own) - seen.assessed,
        cpu_s=cpu_s,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    )


def main() -> None:
    """Play what the arguments name and print what came of it."""
    tenants = {tenant.name: tenant for tenant in TENANTS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tenant", choices=tenants)
    parser.add_argument("shard", type=int, nargs="?", help="this one alone, else all together")
    args = parser.parse_args()
    tenant = tenants[args.tenant]
    courses = courses_together(tenant) if args.shard is None else [course_alone(tenant, args.shard)]
    sys.stdout.buffer.write(orjson.dumps([asdict(course) for course in courses]))


if __name__ == "__main__":
    main()
