"""Which endpoint a request leads to, what it was for, and which of Compute's buckets it draws on.

Paths are compared without case, as Azure does; the limits are checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fleetscan.simulator.assessments import Assessments
from fleetscan.simulator.call import Call
from fleetscan.simulator.compute import Compute
from fleetscan.simulator.fleet import ARC_PROVIDER, PROVIDER, Fleet, Machine
from fleetscan.simulator.graph import Graph
from fleetscan.simulator.installations import Installations
from fleetscan.simulator.ledger import Ask
from fleetscan.simulator.management_groups import ManagementGroups
from fleetscan.simulator.operations import MONITOR
from fleetscan.simulator.policies import Duty
from fleetscan.simulator.refusals import not_found, operation_not_found
from fleetscan.simulator.replies import Answer, arm_error, unknown_path
from fleetscan.simulator.roles import Roles, provider
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.sight import Sight
from fleetscan.simulator.subscriptions import list_subscriptions

MAX_SUBSCRIPTIONS_PAGE = 100


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request leads: what it was for, the buckets it draws on, and the endpoint that answers it.

    `subscription_id` is "" for the tenant, `duty` None where Compute does not count. `is_self_counting`
    endpoints keep a quota of their own, and the front door lets them through.
    """

    ask: Ask
    serve: Callable[[], Answer]
    subscription_id: str = ""
    duty: Duty | None = None
    region: str = ""
    machine_key: str = ""
    is_self_counting: bool = False


class Router:
    """Finds the route of a call among the endpoints of one cloud."""

    def __init__(
        self,
        scenario: Scenario,
        fleet: Fleet,
        assessments: Assessments,
        installations: Installations,
        graph: Graph,
        sight: Sight,
        roles: Roles,
    ) -> None:
        self._fleet = fleet
        self._known = {subscription.subscription_id for subscription in fleet.subscriptions}
        self._subscriptions_page = min(scenario.page_size, MAX_SUBSCRIPTIONS_PAGE)
        self._assessments = assessments
        self._compute = Compute(scenario, fleet, sight, assessments, installations)
        self._groups = ManagementGroups(fleet.estate)
        self._lists = scenario.lists
        self._graph = graph
        self._sight = sight
        self._roles = roles

    def route(self, call: Call, now: float) -> Route:
        """Where `call` leads; an unknown path leads to a 404."""
        match (call.method, *call.names):
            case ("GET", "subscriptions"):
                page_size, is_hollow = self._subscriptions_page, self._lists == "hollow"
                page = partial(list_subscriptions, call, self._fleet, page_size, is_hollow=is_hollow)
                return Route(Ask.LIST, page)
            case ("GET", "providers", "microsoft.management", "managementgroups", group, "descendants"):
                below = self._groups.descendants
                return Route(Ask.LIST, partial(below, call, group, self._subscriptions_page))
            case ("POST", "providers", "microsoft.resourcegraph", "resources"):
                return Route(Ask.LIST, partial(self._graph.answer, call, now), is_self_counting=True)
            case (_, "subscriptions", subscription_id, *rest):
                return self._in_subscription(call, subscription_id, rest, now)
            case _:
                return _nowhere(call, "")

    def _in_subscription(self, call: Call, subscription_id: str, rest: list[str], now: float) -> Route:
        if subscription_id not in self._known:
            message = f"The subscription '{subscription_id}' could not be found."
            return Route(Ask.OTHER, partial(arm_error, 404, "SubscriptionNotFound", message))
        if "microsoft.hybridcompute" in rest:
            return self._of_servers(call, subscription_id, rest, now)
        match (call.method, *rest):
            case ("GET", "providers", "microsoft.compute", "virtualmachines"):
                page = partial(self._compute.list_machines, call, subscription_id)
                return Route(Ask.LIST, page, subscription_id, Duty.LIST_VMS)
            case ("GET", "providers", "microsoft.compute", "locations", _, "operations", guid):
                return self._poll(call, subscription_id, guid, now)
            case ("GET", "providers", "microsoft.authorization", "permissions"):
                return Route(
                    Ask.OTHER, partial(self._roles.permissions, call, subscription_id), subscription_id
                )
            case ("GET", "resourcegroups", group, "providers", "microsoft.authorization", "permissions"):
                told_there = partial(self._roles.permissions, call, subscription_id, group)
                return Route(Ask.OTHER, told_there, subscription_id)
            case ("GET", "providers", "microsoft.compute"):
                told = partial(provider, is_registered=self._sight.is_registered(subscription_id))
                return Route(Ask.OTHER, partial(told, subscription_id, "Microsoft.Compute"), subscription_id)
            case (
                _,
                "resourcegroups",
                group,
                "providers",
                "microsoft.compute",
                "virtualmachines",
                name,
                *action,
            ):
                key = f"/subscriptions/{subscription_id}/resourcegroups/{group}/{PROVIDER.lower()}/{name}"
                machine = self._fleet.find(key)
                if machine is None:
                    return Route(Ask.OTHER, partial(not_found, name, group), subscription_id)
                return self._at_machine(call, machine, action, now)
            case _:
                return _nowhere(call, subscription_id)

    def _poll(self, call: Call, subscription_id: str, guid: str, now: float) -> Route:
        ask = Ask.RESULT if MONITOR in call.target else Ask.POLL
        is_arc = "microsoft.hybridcompute" in call.names
        if (refusal := self._roles.refusal_of_poll(subscription_id, is_arc=is_arc)) is not None:
            return Route(ask, lambda: refusal, subscription_id)
        operation = self._assessments.find(guid)
        if operation is None:
            return Route(ask, partial(operation_not_found, guid), subscription_id)
        status = partial(self._assessments.poll, call, operation, now)
        return _at(ask, Duty.POLL, operation.machine, status)

    def _of_servers(self, call: Call, subscription_id: str, rest: list[str], now: float) -> Route:
        match (call.method, *rest):
            case ("GET", "providers", _, "machines"):
                page = partial(self._compute.list_servers, call, subscription_id)
                return Route(Ask.LIST, page, subscription_id)
            case ("GET", "providers", _, "locations", _, "updatecenteroperationresults", guid):
                return self._poll(call, subscription_id, guid, now)
            case ("POST", "resourcegroups", group, "providers", _, "machines", name, "assesspatches"):
                key = f"/subscriptions/{subscription_id}/resourcegroups/{group}/{ARC_PROVIDER.lower()}/{name}"
                server = self._fleet.find(key)
                if server is None:
                    return Route(Ask.OTHER, partial(not_found, name, group), subscription_id)
                return self._start(call, server, now)
            case _:
                return _nowhere(call, subscription_id)

    def _at_machine(self, call: Call, machine: Machine, action: list[str], now: float) -> Route:
        match (call.method, *action):
            case ("POST", "assesspatches"):
                return self._start(call, machine, now)
            case ("GET",):
                return _at(
                    Ask.GET_VM, Duty.GET_VM, machine, partial(self._compute.machine, call, machine, now)
                )
            case ("GET", "instanceview"):
                view = partial(self._compute.instance_view, machine, now)
                return _at(Ask.GET_VM, Duty.GET_VM, machine, view)
            case _:
                return _nowhere(call, machine.subscription.subscription_id)

    def _start(self, call: Call, machine: Machine, now: float) -> Route:
        """ARM refuses what a role does not allow before the provider counts it."""
        if (refusal := self._roles.refusal_of_start(machine)) is not None:
            subscription_id = machine.subscription.subscription_id
            return Route(Ask.START, lambda: refusal, subscription_id, None, machine.region, machine.key)
        return _at(Ask.START, Duty.PATCH, machine, partial(self._assessments.start, call, machine, now))


def _at(ask: Ask, duty: Duty, machine: Machine, serve: Callable[[], Answer]) -> Route:
    # Microsoft.Compute counts nothing about an Arc server.
    counted = None if machine.is_arc else duty
    return Route(ask, serve, machine.subscription.subscription_id, counted, machine.region, machine.key)


def _nowhere(call: Call, subscription_id: str) -> Route:
    return Route(Ask.OTHER, partial(unknown_path, "/" + "/".join(call.names)), subscription_id)
