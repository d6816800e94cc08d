"""A machine as a resource object: the properties that the Compute list and Resource Graph both show.

Field names and their case are those of the recorded lists.
"""

from __future__ import annotations

import hashlib
import uuid

from fleetscan.model import Json
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine

API_TYPE = "Microsoft.Compute/virtualMachines"
GRAPH_TYPE = "microsoft.compute/virtualmachines"

_POWER_WORDS = {"running": "VM running", "stopped": "VM stopped", "deallocated": "VM deallocated"}


def vm_properties(machine: Machine) -> dict[str, Json]:
    """`properties` without any run-time state."""
    image = machine.image
    return {
        "vmId": vm_uuid(machine),
        "hardwareProfile": {"vmSize": "Standard_D4s_v5" if image.is_windows else "Standard_D2s_v5"},
        "provisioningState": "Succeeded",
        "storageProfile": {
            "imageReference": {
                "publisher": image.publisher,
                "offer": image.offer,
                "sku": image.sku,
                "version": "latest",
                "exactVersion": image.exact_version,
            },
            "osDisk": {"osType": image.os_type, "createOption": "FromImage", "caching": "ReadWrite"},
            "dataDisks": [],
        },
        "osProfile": _os_profile(machine),
        "timeCreated": "2025-03-04T06:50:01.3407052+00:00",
    }


def power_status(machine: Machine) -> dict[str, Json]:
    """The power state, as the instance view's statuses give it."""
    state = power_state(machine)
    return {"code": f"PowerState/{state}", "level": "Info", "displayStatus": _POWER_WORDS[state]}


def power_state(machine: Machine) -> str:
    """The power state in the listings; a machine that stopped unseen is still listed as running."""
    return machine.lot.power_state


def extended_properties(machine: Machine) -> dict[str, Json]:
    """`properties.extended` of Resource Graph."""
    image = machine.image
    view: dict[str, Json] = {"hyperVGeneration": "V2"}
    if not machine.lot.is_untold:
        view["powerState"] = power_status(machine)
    if machine.fate is not Fate.STOPPED:
        # A stopped guest reports nothing of itself.
        view |= {"computerName": machine.name, "osName": image.os_name, "osVersion": image.os_version}
    return {"instanceView": view}


def vm_uuid(machine: Machine) -> str:
    """The machine's own guid, which follows from its id."""
    return str(uuid.UUID(bytes=hashlib.blake2b(machine.key.encode(), digest_size=16).digest(), version=4))


def _os_profile(machine: Machine) -> dict[str, Json]:
    settings: dict[str, Json] = {
        "patchMode": machine.lot.patch_mode,
        "assessmentMode": machine.lot.assessment_mode,
    }
    if machine.lot.known.bypasses_checks is not None and machine.lot.patch_mode == "AutomaticByPlatform":
        settings["automaticByPlatformSettings"] = {
            "rebootSetting": "IfRequired",
            "bypassPlatformSafetyChecksOnUserSchedule": machine.lot.known.bypasses_checks,
        }
    configuration: dict[str, Json] = {"provisionVMAgent": True}
    if not machine.lot.is_untold:
        configuration["patchSettings"] = settings
    kind = "windowsConfiguration" if machine.image.is_windows else "linuxConfiguration"
    return {
        "computerName": machine.name,
        kind: configuration,
        "secrets": [],
        "allowExtensionOperations": True,
    }
