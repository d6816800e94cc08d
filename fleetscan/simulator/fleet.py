"""The simulated machines: their names, where they run, and the fate of each.

Machines are small values, so that a fleet may have a hundred thousand; patches and resource objects are
made when a request needs them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from fleetscan.simulator.estate import ENVIRONMENTS, REGIONS, ROLES, TEAMS, Estate, Subscription
from fleetscan.simulator.fates import Fate, Lot, cast_lot
from fleetscan.simulator.images import LINUX, WINDOWS, Image
from fleetscan.simulator.known_things import image_of
from fleetscan.simulator.odd_tags import odd_tags
from fleetscan.simulator.scenario import Scenario

# Machines with an owner tag, and those of them with all tags.
OWNED_SHARE = 0.92
FULL_SHARE = 0.87

PROVIDER = "providers/Microsoft.Compute/virtualMachines"
ARC_PROVIDER = "providers/Microsoft.HybridCompute/machines"
# Every so many servers one has the name and the group of a VM.
NAMESAKE_EVERY = 10


@dataclass(frozen=True, slots=True)
class Machine:
    """One virtual machine, or an Arc server. `key` is its lower-cased id."""

    key: str
    subscription: Subscription
    resource_group: str
    name: str
    region: str
    image: Image
    tags: dict[str, str]
    lot: Lot
    provider: str = PROVIDER

    @property
    def is_arc(self) -> bool:
        """Whether it is an Arc server."""
        return self.provider is ARC_PROVIDER

    @property
    def fate(self) -> Fate:
        """How its assessments end."""
        return self.lot.fate

    def double(self, number: int) -> Machine:
        """A machine that is like this one and is not in the fleet."""
        return replace(self, key=f"{self.key}-{number}", name=f"{self.name}-{number}")

    @property
    def resource_id(self) -> str:
        """The id in the case it was made with."""
        return self._id(self.resource_group)

    @property
    def compute_id(self) -> str:
        """The id as the Compute list writes it: some resource groups come upper-cased."""
        group = self.resource_group.upper() if self.lot.has_upper_group else self.resource_group
        return self._id(group)

    @property
    def graph_id(self) -> str:
        """The id as Resource Graph writes it: some come lower-cased."""
        return self.key if self.lot.has_lower_id else self.resource_id

    def _id(self, group: str) -> str:
        return _resource_id(self.subscription.subscription_id, group, self.provider, self.name)


class Fleet:
    """All VMs of a scenario, then its Arc servers, in a fixed order; found by id without regard to case.

    With `has_vms` only the subscriptions of which it is true have VMs, the same as in the whole fleet: a
    part of a million machines takes the memory of that part.
    """

    def __init__(self, scenario: Scenario, has_vms: Callable[[Subscription], bool] = lambda _: True) -> None:
        self.estate = Estate(
            scenario.seed,
            scenario.subscriptions,
            scenario.regions,
            past_due=scenario.past_due,
            warned=scenario.warned,
            empty=scenario.empty_subscriptions,
        )
        self._machines = {machine.key: machine for machine in _settle(scenario, self.estate, has_vms)}
        if scenario.arc_servers:
            servers = _settle_servers(scenario, self.estate, list(self._machines.values()))
            self._machines |= {server.key: server for server in servers}
        self._by_subscription: dict[str, list[Machine]] = {}
        for machine in self._machines.values():
            self._by_subscription.setdefault(machine.subscription.subscription_id, []).append(machine)

    def __iter__(self) -> Iterator[Machine]:
        return iter(self._machines.values())

    def __len__(self) -> int:
        return len(self._machines)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Every subscription the identity sees, the disabled one last."""
        return (*self.estate.subscriptions, *self.estate.empty, self.estate.disabled)

    def machine(self, resource_id: str) -> Machine:
        """The machine of an id; KeyError where there is none."""
        return self._machines[resource_id.lower()]

    def find(self, key: str) -> Machine | None:
        """The machine of a lower-cased id."""
        return self._machines.get(key)

    def of_subscription(self, subscription_id: str) -> list[Machine]:
        """The machines of one subscription, in the fleet's order."""
        return self._by_subscription.get(subscription_id, [])


def _settle(scenario: Scenario, estate: Estate, has_vms: Callable[[Subscription], bool]) -> Iterator[Machine]:
    """Draws where each machine runs; a longer fleet begins with the shorter one of the same seed."""
    settled = {each for each in estate.subscriptions if has_vms(each)}
    draw = random.Random(f"{scenario.seed}:fleet")
    numbers: Counter[tuple[str, str]] = Counter()
    applications = tuple(TEAMS)
    for index in range(scenario.machines):
        # The first machines go round, so that no subscription is empty.
        spread = index if index < scenario.subscriptions else int(draw.random() * scenario.subscriptions)
        subscription = estate.subscriptions[spread]
        region = draw.choice(estate.regions)
        environment, application = draw.choice(ENVIRONMENTS), draw.choice(applications)
        role = draw.choice(ROLES)
        image = draw.choice(role.images)
        tags = _tags(draw.random() < OWNED_SHARE, draw.random() < FULL_SHARE, application, environment)
        stem = f"{role.name}-{environment}-{REGIONS[region]}"
        if subscription not in settled:
            continue
        numbers[subscription.subscription_id, stem] += 1
        name = f"{stem}-{numbers[subscription.subscription_id, stem]:03d}"
        group = f"rg-{application}-{environment}-{REGIONS[region]}"
        key = _resource_id(subscription.subscription_id, group, PROVIDER, name).lower()
        image = image_of(scenario, key, image)
        lot = cast_lot(scenario, key, image)
        if scenario.odd_tags_pct:
            tags = odd_tags(scenario, key) or tags
        yield Machine(key, subscription, group, name, region, image, tags, lot)


def _settle_servers(scenario: Scenario, estate: Estate, vms: list[Machine]) -> Iterator[Machine]:
    """The Arc servers of a scenario; they change nothing about its VMs."""
    draw = random.Random(f"{scenario.seed}:arc")
    applications = tuple(TEAMS)
    for index in range(scenario.arc_servers):
        subscription = estate.subscriptions[int(draw.random() * scenario.subscriptions)]
        region, application = draw.choice(estate.regions), draw.choice(applications)
        image = draw.choice(WINDOWS + LINUX)
        group, name = f"rg-{application}-prod-{REGIONS[region]}", f"srv-{application}-{index + 1:04d}"
        place, rest = divmod(index, NAMESAKE_EVERY)
        if rest == 0 and place < len(vms):
            vm = vms[place]
            subscription, group, name = vm.subscription, vm.resource_group, vm.name
        tags = {"owner": TEAMS[application], "environment": "prod", "application": application}
        key = _resource_id(subscription.subscription_id, group, ARC_PROVIDER, name).lower()
        lot = cast_lot(scenario, key, image)
        yield Machine(key, subscription, group, name, region, image, tags, lot, ARC_PROVIDER)


@cache
def _tags(is_owned: bool, is_full: bool, application: str, environment: str) -> dict[str, str]:
    """Most machines have all tags, some the owner alone, some none. Equal tags are shared."""
    if not is_owned:
        return {}
    owner = {"owner": TEAMS[application]}
    return owner | {"environment": environment, "application": application} if is_full else owner


def _resource_id(subscription_id: str, group: str, provider: str, name: str) -> str:
    return f"/subscriptions/{subscription_id}/resourceGroups/{group}/{provider}/{name}"
