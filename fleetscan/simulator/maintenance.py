"""Maintenance configurations of a cloud, and the table of their assignments in Resource Graph."""

from __future__ import annotations

from collections.abc import Iterator

from fleetscan.model import Json
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.query import Row
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.sight import Sight

ASSIGNMENT_TYPE = "microsoft.maintenance/configurationassignments"
CONFIGURATION_TYPE = "microsoft.maintenance/maintenanceconfigurations"
# The last is as odd as a name can be that a template made.
PATCH_NAMES = ("patch-sundays", "patch-weekly-prod", 'it\'s "weekly" | project id\r\n\\ \u202e=1+1')
HOST_NAME = "host-updates"


class Maintenance:
    """The configurations are in the first subscription, whichever the machines are in."""

    def __init__(self, scenario: Scenario, fleet: Fleet, sight: Sight) -> None:
        self._fleet = fleet
        self._sight = sight
        self._is_there = bool(scenario.misleading_pct)
        self._home = fleet.estate.subscriptions[0].subscription_id

    def configuration_of(self, machine: Machine) -> str:
        """The id of the configuration for guest patches that a machine with a schedule has."""
        return self._configuration(PATCH_NAMES[sum(machine.key.encode()) % len(PATCH_NAMES)])

    def configurations(self, subscriptions: frozenset[str]) -> Iterator[Row]:
        """The rows of `resources` about them."""
        if self._is_there and (not subscriptions or self._home in subscriptions):
            for name in (*PATCH_NAMES, HOST_NAME):
                scope = "Host" if name == HOST_NAME else "InGuestPatch"
                properties: dict[str, Json] = {"maintenanceScope": scope, "visibility": "Custom"}
                yield self._row(self._configuration(name), CONFIGURATION_TYPE, self._home, properties)

    def assignments(self, subscriptions: frozenset[str]) -> Iterator[Row]:
        """The rows of `maintenanceresources`; a dynamic scope's names no machine."""
        for machine in self._fleet if self._is_there else ():
            subscription_id, things = machine.subscription.subscription_id, machine.lot.known
            is_asked = not subscriptions or subscription_id in subscriptions
            if not is_asked or not self._sight.is_in_graph(machine):
                continue
            if things.has_schedule:
                yield self._assignment(machine, "guest", self.configuration_of(machine))
            if things.has_host_schedule:
                yield self._assignment(machine, "host", self._configuration(HOST_NAME))
        if self._is_there and (not subscriptions or self._home in subscriptions):
            scope = f"/subscriptions/{self._home}"
            row_id = f"{scope}/providers/Microsoft.Maintenance/configurationAssignments/dynamic"
            told: dict[str, Json] = {"resourceId": scope, "filter": {"osTypes": ["Linux"]}}
            told["maintenanceConfigurationId"] = self._configuration(PATCH_NAMES[0])
            yield self._row(row_id, ASSIGNMENT_TYPE, self._home, told)

    def _assignment(self, machine: Machine, name: str, configuration: str) -> Row:
        row_id = f"{machine.graph_id}/providers/Microsoft.Maintenance/configurationAssignments/{name}"
        told: dict[str, Json] = {"resourceId": machine.key, "maintenanceConfigurationId": configuration}
        return self._row(row_id, ASSIGNMENT_TYPE, machine.subscription.subscription_id, told)

    def _configuration(self, name: str) -> str:
        group = f"/subscriptions/{self._home}/resourceGroups/rg-maintenance"
        return f"{group}/providers/Microsoft.Maintenance/maintenanceConfigurations/{name}"

    def _row(self, row_id: str, kind: str, subscription_id: str, properties: dict[str, Json]) -> Row:
        return {
            "id": row_id,
            "name": row_id.rpartition("/")[2],
            "type": kind,
            "tenantId": self._fleet.estate.tenant_id,
            "subscriptionId": subscription_id,
            "properties": properties,
        }
