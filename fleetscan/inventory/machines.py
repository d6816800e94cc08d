"""From Azure's description of a VM or an Arc server to a `Target`: ids, images, words for states.

A value of an unexpected type counts as not said (None); an id that is none is the one thing that raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleetscan.addresses import parse_vm_id
from fleetscan.engine.replies import text_at, value_at
from fleetscan.inventory.servers import as_vm, esu_status_of, is_arc_id
from fleetscan.model import Json, Target
from fleetscan.records.machine_facts import shared_facts
from fleetscan.records.row import MachineFacts

# What a target is made of, and where a virtual machine's own object has it. Resource Graph projects these
# columns, so that its rows and Compute's objects become targets in one way.
PATHS: Mapping[str, str] = {
    "osType": "properties.storageProfile.osDisk.osType",
    "image": "properties.storageProfile.imageReference",
    "windowsPatching": "properties.osProfile.windowsConfiguration.patchSettings",
    "linuxPatching": "properties.osProfile.linuxConfiguration.patchSettings",
}
# These live in the instance view, which Graph and Compute keep in different places.
VIEW_PATHS: Mapping[str, str] = {
    "osName": "osName",
    "osVersion": "osVersion",
    "powerState": "powerState.code",
}
# Where the patch settings of an Arc server tell of hotpatching.
HOTPATCH = "status.hotpatchEnablementStatus"
# The tags of a VM where it is not told whether it has any. The object itself says so, and is never changed.
UNTOLD_TAGS: Mapping[str, str] = {}


def target_of(facts: Json, names: Mapping[str, str | None]) -> Target:
    """The VM that `facts` tell: id, location, tags and the columns of PATHS and VIEW_PATHS.

    Or the Arc server, with those of SERVER_PATHS. `names` gives subscriptions' names by lower-case id. Raises
    ValueError where the id is none.
    """
    resource_id = text_at(facts, "id") or ""
    parts = parse_vm_id(resource_id)
    facts = as_vm(facts) if isinstance(facts, dict) and is_arc_id(resource_id) else facts
    return Target(
        resource_id=resource_id,
        subscription_id=parts.subscription_id,
        resource_group=parts.resource_group,
        name=parts.name,
        location=location_of(text_at(facts, "location")),
        subscription_name=names.get(parts.subscription_id.lower()),
        os_type=os_type_of(text_at(facts, "osType")),
        power_state=power_state_of(text_at(facts, "powerState")),
        tags=tags_of(value_at(facts, "tags")),
        facts=shared_facts(_machine_facts(facts)),
    )


def _machine_facts(facts: Json) -> MachineFacts:
    """The facts that a row alone repeats."""
    windows, linux = value_at(facts, "windowsPatching"), value_at(facts, "linuxPatching")
    return {
        "os_name": text_at(facts, "osName"),
        "os_version": text_at(facts, "osVersion"),
        "image": image_of(value_at(facts, "image")),
        "patch_mode": text_at(windows, "patchMode") or text_at(linux, "patchMode"),
        "assessment_mode": text_at(windows, "assessmentMode") or text_at(linux, "assessmentMode"),
        "esu_status": esu_status_of(value_at(facts, "esuProfile")),
        "hotpatch_status": text_at(windows, HOTPATCH) or text_at(linux, HOTPATCH),
    }


def facts_of_vm(vm: Json, status: Json = None) -> dict[str, Json]:
    """The facts in a VM's object of a Compute list, its instance view from the `statusOnly` list."""
    facts = {name: value_at(vm, name) for name in ("id", "location", "tags")}
    facts |= {name: value_at(vm, path) for name, path in PATHS.items()}
    return facts | view_of(status)


def view_of(status: Json) -> dict[str, Json]:
    """The facts in a VM's object of the `statusOnly` list."""
    view = value_at(status, "properties.instanceView")
    return {
        "osName": text_at(view, "osName"),
        "osVersion": text_at(view, "osVersion"),
        "powerState": _power_code(value_at(view, "statuses")),
    }


def with_view(target: Target, view: dict[str, Json] | None) -> Target:
    """`target` with the facts of its `view`, where there is one."""
    if view is None:
        return target
    seen = {"os_name": view["osName"], "os_version": view["osVersion"]}
    power_state = power_state_of(text_at(view, "powerState"))
    return replace(target, power_state=power_state, facts=shared_facts({**target.facts, **seen}))


def _power_code(statuses: Json) -> str | None:
    codes = [text_at(status, "code") or "" for status in statuses] if isinstance(statuses, list) else []
    return next((code for code in codes if code.lower().startswith("powerstate/")), None)


def location_of(text: str | None) -> str | None:
    """A region in Azure's short form: "South Central US" is southcentralus."""
    return "".join(text.split()).lower() or None if text else None


def os_type_of(text: str | None) -> str | None:
    """The word as records spell it, Windows or Linux; None for any other."""
    return {"windows": "Windows", "linux": "Linux"}.get((text or "").lower())


def power_state_of(text: str | None) -> str | None:
    """The lower-case word of "PowerState/running", "VM running" (az) or "Stopped (deallocated)" (the portal).

    A word that is not Azure's, or not yet, stays as it is; nothing is concluded from it.
    """
    words = (text or "").rpartition("/")[2].lower().split()
    word = " ".join(words[1:] if words[:1] == ["vm"] else words)
    return "deallocated" if word == "stopped (deallocated)" else word or None


def image_of(reference: Json) -> str | None:
    """A marketplace image as publisher:offer:sku:version, any other by its resource id."""
    parts = [text_at(reference, part) for part in ("publisher", "offer", "sku", "version")]
    if all(parts[:3]):
        return ":".join(part or "" for part in parts).rstrip(":")
    ids = ("id", "sharedGalleryImageId", "communityGalleryImageId")
    return next((found for name in ids if (found := text_at(reference, name))), None)


def tags_of(value: Json) -> dict[str, str]:
    """The tags whose values are text, as ARM's are."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {name: text for name, text in pairs if isinstance(text, str)}
