"""Virtual machine scale sets: VMs belong to those in flexible mode, those in uniform mode have no VMs at all.

Resource Graph alone shows them. Sets from before there were modes tell none, and are uniform.
"""

from __future__ import annotations

import random

from fleetscan.model import Json
from fleetscan.simulator.estate import REGIONS
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.query import Row
from fleetscan.simulator.scenario import Scenario

GRAPH_TYPE = "microsoft.compute/virtualmachinescalesets"
MOST_INSTANCES = 20
MODELESS_SHARE = 0.3


class ScaleSets:
    """The sets of one cloud."""

    def __init__(self, scenario: Scenario, fleet: Fleet) -> None:
        self._tenant_id = fleet.estate.tenant_id
        self._members: dict[tuple[str, str], list[Machine]] = {}
        if scenario.flexible_scale_sets:
            for machine in fleet:
                if not machine.is_arc:
                    self._members.setdefault(_group_of(machine), []).append(machine)
        self._groups = dict.fromkeys(list(self._members)[: scenario.flexible_scale_sets])
        self.rows = [*self._flexible(), *self._uniform(scenario, fleet)]

    def reference(self, machine: Machine) -> dict[str, Json]:
        """What a VM's properties tell of the set that it belongs to."""
        if machine.is_arc or _group_of(machine) not in self._groups:
            return {}
        return {"virtualMachineScaleSet": {"id": _id(*_group_of(machine), "vmss-flexible")}}

    def _flexible(self) -> list[Row]:
        return [
            self._row(*group, "vmss-flexible", members[0].region, len(members), "Flexible")
            for group in self._groups
            for members in (self._members[group],)
        ]

    def _uniform(self, scenario: Scenario, fleet: Fleet) -> list[Row]:
        draw = random.Random(f"{scenario.seed}:scale sets")
        rows = []
        for number in range(1, scenario.uniform_scale_sets + 1):
            subscription, region = draw.choice(fleet.estate.subscriptions), draw.choice(fleet.estate.regions)
            group = f"rg-pool-prod-{REGIONS[region]}"
            mode = None if draw.random() < MODELESS_SHARE else "Uniform"
            capacity = draw.randrange(MOST_INSTANCES + 1)
            name = f"vmss-pool-{number}"
            rows.append(self._row(subscription.subscription_id, group, name, region, capacity, mode))
        return rows

    def _row(
        self, subscription_id: str, group: str, name: str, region: str, capacity: int, mode: str | None
    ) -> Row:
        properties: dict[str, Json] = {
            "provisioningState": "Succeeded",
            "virtualMachineProfile": {"storageProfile": {"osDisk": {"osType": "Linux"}}},
        }
        return {
            "id": _id(subscription_id, group, name),
            "name": name,
            "type": GRAPH_TYPE,
            "tenantId": self._tenant_id,
            "location": region,
            "resourceGroup": group.lower(),
            "subscriptionId": subscription_id,
            "sku": {"name": "Standard_D2s_v5", "tier": "Standard", "capacity": capacity},
            "tags": {"environment": "prod"},
            "properties": properties if mode is None else properties | {"orchestrationMode": mode},
        }


def _group_of(machine: Machine) -> tuple[str, str]:
    return machine.subscription.subscription_id, machine.resource_group


def _id(subscription_id: str, group: str, name: str) -> str:
    provider = "providers/Microsoft.Compute/virtualMachineScaleSets"
    return f"/subscriptions/{subscription_id}/resourceGroups/{group}/{provider}/{name}"
