"""Reading machines from Microsoft.Compute: the list of a subscription, one machine, its instance view.

The list shows no power state; with `statusOnly=true` it shows that and little else.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from fleetscan.model import Json
from fleetscan.simulator.arc import API_TYPE as SERVER_TYPE
from fleetscan.simulator.arc import server_entry
from fleetscan.simulator.assessments import Assessments
from fleetscan.simulator.call import Call
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.installations import Installations
from fleetscan.simulator.paging import mint_token, read_token
from fleetscan.simulator.refusals import not_found
from fleetscan.simulator.replies import Answer, compute_error, indented
from fleetscan.simulator.resources import API_TYPE, power_status, vm_properties, vm_uuid
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.sight import Sight

MAX_PAGE = 500

_AGENT_READY: Json = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready"}
_AGENT_LOST: Json = {
    "code": "ProvisioningState/Unavailable",
    "level": "Warning",
    "displayStatus": "Not Ready",
}
_PROVISIONED: Json = {
    "code": "ProvisioningState/succeeded",
    "level": "Info",
    "displayStatus": "Provisioning succeeded",
}


class Compute:
    """The reading half of Microsoft.Compute/virtualMachines."""

    def __init__(
        self,
        scenario: Scenario,
        fleet: Fleet,
        sight: Sight,
        assessments: Assessments,
        installations: Installations,
    ) -> None:
        self._sight = sight
        self._lists = scenario.lists
        self._fleet = fleet
        self._assessments = assessments
        self._installations = installations
        self._page_size = min(scenario.page_size, MAX_PAGE)

    def list_machines(self, call: Call, subscription_id: str) -> Answer:
        """One page of a subscription's machines."""
        if (refusal := self._sight.refusal_of_list(subscription_id)) is not None:
            return refusal
        query = call.query
        is_status_only = query.get("statusonly", "false").lower() == "true"
        scope = f"{subscription_id}:{is_status_only}"
        token = query.get("$skiptoken")
        offset = 0 if token is None else read_token(scope, token)
        if offset is None:
            return compute_error(400, "InvalidParameter", "The value of parameter $skiptoken is invalid.")
        machines = [each for each in self._fleet.of_subscription(subscription_id) if not each.is_arc]
        end = offset + self._page_size
        page = machines[offset:end]
        if machines and self._lists == "endless":
            page += [machines[0].double(place) for place in range(offset + len(page), end)]
        entry = _status_entry if is_status_only else _entry
        body: dict[str, Json] = {"value": [entry(machine) for machine in page]}
        if end < len(machines) or (machines and self._lists != "up"):
            body["nextLink"] = (
                f"{call.base}/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines"
                f"?api-version={quote(query['api-version'])}{'&statusOnly=true' if is_status_only else ''}"
                f"&%24skiptoken={mint_token(scope, end)}"
            )
        return Answer(200, indented(body))

    def list_servers(self, call: Call, subscription_id: str) -> Answer:
        """One page of a subscription's Arc servers."""
        refusal = self._sight.refusal_of_list(subscription_id, "Microsoft.HybridCompute/machines/read")
        if refusal is not None:
            return refusal
        scope, token = f"{subscription_id}:arc", call.query.get("$skiptoken")
        offset = 0 if token is None else read_token(scope, token)
        if offset is None:
            return compute_error(400, "InvalidParameter", "The value of parameter $skiptoken is invalid.")
        servers = [each for each in self._fleet.of_subscription(subscription_id) if each.is_arc]
        end = offset + self._page_size
        body: dict[str, Json] = {"value": [server_entry(server) for server in servers[offset:end]]}
        if end < len(servers):
            body["nextLink"] = (
                f"{call.base}/subscriptions/{subscription_id}/providers/{SERVER_TYPE}"
                f"?api-version={quote(call.query['api-version'])}&%24skiptoken={mint_token(scope, end)}"
            )
        return Answer(200, indented(body))

    def machine(self, call: Call, machine: Machine, now: float) -> Answer:
        """One machine, with its instance view where that is asked for."""
        if self._is_gone(machine, now):
            return not_found(machine.name, machine.resource_group)
        entry = _entry(machine)
        if call.query.get("$expand", "").lower() == "instanceview":
            entry["properties"] = vm_properties(machine) | {"instanceView": self._view(machine, now)}
        return Answer(200, indented(entry))

    def instance_view(self, machine: Machine, now: float) -> Answer:
        """The instance view alone."""
        if self._is_gone(machine, now):
            return not_found(machine.name, machine.resource_group)
        return Answer(200, indented(self._view(machine, now)))

    def _is_gone(self, machine: Machine, now: float) -> bool:
        return machine.fate is Fate.REFUSED_GONE or self._assessments.is_gone(machine, now)

    def _view(self, machine: Machine, now: float) -> dict[str, Json]:
        view: dict[str, Json] = {"hyperVGeneration": "V2", "statuses": [_PROVISIONED, power_status(machine)]}
        if machine.fate is not Fate.STOPPED:
            agent = _AGENT_LOST if machine.fate is Fate.AGENT_NOT_READY else _AGENT_READY
            view |= {
                "computerName": machine.name,
                "osName": machine.image.os_name,
                "osVersion": machine.image.os_version,
                "vmAgent": {"vmAgentVersion": "2.7.41491.1131", "statuses": [agent]},
            }
        status = self._patch_status(machine, now)
        return view | {"patchStatus": status} if status else view

    def _patch_status(self, machine: Machine, now: float) -> dict[str, Json]:
        status: dict[str, Json] = {
            "availablePatchSummary": self._assessments.summary(machine, now),
            "lastPatchInstallationSummary": self._installations.summary(machine, now),
        }
        return {name: summary for name, summary in status.items() if summary is not None}


def _entry(machine: Machine) -> dict[str, Json]:
    entry: dict[str, Json] = {
        "name": machine.name,
        "id": machine.compute_id,
        "type": API_TYPE,
        "location": machine.region,
        "properties": vm_properties(machine),
    }
    return entry | {"tags": cast("Json", machine.tags)} if machine.tags else entry


def _status_entry(machine: Machine) -> dict[str, Json]:
    return {
        "name": machine.name,
        "id": machine.compute_id,
        "type": API_TYPE,
        "location": machine.region,
        "properties": {
            "vmId": vm_uuid(machine),
            "provisioningState": "Succeeded",
            "instanceView": {
                "statuses": [_PROVISIONED, *(() if machine.lot.is_untold else (power_status(machine),))]
            },
        },
    }
