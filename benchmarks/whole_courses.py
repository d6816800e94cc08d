"""A fleet's whole scan in virtual time, listing and Resource Graph's last assessments too.

Where nothing is known but what the scan itself finds out, its listing and those pages are played as well.
"""

from __future__ import annotations

from benchmarks.bound import bound_of
from benchmarks.ends_seen import Course
from benchmarks.runs import quantile
from fleetscan.model import Outcome, Reason, Reply, Request, RequestKind
from fleetscan.records.row import Row
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from tests.virtual import ENDPOINT
from tests.virtual_scan import Clock, Transport, run_to_end, virtual

START = "/assesspatches"


class Seen(Hooks):
    """What a scan showed: when each VM's row came, and what was refused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.done_at: dict[str, float] = {}
        self.assessed = 0
        self.answers: list[tuple[RequestKind, int]] = []

    def row(self, row: Row) -> None:
        self.done_at[row["resource_id"].lower()] = self._clock.now

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        self.assessed += outcome is Outcome.ASSESSED

    def answered(self, kind: RequestKind, status: int, seconds: float) -> None:
        self.answers.append((kind, status))


class Wire:
    """The simulated Azure, with when it accepted each VM's operation."""

    def __init__(self, cloud: Cloud, clock: Clock) -> None:
        self._transport = Transport(cloud, clock)
        self._clock = clock
        self.accepted_at: dict[str, float] = {}

    async def exchange(self, request: Request) -> Reply:
        """One exchange; what is asked arrives at once."""
        at = self._clock.now
        reply = await self._transport.exchange(request)
        path, found, _ = request.url.lower().removeprefix(ENDPOINT).partition(START)
        if found and reply.status == 202:
            self.accepted_at[path] = at
        return reply


def whole_course_of(name: str, cloud: Cloud, seed: int) -> Course:
    """A scan of all that `cloud` has."""
    clock = Clock()
    wire, seen = Wire(cloud, clock), Seen(clock)
    with virtual(clock):
        run_to_end(scan_over(wire, Settings(endpoint=ENDPOINT), hooks=seen), clock)
    # Starts cannot go before the fleet is listed, and the bound knows of no listing.
    first_at = min(wire.accepted_at.values())
    ends = {
        machine.key: wire.accepted_at[machine.key] + machine.lot.duration_s
        for machine in cloud.fleet
        if machine.key in wire.accepted_at
    }
    late_s = sorted(seen.done_at[key] - at for key, at in ends.items() if key in seen.done_at)
    return Course(
        fleet=name,
        machines=len(cloud.fleet),
        seed=seed,
        median_s=quantile(late_s, 0.5) or 0.0,
        p90_s=quantile(late_s, 0.9) or 0.0,
        makespan_s=clock.now - first_at,
        order_s=max(ends.values()) - first_at,
        bound_s=bound_of(cloud.fleet, cloud.scenario),
        polls=sum(kind is RequestKind.POLL for kind, _ in seen.answers),
        polls_throttled=seen.answers.count((RequestKind.POLL, 429)),
        starts_throttled=seen.answers.count((RequestKind.START, 429)),
        lost=len(cloud.fleet) - seen.assessed,
    )
