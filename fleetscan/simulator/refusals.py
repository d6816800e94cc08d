"""How a start is refused, one documented or observed error for each kind of refusal.

Azure's exact words for a stopped machine, a missing agent or a conflict are not published; these are the
ones it uses for other calls in the same situation.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.replies import Answer, arm_error, compute_error

_STOPPED = (
    409,
    "OperationNotAllowed",
    "Cannot perform operation 'assessPatches' on VM '{name}': the operation requires the VM to be running "
    "(or set to run), and the VM is not running.",
)

_OF_COMPUTE = {
    Fate.STOPPED: _STOPPED,
    Fate.STOPPED_UNSEEN: _STOPPED,
    Fate.REFUSED_BAD_REQUEST: (
        400,
        "InvalidParameter",
        "The value of parameter 'osProfile' of VM '{name}' does not permit patch operations.",
    ),
    Fate.REFUSED_CONFLICT: (
        409,
        "Conflict",
        "The request failed due to conflict with a concurrent request. To resolve it, please refer to "
        "https://aka.ms/activitylog to get more details on the conflicting requests.",
    ),
    Fate.AGENT_NOT_READY: (
        409,
        "VMAgentStatusCommunicationError",
        "VM '{name}' has not reported status for VM agent or extensions. Verify that the OS is up and "
        "healthy, the VM has a running VM agent, and that it can establish outbound connections to Azure "
        "storage.",
    ),
}


def refusal_of_start(machine: Machine) -> Answer | None:
    """The error a start of this machine meets, or None where it is taken."""
    if machine.subscription.state == "Warned":
        return read_only(machine.subscription.subscription_id)
    match machine.fate:
        case Fate.REFUSED_GONE:
            return not_found(machine.name, machine.resource_group)
        case Fate.REFUSED_DENIED:
            return denied("Microsoft.Compute/virtualMachines/assessPatches/action", machine.resource_id)
        case fate if fate in _OF_COMPUTE:
            status, code, message = _OF_COMPUTE[fate]
            return compute_error(status, code, message.format(name=machine.name))
        case _:
            return None


def read_only(subscription_id: str) -> Answer:
    """ARM's 409 to every write in a subscription that is warned or disabled."""
    return arm_error(
        409,
        "ReadOnlyDisabledSubscription",
        f"The subscription '{subscription_id}' is disabled and therefore marked as read only. You cannot "
        "perform any write actions on this subscription until it is re-enabled.",
    )


def not_found(name: str, resource_group: str) -> Answer:
    """ARM's 404 for a machine that is not there, or not any more."""
    return arm_error(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.Compute/virtualMachines/{name}' under resource group '{resource_group}' "
        "was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def locked(resource_id: str, scopes: Sequence[str]) -> Answer:
    """ARM's refusal of a write to what a lock on any of `scopes` makes read-only."""
    named = ",".join(f"'{scope}'" for scope in scopes)
    return arm_error(
        409,
        "ScopeLocked",
        f"The scope '{resource_id}' cannot perform write operation because following scope(s) are locked: "
        f"{named}. Please remove the lock and try again.",
    )


def disabled(subscription_id: str) -> Answer:
    """ARM's refusal of a write to a disabled subscription."""
    return arm_error(
        409,
        "ReadOnlyDisabledSubscription",
        f"The subscription '{subscription_id}' is disabled and therefore marked as read only. You cannot "
        "perform any write actions on this subscription until it is re-enabled.",
    )


def already_assessing(name: str, *, says_so: bool) -> Answer:
    """A refusal of a second assessment of a machine; Azure's words for it are not published."""
    if not says_so:
        _, code, message = _OF_COMPUTE[Fate.REFUSED_CONFLICT]
        return compute_error(409, code, message)
    return compute_error(
        409,
        "OperationNotAllowed",
        f"Cannot perform operation 'assessPatches' on VM '{name}': a patch assessment is in progress.",
    )


def operation_not_found(guid: str) -> Answer:
    """Compute's 404 for an operation that is not there, or not any more."""
    return compute_error(404, "NotFound", f"The operation '{guid}' could not be found.")


def denied(action: str, scope: str) -> Answer:
    """ARM's 403 for a missing role."""
    return arm_error(
        403,
        "AuthorizationFailed",
        "The client '00000000-0000-0000-0000-000000000000' with object id "
        "'00000000-0000-0000-0000-000000000000' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )
