"""Tenants whose scan is divided into shards, and what one shard sees: the rows of `benchmarks.scale`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmarks.bound import bound
from benchmarks.fleets import fleet
from fleetscan.model import Reply, Request
from fleetscan.settings.declared import Settings
from fleetscan.shards import By, shard_of
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.estate import Subscription
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.scenario import Scenario
from tests.virtual import ENDPOINT, EPOCH

# Resource Graph's quota of one user: so many queries at once, and so many more a second, each of so many VMs.
QUERIES, QUERIES_A_S, A_PAGE = 15.0, 3.0, 1_000


@dataclass(frozen=True, slots=True)
class Tenant:
    """A fleet and how its scan is divided; every shard signs in as the same user.

    Shards that play `together` meet in one Azure, at the same time. The others play one after another, each
    in the part of Azure that is its own: whole subscriptions, and its part of Resource Graph's quota.
    """

    name: str
    scenario: Scenario
    shards: int
    by: By = "subscription"
    together: bool = True

    def settings(self, number: int) -> Settings:
        """Those of one shard's process."""
        # Two assessments in a million take longer than half an hour.
        return Settings(
            endpoint=ENDPOINT,
            shard=f"{number}/{self.shards}",
            shard_by=self.by,
            operation_timeout_s=3600.0,
        )

    def has(self, machine: Machine, number: int) -> bool:
        """Whether a shard scans the machine."""
        key = machine.key if self.by == "vm" else machine.subscription.subscription_id
        return shard_of(key, self.shards) == number

    def cloud(self) -> Cloud:
        """The Azure that all shards meet in."""
        return Cloud(self.scenario, epoch=EPOCH)

    def part(self, number: int) -> Cloud:
        """The Azure of one shard alone: the subscriptions of others are there and have no VMs."""

        def is_own(subscription: Subscription) -> bool:
            return shard_of(subscription.subscription_id, self.shards) == number

        return PartCloud(self.scenario, self.shards, Fleet(self.scenario, is_own))

    def bound_s(self, machines: Iterable[Machine]) -> float:
        """The least in which one shard's machines can be assessed, from when its process begins.

        A subscription's first start waits for the page that shows its first VMs, in the order of ids; where
        VMs are divided one by one, a shard has its part of every bucket. 0 without machines.
        """
        found: dict[str, dict[tuple[str, str], list[float]]] = {}
        listed_s: dict[str, float] = {}
        for place, machine in enumerate(sorted(machines, key=lambda each: each.key)):
            subscription_id = machine.subscription.subscription_id
            listed_s.setdefault(subscription_id, self._page_s(place // A_PAGE))
            starts = found.setdefault(subscription_id, {})
            starts.setdefault((subscription_id, machine.region), []).append(machine.lot.duration_s)
        scenario = (
            replace(self.scenario, limits_speed=1.0 / self.shards) if self.by == "vm" else self.scenario
        )
        return max((listed_s[each] + bound(scenario, starts) for each, starts in found.items()), default=0.0)

    def _page_s(self, page: int) -> float:
        """When a page can be there; of shards that meet in one Azure one may have had all of the quota."""
        of = 1 if self.together else self.shards
        return max(0.0, page + 1 - max(1.0, QUERIES / of)) / (QUERIES_A_S / of)


class PartCloud(Cloud):
    """A simulated Azure in which one shard has its part of Resource Graph's quota; others have the rest.

    What it asks beyond that part is answered 429.
    """

    def __init__(self, scenario: Scenario, shards: int, part: Fleet) -> None:
        super().__init__(scenario, epoch=EPOCH, fleet=part)
        self._size, self._per_s = max(1.0, QUERIES / shards), QUERIES_A_S / shards
        self._left, self._counted_at = self._size, 0.0

    def handle(self, request: Request, now: float) -> Reply:
        """The reply; a query beyond the part costs nothing of it."""
        if "/providers/Microsoft.ResourceGraph/" not in request.url:
            return super().handle(request, now)
        self._left = min(self._size, self._left + (now - self._counted_at) * self._per_s)
        self._counted_at = now
        if self._left < 1 - 1e-9:
            return Reply(429, {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:05"})
        self._left -= 1
        return super().handle(request, now)


def tenant(machines: int, subscriptions: int, shards: int, **more: object) -> Tenant:
    """VMs that were all assessed in the week before, and nights that differ by a tenth.

    Resource Graph shows of tonight's assessments what an hour has passed since, so that its pages cost the
    simulation little; a scan reads none of them there.
    """
    plain = fleet(
        machines, "lognormal", subscriptions=subscriptions, assessed_before_pct=100.0, graph_lag_s=3600.0
    )
    name = f"{machines:,} VMs in {subscriptions:,} subscription{'s' if subscriptions > 1 else ''}"
    return Tenant(name, plain, shards, **more)  # type: ignore[arg-type]


MILLION = 1_000_000
TENANTS = (
    tenant(MILLION, 1_000, 16, together=False),
    tenant(MILLION, 100, 16, together=False),
    tenant(32_000, 64, 16),
    tenant(10_000, 4, 2),
    tenant(10_000, 1, 2, by="vm"),
)
