"""What Azure tells of an Arc server, in the words that a VM has for the same. Pure.

Facts: Microsoft's documents on Microsoft.HybridCompute/machines, and objects in public issues: `osName` is
"linux" or "windows", or the name itself; `osSku` has the name where it is told.
"""

from __future__ import annotations

from collections.abc import Mapping

from fleetscan.engine.replies import text_at, value_at
from fleetscan.model import ARC_PROVIDER, Json

# Columns that an Arc server has beside those of a VM, and where its object has them.
SERVER_PATHS: Mapping[str, str] = {
    "serverOsType": "properties.osType",
    "serverOsName": "properties.osName",
    "serverOsSku": "properties.osSku",
    "serverOsVersion": "properties.osVersion",
    "serverStatus": "properties.status",
    "esuProfile": "properties.licenseProfile.esuProfile",
}
ELIGIBLE = "eligible"
OS_TYPES = ("windows", "linux")


def is_arc_id(resource_id: str) -> bool:
    """Whether it is the id of an Arc server."""
    return ARC_PROVIDER in resource_id.lower()


def facts_of_server(server: Json) -> dict[str, Json]:
    """What a server's object tells beside what it has in common with a VM's."""
    return {name: value_at(server, path) for name, path in SERVER_PATHS.items()}


def as_vm(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The `facts` of a server under the names that they have for a VM."""
    told = {**facts}
    name, sku = text_at(told, "serverOsName"), text_at(told, "serverOsSku")
    os_type = text_at(told, "serverOsType") or (name if (name or "").lower() in OS_TYPES else None)
    return told | {
        "osType": os_type or text_at(told, "osType"),
        "osName": sku or name or text_at(told, "osName"),
        "osVersion": text_at(told, "serverOsVersion") or text_at(told, "osVersion"),
        "powerState": text_at(told, "serverStatus") or text_at(told, "powerState"),
        "image": None,
    }


def esu_status_of(profile: Json) -> str | None:
    """One word on extended security updates: why there are none, or whether a license is assigned."""
    eligibility = text_at(profile, "esuEligibility")
    if eligibility is not None and eligibility.lower() != ELIGIBLE:
        return eligibility
    return text_at(profile, "licenseAssignmentState") or eligibility
