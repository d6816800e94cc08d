"""What the identity's roles allow on each subscription, and the permissions call that tells it.

The call and its shape are documented: `value` has the permissions of each role that is assigned, and what one
role leaves out by `notActions` another may still give. Names and wildcards are compared without case. Some
roles here are Azure's own, some are written by hand, in the ways that people write them.
"""

from __future__ import annotations

from urllib.parse import quote

from fleetscan.model import Json
from fleetscan.simulator.call import Call
from fleetscan.simulator.chances import chances
from fleetscan.simulator.estate import Estate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.paging import mint_token, read_token
from fleetscan.simulator.refusals import denied
from fleetscan.simulator.replies import Answer, arm_error, compact
from fleetscan.simulator.scenario import Scenario

COMPUTE_START = "Microsoft.Compute/virtualMachines/assessPatches/action"
COMPUTE_POLL = "Microsoft.Compute/locations/operations/read"
SERVER_START = "Microsoft.HybridCompute/machines/assessPatches/action"
SERVER_POLL = "Microsoft.HybridCompute/locations/updateCenterOperationResults/read"
PATH = "providers/Microsoft.Authorization/permissions"

Role = dict[str, Json]


def _role(*actions: str, without: tuple[str, ...] = ()) -> Role:
    return {"actions": [*actions], "notActions": [*without], "dataActions": [], "notDataActions": []}


READER = _role("*/read")
STARTER = _role(COMPUTE_START, SERVER_START)
NO_MACHINES = _role("Microsoft.Billing/*/read", "Microsoft.CostManagement/*", "Microsoft.Support/*")
CONTRIBUTOR = _role(
    "*",
    without=(
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
        "Microsoft.Blueprint/blueprintAssignments/write",
        "Microsoft.Blueprint/blueprintAssignments/delete",
        "Microsoft.Compute/galleries/share/action",
    ),
)
OPERATOR = _role(
    "microsoft.compute/VIRTUALMACHINES/*",
    "Microsoft.Compute/locations/*",
    "Microsoft.HybridCompute/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "*/register/action",
    without=("Microsoft.Compute/virtualMachines/delete", "Microsoft.Compute/*/runCommands/*"),
)
ALL_BUT_COMPUTE = _role("*", without=("Microsoft.Compute/*", "microsoft.hybridcompute/*"))
NO_VM_ACTIONS = _role(
    "*", without=("Microsoft.Compute/virtualMachines/*/Action", "Microsoft.HybridCompute/machines/*/action")
)
MACHINES_ALONE = _role("Microsoft.Compute/virtualMachines/*", "Microsoft.HybridCompute/machines/*")
UNSEEN_VMS = _role(COMPUTE_START, COMPUTE_POLL, SERVER_START, SERVER_POLL, "Microsoft.Resources/*/read")

# One after the other, so that a few subscriptions have them all.
_GOOD: tuple[tuple[Role, ...], ...] = ((READER, STARTER), (CONTRIBUTOR,), (OPERATOR, ALL_BUT_COMPUTE))
_LACKING: dict[str, tuple[tuple[Role, ...], ...]] = {
    "listing": ((UNSEEN_VMS,),),
    "starting": ((READER,), (NO_VM_ACTIONS, READER)),
    "starting-in-part": ((READER,),),
    "polling": ((MACHINES_ALONE, ALL_BUT_COMPUTE),),
}


class Roles:
    """The roles of one cloud's identity. The last subscriptions lack what the scenario says."""

    def __init__(self, scenario: Scenario, estate: Estate) -> None:
        ids = [subscription.subscription_id for subscription in estate.subscriptions]
        self._lacking = frozenset(ids[max(0, len(ids) - scenario.lacking_subscriptions) :])
        self._denied = frozenset(ids[len(ids) - scenario.denied_subscriptions :])
        self._lack = scenario.lacking
        self._place = {subscription_id: place for place, subscription_id in enumerate(ids)}
        self._page_size = min(scenario.page_size, 100)

    def refusal_of_start(self, machine: Machine) -> Answer | None:
        """ARM's 403 for a start; None where it is allowed."""
        subscription_id = machine.subscription.subscription_id
        is_lacking = self._lacks(subscription_id, "starting") or (
            self._lacks(subscription_id, "starting-in-part") and not _starts_in(machine.resource_group)
        )
        return (
            denied(SERVER_START if machine.is_arc else COMPUTE_START, machine.resource_id)
            if is_lacking
            else None
        )

    def refusal_of_poll(self, subscription_id: str, *, is_arc: bool) -> Answer | None:
        """ARM's 403 for a status read in a subscription; None where it is allowed."""
        if not self._lacks(subscription_id, "polling"):
            return None
        return denied(SERVER_POLL if is_arc else COMPUTE_POLL, f"/subscriptions/{subscription_id}")

    def hides(self, subscription_id: str) -> bool:
        """Whether the identity may not read the subscription's machines."""
        return subscription_id in self._denied or self._lacks(subscription_id, "listing")

    def permissions(self, call: Call, subscription_id: str, group: str = "") -> Answer:
        """One page of GET permissions at a subscription, or at a resource group, which inherits its roles."""
        place = f"/subscriptions/{subscription_id}" + (f"/resourceGroups/{quote(group)}" if group else "")
        token, scope = call.query.get("$skiptoken"), f"permissions:{place}"
        offset = 0 if token is None else read_token(scope, token)
        if offset is None:
            return arm_error(400, "InvalidSkipToken", "The provided skip token is not valid.")
        roles = self._roles_on(subscription_id)
        if group and self._lacks(subscription_id, "starting-in-part") and _starts_in(group):
            roles = (*roles, STARTER)
        end = offset + self._page_size
        body: dict[str, Json] = {"value": [*roles[offset:end]]}
        if end < len(roles):
            body["nextLink"] = (
                f"{call.base}{place}/{PATH}"
                f"?api-version={quote(call.query['api-version'])}&%24skiptoken={mint_token(scope, end)}"
            )
        return compact(body)

    def _roles_on(self, subscription_id: str) -> tuple[Role, ...]:
        if subscription_id in self._denied:
            return (NO_MACHINES,)
        kinds = _LACKING[self._lack] if subscription_id in self._lacking else _GOOD
        return kinds[self._place.get(subscription_id, 0) % len(kinds)]

    def _lacks(self, subscription_id: str, what: str) -> bool:
        return self._lack == what and subscription_id in self._lacking


def _starts_in(group: str) -> bool:
    """Whether a role on this resource group lets assessments be started: on about every other."""
    return chances(f"{group.lower()}:starts")[0] < 0.5


def provider(subscription_id: str, namespace: str, *, is_registered: bool) -> Answer:
    """GET of a resource provider: whether the subscription is registered for it."""
    return compact(
        {
            "id": f"/subscriptions/{subscription_id}/providers/{namespace}",
            "namespace": namespace,
            "resourceTypes": [],
            "registrationState": "Registered" if is_registered else "NotRegistered",
            "registrationPolicy": "RegistrationRequired",
        }
    )
