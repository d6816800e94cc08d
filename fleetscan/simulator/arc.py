"""Arc servers: their resource objects, and what their operations end in.

An operation's result is flat, as recorded: counts by class, no list. Azure's words where an Arc server cannot
be assessed are not published.
"""

from __future__ import annotations

from collections import Counter
from math import ceil

import orjson

from fleetscan.model import Json
from fleetscan.simulator.assessment import Findings, inner_error, inner_status
from fleetscan.simulator.chances import chances
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.refusals import denied, read_only
from fleetscan.simulator.replies import Answer, arm_error

API_TYPE = "Microsoft.HybridCompute/machines"
GRAPH_TYPE = "microsoft.hybridcompute/machines"
ACTION = "Microsoft.HybridCompute/machines/assessPatches/action"
READ_RESULT = "Microsoft.HybridCompute/locations/updateCenterOperationResults/read"
# What a recorded poll asks for, at speed 1.
RETRY_AFTER_S = 60.0
_STATES = {"running": "Connected", "stopped": "Disconnected", "deallocated": "Expired"}
_ESU: tuple[Json, ...] = (
    None,
    {"esuEligibility": "Ineligible"},
    {"esuEligibility": "Eligible", "esuKeyState": "Inactive", "licenseAssignmentState": "NotAssigned"},
    {"esuEligibility": "Eligible", "esuKeyState": "Active", "licenseAssignmentState": "Assigned"},
)
# The classes of a result, each with a patch's word for it.
_CLASSES = {
    "security": "Security",
    "critical": "Critical",
    "definition": "Definition",
    "updateRollup": "UpdateRollUp",
    "featurePack": "FeaturePack",
    "servicePack": "ServicePack",
    "tools": "Tools",
    "updates": "Updates",
}
_LINUX_CLASSES = {"security": "Security", "other": "Other"}
_HOTPATCH: tuple[Json, ...] = (None, "Enabled", "Disabled", "PendingEvaluation")


def server_properties(machine: Machine) -> dict[str, Json]:
    """`properties` of a server, in its own list and in Resource Graph."""
    image, (esu, hot, *_) = machine.image, chances(f"{machine.key}:properties")
    os_type = image.os_type.lower()
    settings: dict[str, Json] = {
        "patchMode": machine.lot.patch_mode,
        "assessmentMode": machine.lot.assessment_mode,
    }
    if image.is_windows:
        settings["status"] = {"hotpatchEnablementStatus": _HOTPATCH[int(hot * len(_HOTPATCH))]}
    told: dict[str, Json] = {
        "osType": os_type,
        "osName": os_type,
        "osSku": image.os_name,
        "osVersion": image.os_version,
        "agentVersion": "1.52.02932.1971",
        "provisioningState": "Succeeded",
        "osProfile": {
            f"{os_type}Configuration": {} if machine.lot.is_untold else {"patchSettings": settings}
        },
        "licenseProfile": {"esuProfile": _ESU[int(esu * len(_ESU))] if image.is_windows else None},
    }
    return told if machine.lot.is_untold else told | {"status": _STATES[machine.lot.power_state]}


def server_entry(machine: Machine) -> dict[str, Json]:
    """A server in the list of its subscription."""
    return {
        "name": machine.name,
        "id": machine.compute_id,
        "type": API_TYPE,
        "location": machine.region,
        "tags": {**machine.tags},
        "properties": server_properties(machine),
    }


def refusal_of_server(machine: Machine) -> Answer | None:
    """The error that a start of a server meets, or None where it is taken."""
    if machine.subscription.state == "Warned":
        return read_only(machine.subscription.subscription_id)
    match machine.fate:
        case Fate.STOPPED | Fate.STOPPED_UNSEEN | Fate.AGENT_NOT_READY:
            return arm_error(409, "MachineNotConnected", f"The machine '{machine.name}' is not connected.")
        case Fate.REFUSED_GONE:
            return server_not_found(machine)
        case Fate.REFUSED_DENIED:
            return denied(ACTION, machine.resource_id)
        case Fate.REFUSED_BAD_REQUEST:
            return arm_error(400, "InvalidParameter", "The machine's agent is too old for patch operations.")
        case Fate.REFUSED_CONFLICT:
            return arm_error(409, "Conflict", "The request failed due to conflict with a concurrent request.")
        case _:
            return None


def server_not_found(machine: Machine) -> Answer:
    """ARM's 404 for a server that is not there, or not any more."""
    return arm_error(
        404,
        "ResourceNotFound",
        f"The Resource '{API_TYPE}/{machine.name}' under resource group '{machine.resource_group}' was not "
        "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def retry_after(speed: float) -> dict[str, str]:
    """The header with which a poll is put off."""
    return {"retry-after": str(ceil(RETRY_AFTER_S / speed) if speed < RETRY_AFTER_S else 0)}


def server_result(machine: Machine, activity_id: str, times: tuple[str, str], found: Findings) -> bytes:
    """What an operation ends in; `times` are when the guest began and when it was done."""
    began, modified = times
    result: dict[str, Json] = {
        "startDateTime": began,
        "lastModifiedDateTime": modified,
        "startedBy": "User",
        "rebootPending": found.is_reboot_pending,
        "status": inner_status(machine.fate),
        "assessmentActivityId": activity_id,
        "osType": machine.image.os_type,
    }
    if machine.image.is_windows:
        result["patchServiceUsed"] = "WU"
    if result["status"] != "Succeeded":
        result["errorDetails"] = inner_error(machine)
    if machine.fate is not Fate.NO_COUNTS:
        words = Counter(patch.classification for patch in found.missing)
        classes = _CLASSES if machine.image.is_windows else _LINUX_CLASSES
        result["availablePatchCountByClassification"] = {name: words[word] for name, word in classes.items()}
    return orjson.dumps(result)
